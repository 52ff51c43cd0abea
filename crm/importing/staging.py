"""The working tables of one import: what the file says, as it was read, before anything is stored.

They are temporary tables of the session, so no other session can see them and nothing is logged;
when the session dies they are gone, and reading the file again makes the same ones.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import connection

from crm.importing.columns import COMPANY_COLUMNS, PHONE_COLUMNS, PROBLEM_COLUMNS, ROW_COLUMNS
from crm.importing.parsing import Staged

READ: Mapping[str, Mapping[str, str]] = {
    "rows": ROW_COLUMNS,
    "companies": COMPANY_COLUMNS,
    "phones": PHONE_COLUMNS,
    "problems": PROBLEM_COLUMNS,
}
# Working tables are large and plain: a small sample tells the planner what it needs.
SAMPLED = 10
# What is worked out from them; later modules fill these.
WORKED_OUT = (
    *("live", "refs", "ref_leaders", "company_keys", "company_match", "file_companies"),
    *("known_pages", "owners", "first_owners", "person_rows", "person_keys", "person_leaders"),
    *("file_people", "repeated", "placed", "file_phones"),
    *("changed_companies", "changed_people", "changed_positions"),
)


@contextmanager
def working_tables() -> Iterator[None]:
    """Empty working tables for the length of one import."""
    drop()
    run(f"SET default_statistics_target = {SAMPLED}")
    for table, columns in READ.items():
        fields = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        run(f"CREATE TEMPORARY TABLE staged_{table} ({fields})")
    try:
        yield
    finally:
        if not connection.needs_rollback and connection.is_usable():
            drop()
            run("RESET default_statistics_target")


def drop() -> None:
    """Take the working tables away; a session that died left none."""
    _drop([f"staged_{table}" for table in READ])
    forget_what_was_worked_out()


def forget_what_was_worked_out() -> None:
    """Keep what was read, and nothing that was made of it."""
    _drop(WORKED_OUT)


def _drop(names: Iterable[str]) -> None:
    run("DROP TABLE IF EXISTS " + ", ".join(f"pg_temp.{name}" for name in names))


def store(staged: Staged) -> None:
    """Put what was read of some rows into the working tables."""
    for table, columns in READ.items():
        if lines := getattr(staged, table):
            names = ", ".join(f'"{name}"' for name in columns)
            statement = f"COPY pg_temp.staged_{table} ({names}) FROM STDIN"
            with connection.cursor() as cursor, cursor.copy(statement) as copy:
                copy.write(lines)


def run(statement: str, parameters: Mapping[str, Any] | None = None) -> int:
    """Carry out one statement; returns how many rows it concerned."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.rowcount


def ask(statement: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
    """The rows that a query finds."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def make(name: str, query: str, parameters: Mapping[str, Any] | None = None) -> None:
    """Make a working table of what a query finds, and let the planner know how large it is."""
    run(f"CREATE TEMPORARY TABLE {name} AS {query}", parameters)
    run(f"ANALYZE pg_temp.{name}")


@contextmanager
def by_index() -> Iterator[None]:
    """Have stored rows looked up through their indexes, never by reading a whole table.

    A table that imports fill has no statistics yet, and the planner would think it small. For the
    same reason such lookups are written as LATERAL (… OFFSET 0): one lookup for each row, which no
    planner turns into a join.
    """
    run("SET LOCAL enable_seqscan = off")
    yield
    run("SET LOCAL enable_seqscan = on")
