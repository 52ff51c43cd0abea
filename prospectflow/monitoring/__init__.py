"""What tells an operator's programs how the installation fares: health and metrics."""
