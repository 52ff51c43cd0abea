"""The daily numbers, for programs."""
