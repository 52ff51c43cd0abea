"""What a snapshot of the database holds: roles, migrations, rows."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from .errors import BackupFailed, BackupRefused
from .locking import unreachable

TABLES = """
    SELECT nspname, relname, pg_table_size(pg_class.oid)
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind IN ('r', 'p') AND relpersistence <> 't' AND nspname !~ '^pg_'
        AND nspname <> 'information_schema'
        AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e')
        AND (cardinality(%(schemas)s::text[]) = 0 OR nspname = ANY (%(schemas)s))
    ORDER BY 1, 2
"""
SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname = ANY (%s)"
ROLES = """
    SELECT rolname, array_remove(ARRAY[
        CASE WHEN rolcanlogin THEN 'LOGIN' END, CASE WHEN rolsuper THEN 'SUPERUSER' END,
        CASE WHEN rolbypassrls THEN 'BYPASSRLS' END, CASE WHEN rolcreatedb THEN 'CREATEDB' END,
        CASE WHEN rolcreaterole THEN 'CREATEROLE' END,
        CASE WHEN rolreplication THEN 'REPLICATION' END], NULL)
    FROM pg_roles
    WHERE oid IN (
        SELECT refobjid FROM pg_shdepend JOIN pg_database ON pg_database.oid = dbid
        WHERE datname = current_database() AND refclassid = 'pg_authid'::regclass)
    ORDER BY 1
"""
OF_A_SNAPSHOT = ("SELECT pg_export_snapshot()", "SELECT current_database()", "SHOW server_version")
MAY_READ_ALL = "SELECT rolbypassrls OR rolsuper FROM pg_roles WHERE rolname = current_user"


@dataclass(frozen=True)
class Table:
    """A table, and how many bytes it takes without its indexes."""

    schema: str
    name: str
    bytes: int

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class Snapshot:
    """One moment of a database, by whose id pg_dump can be told to dump the same."""

    connection: psycopg.Connection
    id: str
    database: str
    server_version: str


def refuse_unknown(connection: psycopg.Connection, schemas: Sequence[str]) -> None:
    """Raise BackupRefused unless the database has these schemas."""
    known = {name for (name,) in connection.execute(SCHEMAS, [list(schemas)])}
    if unknown := set(schemas) - known:
        raise BackupRefused(f"There is no schema {', '.join(sorted(unknown))} in the database.")


def tables(connection: psycopg.Connection, schemas: Sequence[str] = ()) -> list[Table]:
    """The tables of these schemas, or of all; temporary and extensions' own are left out."""
    return [Table(*row) for row in connection.execute(TABLES, {"schemas": list(schemas)})]


def count_rows(connection: psycopg.Connection, schemas: Sequence[str] = ()) -> dict[str, int]:
    """How many rows each table of these schemas, or of all, has: by "schema.table"."""
    count = sql.SQL("SELECT count(*) FROM {}")
    return {
        str(table): int(_one(connection, count.format(sql.Identifier(table.schema, table.name))))
        for table in tables(connection, schemas)
    }


def applied_migrations(connection: psycopg.Connection) -> dict[str, list[str]]:
    """The migrations that were applied, by app, in the order in which they were."""
    applied: dict[str, list[str]] = defaultdict(list)
    for app, name in connection.execute("SELECT app, name FROM django_migrations ORDER BY id"):
        applied[app].append(name)
    return dict(applied)


def roles(connection: psycopg.Connection) -> dict[str, list[str]]:
    """The roles that own something here or were granted something, with their attributes."""
    return dict(connection.execute(ROLES).fetchall())


@contextmanager
def snapshot(database_url: str) -> Iterator[Snapshot]:
    """Hold one moment of the whole database, which only a role that no policy stops can read."""
    try:
        connection = psycopg.connect(database_url)
    except psycopg.OperationalError as error:
        raise unreachable(error) from error
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    try:
        with connection:
            _refuse_who_cannot_read_all(connection)
            yield Snapshot(connection, *(str(_one(connection, each)) for each in OF_A_SNAPSHOT))
    except psycopg.Error as error:
        reason = str(error).splitlines()[0]
        raise BackupFailed(f"The database could not be read to its end: {reason}") from error


def _refuse_who_cannot_read_all(connection: psycopg.Connection) -> None:
    if not _one(connection, MAY_READ_ALL):
        raise BackupRefused(
            f"{connection.info.user} cannot read every organisation: backups are made by the"
            " owner (DATABASE_ROLE=owner, or a DATABASE_URL of prospectflow_owner)."
        )
    connection.execute("SET LOCAL statement_timeout = 0")
    connection.execute("SET LOCAL lock_timeout = '5min'")  # a migration may be at work
    connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")


def _one(connection: psycopg.Connection, statement: LiteralString | sql.Composed) -> Any:
    row = connection.execute(statement).fetchone()
    assert row is not None
    return row[0]
