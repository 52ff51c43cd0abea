"""The ids of imported rows: the import's own id, with the file's row number in its last four bytes.

So an import that goes on after its death makes the same rows again, the rows it made are one range
of every table's key, and an id tells which row of which file it came from.
"""

from uuid import UUID

ROW_BITS = 32
NUMBERS_OF_ROW = 16  # telephone numbers that one row may make: a supplier tells one at most
# SQL: the id of what a row makes; %(import_id)s is a UUID of version 7.
MADE_BY_ROW = "(left(%(import_id)s::text, 28) || lpad(to_hex({row}), 8, '0'))::uuid"
# SQL: whether a row of the base was made by this very import, perhaps before it died.
MADE_HERE = "{id} BETWEEN %(first_id)s AND %(last_id)s"


def made_by_row(import_id: UUID, row: int) -> UUID:
    """The id of what this row of the file makes."""
    return UUID(int=import_id.int >> ROW_BITS << ROW_BITS | row)


def made_range(import_id: UUID) -> tuple[UUID, UUID]:
    """The first and the last id that rows of this import may have."""
    return made_by_row(import_id, 0), made_by_row(import_id, 2**ROW_BITS - 1)


def parameters(import_id: UUID) -> dict[str, UUID]:
    """What MADE_BY_ROW and MADE_HERE ask for."""
    first, last = made_range(import_id)
    return {"import_id": import_id, "first_id": first, "last_id": last}
