"""One organisation out of the database as a file, and in again, through row-level security."""
