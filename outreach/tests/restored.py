"""A backup of the test's database, really dumped, and really restored into another."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from django.conf import settings
from django.db import connection

from prospectflow.operations import embedded
from prospectflow.operations.embedded.postgres import binaries, environment


def dump(folder: Path) -> Path:
    """What the database holds at this moment."""
    backup = folder / "backup.dump"
    _run("pg_dump", "--format=custom", f"--file={backup}", _url(_name()))
    return backup


@contextmanager
def restored(backup: Path) -> Iterator[None]:
    """Serve from a new database with what the backup holds."""
    original, copy = _name(), f"{_name()}_restored"
    _command(f"CREATE DATABASE {copy} TEMPLATE template0")
    try:
        _run("pg_restore", "--exit-on-error", f"--dbname={_url(copy)}", str(backup))
        _serve_from(copy)
        yield
    finally:
        _serve_from(original)
        embedded.drop_database(settings.LOCAL_DIRECTORY, copy)


def restore_in_place(backup: Path) -> None:
    """Load the backup over the database that is served, which keeps its name."""
    connection.close()
    _run(
        "pg_restore", "--exit-on-error", "--clean", "--if-exists", f"--dbname={_url(_name())}",
        str(backup),
    )  # fmt: skip


def _name() -> str:
    return str(connection.settings_dict["NAME"])


def _command(statement: str) -> None:
    with psycopg.connect(_url("postgres"), autocommit=True) as superuser:
        superuser.execute(statement.encode())


def _url(database: str, role: str = "superuser") -> str:
    return embedded.database_url(settings.LOCAL_DIRECTORY, role=role, database=database)  # type: ignore[arg-type]


def _serve_from(database: str) -> None:
    connection.close()
    connection.settings_dict["NAME"] = database


def _run(program: str, *arguments: str) -> None:
    done = subprocess.run(
        [binaries() / program, *arguments], env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
