"""Backups: making them, keeping them, copying them."""
