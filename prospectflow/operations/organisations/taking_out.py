"""One organisation out: every row of it as it stood at one instant, in one file."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from fcntl import LOCK_EX, LOCK_NB, flock
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZipFile

from django.db import connection
from psycopg import IsolationLevel

from iam.models import Organisation
from prospectflow.errors import DomainError
from prospectflow.operations.backups.disk import sync
from prospectflow.operations.organisations.archives import (
    CONTENTS,
    Contents,
    Part,
    applied_migrations,
)
from prospectflow.operations.organisations.tables import (
    ORGANISATIONS,
    USERS,
    Table,
    ask,
    tables,
    take_your_time,
)
from prospectflow.tenancy.context import tenant

BEGIN = "prospectflow_organisation_"


class NotWritten(DomainError):
    """The archive could not be written."""


def take_out(
    organisation: Organisation, directory: Path, *, now: datetime, why: str = ""
) -> tuple[Path, Contents]:
    """Write all that the organisation holds into a new file of the directory.

    Only a whole file bears its name, and only its owner may read it. Call it outside of a scope.
    Raises NotWritten.
    """
    name = f"{BEGIN}{organisation.slug}{why}_{now.astimezone(UTC):%Y%m%d_%H%M%S}"
    path = directory / f"{name}.zip"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with _whole(path) as file, ZipFile(file, "w", ZIP_DEFLATED) as packed:
            contents = _pack(organisation, packed, now)
    except OSError as error:
        raise NotWritten(f"{path} cannot be written: {error.strerror or error}.") from error
    return path, contents


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """A file that gets its name once everything is on the disk; else nothing is left of it."""
    if path.exists():
        raise NotWritten(f"{path} is there already: try again in a second.")
    _clear_away(path.parent)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            flock(file, LOCK_EX)
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
        sync(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def _clear_away(directory: Path) -> None:
    """Delete what killed exports left; one that is being written is locked by its process."""
    for partial in directory.glob(f"{BEGIN}*.partial"):
        with suppress(BlockingIOError, FileNotFoundError), partial.open("rb") as file:
            flock(file, LOCK_EX | LOCK_NB)
            partial.unlink()


def _pack(organisation: Organisation, packed: ZipFile, now: datetime) -> Contents:
    with _snapshot(organisation.pk):
        take_your_time()
        every = tables()
        parts = {table.name: _copy(packed, table) for table in every}
        parts[USERS.name] = _copy(packed, USERS, f"WHERE id IN ({_people(every)})")
        mine = "WHERE id = iam.current_organisation_id()"
        parts[ORGANISATIONS.name] = _copy(packed, ORGANISATIONS, mine)
        contents = Contents(
            organisation.pk,
            organisation.slug,
            organisation.name,
            now,
            str(ask("SHOW server_version")[0][0]),
            applied_migrations(),
            parts,
        )
        packed.writestr(CONTENTS, contents.sealed())
    return contents


@contextmanager
def _snapshot(organisation_id: UUID) -> Iterator[None]:
    """Serve the organisation as it stands at one instant, whatever others change meanwhile."""
    connection.ensure_connection()
    session: Any = connection.connection
    session.isolation_level, session.read_only = IsolationLevel.REPEATABLE_READ, True
    try:
        with tenant(organisation_id):
            yield
    finally:
        connection.close()  # the next transaction is a usual one


def _copy(packed: ZipFile, table: Table, where: str = "") -> Part:
    """PostgreSQL's own CSV: what is NULL, and what is empty, stays what it is."""
    query = f"SELECT {table.listed} FROM {table.name} {where} ORDER BY id"
    digest = sha256()
    with (
        packed.open(f"{table.name}.csv", "w", force_zip64=True) as member,
        connection.cursor() as cursor,
    ):
        with cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT csv, HEADER)") as copy:
            for block in copy:
                digest.update(block)
                member.write(block)
        return Part(cursor.rowcount, digest.hexdigest())


def _people(every: list[Table]) -> str:
    """Everybody whom some row of the organisation names."""
    return " UNION ".join(
        f'SELECT "{column}" FROM {table.name}' for table in every for column in table.people
    )
