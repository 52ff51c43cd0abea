"""Raw rows of a file become lines that PostgreSQL's COPY takes in, with all that is wrong in them.

Nothing here knows Django or the database, so that it runs in processes that start fast.
"""

from crm.importing.parsing.batches import BatchParser, Staged

__all__ = ["BatchParser", "Staged"]
