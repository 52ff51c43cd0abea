"""Restore an archive: into a new database, which is compared and then takes the other's name.

Until that last step nothing is changed, and that step is one transaction.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import LiteralString

import psycopg
from django.db import DatabaseError, connection
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from outreach.services.restoring import shut
from prospectflow.queue import forget_workers
from prospectflow.queue.connecting import SESSION
from prospectflow.tenancy import SCHEMAS

from .archives import Archive, OpenArchive, verified
from .comparing import apart, differences, known_here
from .connecting import LIBPQ
from .contents import tables
from .databases import Server
from .dumping import dump
from .errors import BackupFailed, RestoreFailed, RestoreRefused
from .loading import load, load_mixed
from .names import SAFETY

MADE_ANEW = ("sending", "reading", "upkeep")  # by the tick, from what the tables say
NAMED_AT_MOST = 5
TAKES = "SELECT pg_database_size(current_database())"
OURS = "restore"  # the name of the session that keeps others from writing
SESSIONS = """
SELECT count(*) FILTER (WHERE application_name = %s), count(*) FILTER (WHERE rolsuper)
FROM pg_stat_activity JOIN pg_roles ON pg_roles.oid = usesysid
WHERE datname = current_database()
"""

type Tell = Callable[[str], object]


@dataclass(frozen=True)
class Plan:
    """What is restored over which database, and what the databases are called then."""

    server: Server
    archive: OpenArchive
    schema: str | None  # none: all of it
    at: datetime  # aware
    is_empty: bool  # no table is in the database that serves
    takes_bytes: int  # that database, on its server's disk

    @property
    def new(self) -> str:
        """The database that is filled."""
        return f"{self.server.database}_restoring_{self.at.astimezone(UTC):%Y%m%d_%H%M%S}"

    @property
    def kept(self) -> str:
        """What the database that serves is called afterwards."""
        return f"{self.server.database}_before_{self.at.astimezone(UTC):%Y%m%d_%H%M%S}"

    def takes(self, table: str) -> bool:
        """Whether the rows of schema.table are the archive's."""
        return self.schema in (None, table.partition(".")[0])


def planned(server: Server, archive: OpenArchive, *, schema: str | None, now: datetime) -> Plan:
    """What a restore of this archive would do; RestoreRefused where it cannot be done."""
    _refuse_other_contents(archive, schema)
    _refuse_other_versions(archive)
    server.refuse_unless_able()
    with closing(server.connect(server.database)) as session:
        is_empty, takes = not tables(session), _first(session, TAKES)
        _refuse_older_server(session, archive)
    if is_empty and schema:
        raise RestoreRefused(
            f"{server.database} is empty, so {schema} alone has nothing to stand on: restore a"
            " whole archive first."
        )
    _refuse_while_in_use(server)
    return Plan(server, archive, schema, now, is_empty, int(str(takes)))


def restore(plan: Plan, directory: Path, *, now: datetime, tell: Tell) -> int:
    """Do what was planned, telling each step; how many jobs wait in the restored queue.

    Call it within `alone`. The safety backup goes to the directory. Raises a DomainError, with
    everything as it was, when anything goes wrong.
    """
    server = plan.server
    server.drop_left_over(f"{server.database}_restoring_")
    with (
        _explained(server),
        _unwritten(plan),
        _safety_backup(plan, directory, now, tell) as safety,
        server.new(plan.new),
    ):
        tell(f"Restoring into the new database {plan.new}.")
        _fill(plan, safety)
        tell("Comparing it with what was backed up.")
        _refuse_differences(plan, safety)
        left = _settle(plan)
        _refuse_while_in_use(server)
        tell(f"Giving it the name {server.database}.")
        server.put_in_place(plan.new, kept=plan.kept, last=OURS)
    return left


def _refuse_other_contents(archive: Archive, schema: str | None) -> None:
    kind, schemas = archive.manifest.kind, archive.manifest.schemas
    if schema and schema not in SCHEMAS:
        raise RestoreRefused(f"There is no schema {schema}: it is one of {', '.join(SCHEMAS)}.")
    if kind == "schema":
        raise RestoreRefused(f"{archive.path.name} holds definitions and no rows: nothing is lost.")
    if schema and schemas and schema not in schemas:
        raise RestoreRefused(f"{archive.path.name} holds {', '.join(schemas)}, and not {schema}.")
    if not schema and (kind != "full" or schemas):
        raise RestoreRefused(
            f"{archive.path.name} is not of a whole database: restore one schema of it, by"
            f" --schema {(schemas or SCHEMAS)[0]}."
        )


def _refuse_other_versions(archive: Archive) -> None:
    missing, unknown = apart(archive.manifest.migrations, known_here())
    if unknown:
        raise RestoreRefused(
            f"{archive.path.name} is of a newer version, which has {_some(unknown)}: restore it"
            " with that version of ProspectFlow."
        )
    if missing:
        raise RestoreRefused(
            f"{archive.path.name} is of an older version, which lacks {_some(missing)}: restore it"
            " with that version of ProspectFlow, then migrate."
        )


def _refuse_older_server(session: psycopg.Connection, archive: Archive) -> None:
    ours = str(_first(session, "SHOW server_version"))
    if _major(ours) < _major(archive.manifest.server_version):
        raise RestoreRefused(
            f"{archive.path.name} is of PostgreSQL {archive.manifest.server_version}, and this"
            f" server is {ours}: restore it on the same version or a later one."
        )


def _refuse_while_in_use(server: Server) -> None:
    """Workers would act on what is restored; and only a superuser ends a superuser's session."""
    with closing(server.connect(server.database)) as session:
        counted = session.execute(SESSIONS, [SESSION["application_name"]]).fetchone()
    workers, superusers = counted or (0, 0)
    if workers:
        raise RestoreRefused("Workers are running: stop every one of them, and restore again.")
    if superusers:
        raise RestoreRefused(
            f"A superuser is connected to {server.database}: end that session, and restore again."
        )


@contextmanager
def _explained(server: Server) -> Iterator[None]:
    """Turn what PostgreSQL refuses in the middle into one sentence."""
    try:
        yield
    except (psycopg.Error, DatabaseError) as error:
        raise RestoreFailed(
            f"PostgreSQL ended the restore: {str(error).splitlines()[0]}. {server.database} is as"
            " it was, unless it was just being replaced."
        ) from error


@contextmanager
def _unwritten(plan: Plan) -> Iterator[None]:
    """Where one schema is replaced the others must not change meanwhile: others only read."""
    with closing(plan.server.connect(plan.server.database, application_name=OURS)) as session:
        if plan.schema:
            names = [sql.Identifier(table.schema, table.name) for table in tables(session)]
            session.execute("SET lock_timeout = '10s'")
            session.execute("SET idle_in_transaction_session_timeout = 0")
            session.execute("BEGIN")
            try:
                session.execute(
                    sql.SQL("LOCK TABLE {} IN SHARE MODE").format(sql.SQL(", ").join(names))
                )
            except psycopg.errors.LockNotAvailable as error:
                raise RestoreRefused(
                    "Somebody has been writing for ten seconds: stop the web, and restore again."
                ) from error
        yield


@contextmanager
def _safety_backup(
    plan: Plan, directory: Path, now: datetime, tell: Tell
) -> Iterator[OpenArchive | None]:
    """A whole backup of the database as it is; open where rows of it are needed."""
    if plan.is_empty:
        yield None
        return
    try:
        url = plan.server.owner_url
        made = dump("full", (), directory, now=now, database_url=url, mark=SAFETY)
    except BackupFailed as error:
        raise RestoreFailed(
            f"{plan.server.database} could not be backed up first: {error} If it is damaged, set"
            " it aside by another name, bootstrap and restore again."
        ) from error
    tell(f"The database as it is was backed up to {made.path}.")
    if plan.schema:
        with verified(made.path) as archive:
            yield archive
    else:
        yield None


def _fill(plan: Plan, safety: OpenArchive | None) -> None:
    if plan.schema and safety:
        load_mixed(plan.server, safety.dump, plan.archive.dump, schema=plan.schema, into=plan.new)
    else:
        load(plan.server, plan.archive.dump, into=plan.new)


def _refuse_differences(plan: Plan, safety: OpenArchive | None) -> None:
    """Raise RestoreFailed unless the new database holds what the manifests say."""
    wanted = plan.archive.manifest.rows
    if safety:
        others = {table: n for table, n in safety.manifest.rows.items() if not plan.takes(table)}
        wanted = others | {table: n for table, n in wanted.items() if plan.takes(table)}
    with closing(plan.server.connect(plan.new)) as session:
        differing = list(
            differences(session, rows=wanted, migrations=plan.archive.manifest.migrations)
        )
    if differing:
        raise RestoreFailed(
            f"What was restored is not what was backed up: {_some(differing)}. Nothing was"
            " changed; take another backup."
        )


def _settle(plan: Plan) -> int:
    """What must be true of the copy before anybody gets in."""
    with leading_to(plan.server.url(plan.new)):
        shut()
        left = forget_workers(MADE_ANEW)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")  # a dump holds no statistics, and the first pages would crawl
    return left


@contextmanager
def leading_to(url: str) -> Iterator[None]:
    """Have Django's connection lead there while the block runs."""
    before, told = dict(connection.settings_dict), conninfo_to_dict(url)
    connection.close()
    connection.settings_dict.update({key: told.get(name, "") for key, name in LIBPQ.items()})
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(before)


def _first(session: psycopg.Connection, query: LiteralString) -> object:
    row = session.execute(query).fetchone()
    return row[0] if row else None


def _major(version: str) -> int:
    return int(version.split(".")[0])


def _some(names: list[str]) -> str:
    rest = len(names) - NAMED_AT_MOST
    return ", ".join(names[:NAMED_AT_MOST]) + (f" and {rest} more" if rest > 0 else "")
