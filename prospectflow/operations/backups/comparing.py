"""Whether a database holds what manifests say, and whether this version of the code can read it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import psycopg
from django.db.migrations.loader import MigrationLoader

from .contents import applied_migrations, count_rows

type Migrations = Mapping[str, Sequence[str]]


class Apart(NamedTuple):
    """What two histories of migrations do not share, as app.name."""

    missing: list[str]
    unknown: list[str]


def known_here() -> Migrations:
    """The migrations of this version of the code."""
    known: dict[str, list[str]] = {}
    for app, name in sorted(MigrationLoader(None).disk_migrations):
        known.setdefault(app, []).append(name)
    return known


def apart(applied: Migrations, known: Migrations) -> Apart:
    """What `applied` lacks of the known migrations, and what it has that is not known."""
    ours, theirs = _named(applied), _named(known)
    return Apart(sorted(theirs - ours), sorted(ours - theirs))


def differences(
    session: psycopg.Connection, *, rows: Mapping[str, int], migrations: Migrations
) -> Iterator[str]:
    """A sentence for each table and each migration in which the database there is another."""
    counted = count_rows(session)
    for table in sorted(counted.keys() | rows.keys()):
        if counted.get(table) != rows.get(table):
            yield f"{table} has {_count(counted, table)}, not {_count(rows, table)}"
    missing, unknown = apart(applied_migrations(session), migrations)
    yield from (f"{name} is not applied" for name in missing)
    yield from (f"{name} is applied" for name in unknown)


def _named(migrations: Migrations) -> set[str]:
    return {f"{app}.{name}" for app, names in migrations.items() for name in names}


def _count(rows: Mapping[str, int], table: str) -> str:
    return f"{rows[table]:,} row(s)" if table in rows else "no such table"
