"""A whole run: one backup, perhaps tried, what has expired deleted, a copy elsewhere, one line."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings

from prospectflow.errors import DomainError

from .archives import Archive
from .copying import copy
from .disk import sweep
from .dumping import dump
from .encryption import recipients
from .locking import alone
from .names import Name
from .retention import forget_failed, prune
from .targets import store
from .trying import refuse_what_cannot_be_tried, try_out

logger = logging.getLogger(__package__)


@dataclass(frozen=True)
class Made:
    """A backup that was made."""

    archive: Archive
    deleted: int  # expired archives and manifests, here and in the second place
    seconds: float

    def __str__(self) -> str:
        rows = self.archive.manifest.rows
        size = self.archive.path.stat().st_size / 1_000_000
        return (
            f"{self.archive.path.name}: {sum(rows.values()):,} rows of {len(rows)} tables,"
            f" {size:,.1f} MB, in {self.seconds:.1f} s; {self.deleted} expired file(s) deleted"
        )


def back_up(name: Name, directory: Path, *, trial: bool, now: datetime, database_url: str) -> Made:
    """Make this backup; BackupFailed where something went wrong, another DomainError where refused.

    What fails after the backup itself leaves it, and deletes nothing.
    """
    begun = time.monotonic()
    with _failure_logged():
        archive, deleted = _back_up(name, directory, trial, now, database_url)
    made = Made(archive, deleted, time.monotonic() - begun)
    logger.info("Backed up %s", made)
    return made


def copy_again(directory: Path, *, now: datetime, database_url: str) -> None:
    """What comes after a backup, where that failed; raises as `back_up` does."""
    with _failure_logged(), alone(database_url):
        _follow_up(directory, now)
    logger.info("Copied the backups that had not been copied")


@contextmanager
def _failure_logged() -> Iterator[None]:
    try:
        yield
    except DomainError as error:
        logger.error("Backup failed: %s", error)
        raise


def _back_up(
    name: Name, directory: Path, trial: bool, now: datetime, database_url: str
) -> tuple[Archive, int]:
    store()  # refuses a malformed address
    if trial:
        refuse_what_cannot_be_tried(name, name.archive(encrypted=bool(recipients())))
    with alone(database_url):
        sweep(directory)
        archive = dump(name.kind, name.schemas, directory, now=now, database_url=database_url)
        forget_failed(directory)
        if trial:
            try_out(archive, database_url=database_url)
        deleted = _follow_up(directory, now)
    return archive, deleted


def _follow_up(directory: Path, now: datetime) -> int:
    """Copy elsewhere; then delete what has expired, in no folder but our own: how many files."""
    gone = copy(directory, now=now)
    if directory.resolve() == Path(settings.BACKUP_DIRECTORY).resolve():
        gone += prune(directory, now=now, days=settings.BACKUP_RETENTION_DAYS)
    return len(gone)
