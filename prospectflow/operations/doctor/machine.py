"""The machine: room on its disks, the size of the database, the last backup and its copy."""

import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection

from prospectflow.operations.backups.copying import newest_copy
from prospectflow.operations.backups.retention import newest

from .findings import Finding, ago, size

FREE_SHARE_AT_LEAST = 0.1
FREE_BYTES_AT_LEAST = 1_000_000_000
BACKUP_AGE_AT_MOST = timedelta(hours=26)
COPY_AGE_AT_MOST = timedelta(hours=27)
MAKE_ROOM = "Make room there: a disk that is full stops everything on it."
NONE_SEEN = "Make one by `backup full`, or ask where backups are made (BACKUP_DIRECTORY)."
OLD = "See what the last run of `backup full` said, and make one."
NOT_COPIED = "See what the last run of `backup full` said of BACKUP_COPY_TO."


def disk(now: datetime) -> Iterator[Finding]:
    """Room for backups, for uploads, and on a laptop for the databases; how large ours is."""
    folders = {"temporary files": Path(tempfile.gettempdir()), "backups": settings.BACKUP_DIRECTORY}
    if settings.EMBEDDED:
        folders["embedded servers"] = settings.LOCAL_DIRECTORY
    for name, folder in folders.items():
        yield _room(name, folder)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        yield Finding("the database", f"takes {size(cursor.fetchone()[0])} on its server")


def backup(now: datetime) -> Iterator[Finding]:
    """The newest whole one that this process can see, and the newest that was copied elsewhere."""
    made_at = newest(settings.BACKUP_DIRECTORY)
    yield _aged("the newest", made_at, BACKUP_AGE_AT_MOST, OLD if made_at else NONE_SEEN, now=now)
    if settings.BACKUP_COPY_TO:
        copied = newest_copy(settings.BACKUP_DIRECTORY)
        yield _aged("the newest copy", copied, COPY_AGE_AT_MOST, NOT_COPIED, now=now)


def _aged(
    name: str, made_at: datetime | None, at_most: timedelta, advice: str, *, now: datetime
) -> Finding:
    """When it was made; on a laptop nobody has to make any."""
    told, is_young = "none is seen here", settings.EMBEDDED
    if made_at:
        told = f"{made_at:%Y-%m-%d %H:%M} UTC, {ago((now - made_at).total_seconds())} ago"
        is_young = is_young or now - made_at <= at_most
    return Finding(name, told, "" if is_young else advice)


def _room(name: str, folder: Path) -> Finding:
    """The room on the disk on which this folder lies, or will lie."""
    there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    usage = shutil.disk_usage(there)
    short = usage.free < max(FREE_BYTES_AT_LEAST, FREE_SHARE_AT_LEAST * usage.total)
    told = f"{size(usage.free)} of {size(usage.total)} free at {there}"
    return Finding(name, told, MAKE_ROOM if short else "")
