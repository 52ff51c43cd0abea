"""The database ENGINE: PostgreSQL, with tables laid down the tenants' way."""
