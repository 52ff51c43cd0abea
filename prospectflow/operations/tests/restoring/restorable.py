"""A database of the tests' own with a row of everything, to be backed up and replaced."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from django.conf import settings

from prospectflow import tasks  # noqa: F401  (what is deferred must be declared)
from prospectflow.operations import embedded
from prospectflow.operations.backups.archives import verified
from prospectflow.operations.backups.databases import Server
from prospectflow.operations.backups.restoring import leading_to, planned, restore
from prospectflow.operations.embedded.postgres import binaries
from prospectflow.queue import defer
from prospectflow.tenancy.checks import tenant_models
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_organisation
from prospectflow.testing.processes import environment
from prospectflow.testing.rows import make_row

NAME = f"restorable_{os.getpid()}"
SOURCE = f"{NAME}_source"
NIGHT = datetime(2026, 11, 24, 2, tzinfo=UTC)
LATER = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
TABLES = """
SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
WHERE schemaname IN ('public', 'iam', 'crm', 'outreach', 'tracking') ORDER BY 1
"""
QUEUE = {"public.procrastinate_jobs", "public.procrastinate_events", "public.procrastinate_workers"}
SETTLED = {"outreach.platform", *QUEUE}  # what a restore changes on purpose
CHANGES = {
    "iam": "UPDATE iam.organisations SET name = name || ' since'",
    "crm": "UPDATE crm.companies SET name = name || ' since'",
    "outreach": "UPDATE outreach.campaigns SET name = name || ' since'",
    "tracking": "DELETE FROM tracking.campaign_daily_stats",
}
REOPEN = "UPDATE outreach.platform SET database_mark = outreach.database_mark()"


def url(name: str, role: str = "owner") -> str:
    return embedded.database_url(settings.LOCAL_DIRECTORY, role=role, database=name)


def server() -> Server:
    return Server(url(NAME))


def fill(name: str) -> None:
    """A row of every kind in each of two organisations, and jobs in the queue."""
    with leading_to(url(name, role="app")):
        for slug in ("acme", "other"):
            organisation = make_organisation(slug=slug)
            with tenant(organisation.pk):
                for model in tenant_models():
                    make_row(model)
                defer("prospectflow.write_drafts", organisation_id=organisation.pk)
                defer("outreach.import_upload", organisation_id=organisation.pk, upload_id=uuid4())


def copy(source: str, target: str) -> None:
    """The same database once more, under another name, as the one that may send."""
    with closing(server().connect("postgres")) as session:
        session.execute(f'CREATE DATABASE "{target}" TEMPLATE "{source}"')
        session.execute(f'REVOKE ALL ON DATABASE "{target}" FROM PUBLIC')
        session.execute(f'GRANT CONNECT, TEMPORARY ON DATABASE "{target}" TO prospectflow_app')
    execute(REOPEN, name=target)


def execute(statement: str, *values: object, name: str = NAME) -> list[tuple]:
    with closing(server().connect(name)) as session:
        done = session.execute(statement, values or None)
        return done.fetchall() if done.description else []


def change_everything() -> None:
    """What happens in each schema after the backup."""
    for statement in CHANGES.values():
        execute(statement)


def restored(
    backup: Path, schema: str | None = None, tell: Callable[[str], object] = lambda word: None
) -> int:
    """Restore at half past nine what was backed up at night."""
    with verified(backup) as archive:
        plan = planned(server(), archive, schema=schema, now=LATER)
        return restore(plan, settings.BACKUP_DIRECTORY, now=LATER, tell=tell)


def manage(*arguments: str, role: str = "owner") -> subprocess.Popen[str]:
    """Start manage.py on our database; whoever starts it also ends it."""
    told = {
        "DATABASE_URL": url(NAME, role),
        "DATABASE_ROLE": role,
        "BACKUP_DIRECTORY": str(settings.BACKUP_DIRECTORY),
        "PYTHONUNBUFFERED": "1",
        "PATH": f"{binaries()}:{os.environ['PATH']}",
    }
    return subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env=environment() | told,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def contents(name: str = NAME) -> dict[str, list[str]]:
    """Every row of every table, as text."""
    with closing(server().connect(name)) as session:
        tables = [table for (table,) in session.execute(TABLES)]
        return {
            table: sorted(row for (row,) in session.execute(f"SELECT t::text FROM {table} t"))
            for table in tables
        }


def without(rows: dict[str, list[str]], tables: Iterable[str]) -> dict[str, list[str]]:
    return {table: found for table, found in rows.items() if table not in tables}


def of_schema(rows: dict[str, list[str]], schema: str) -> dict[str, list[str]]:
    return {table: found for table, found in rows.items() if table.startswith(f"{schema}.")}


def databases() -> set[str]:
    """Every database that was made of ours, and it."""
    with closing(server().connect("postgres")) as session:
        found = session.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [NAME]
        ).fetchall()
    return {name for (name,) in found} - {SOURCE}


def hold_unchanged(rows: dict[str, list[str]]) -> None:
    """Nothing was done that could be seen, and nothing half-done is left."""
    assert contents() == rows
    assert databases() == {NAME}


def drop_all() -> None:
    for name in databases():
        server().drop(name)
