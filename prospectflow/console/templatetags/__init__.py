"""Words and colours of the console's templates."""
