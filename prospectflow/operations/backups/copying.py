"""Copies in the second place, and a note beside the backups of which of them were copied.

By the note a copy that failed is tried again without another backup, and its age is watched.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from django.conf import settings

from .disk import drafts, explained, publish
from .errors import BackupFailed
from .names import manifest_beside
from .retention import newest_of
from .targets import copied_files, store

NOTE = "prospectflow_copied.json"


def copy(directory: Path, *, now: datetime) -> list[str]:
    """Copy what BACKUP_COPY_TO lacks, if it is set; the files that had expired there and are gone.

    Raises BackupFailed where a copy was not made.
    """
    if not (second := store()):
        return []
    files = copied_files(directory)
    gone = second.copy(directory, now=now)
    _write_note(directory, [*files, *(manifest_beside(Path(file)).name for file in files)])
    return gone


def is_behind(directory: Path) -> bool:
    """Whether a finished backup here was not copied to where BACKUP_COPY_TO leads, if anywhere."""
    return bool(store()) and not set(copied_files(directory)) <= set(_noted(directory))


def newest_copy(directory: Path) -> datetime | None:
    """When the newest whole backup was made of which there is a copy; None: of none."""
    return newest_of(_noted(directory))


def _write_note(directory: Path, files: Iterable[str]) -> None:
    told = json.dumps({"to": settings.BACKUP_COPY_TO, "files": sorted(files)}, indent=1)
    with drafts(directory) as folder, explained(directory, BackupFailed):
        note = folder / NOTE
        note.touch(mode=0o600)
        note.write_text(f"{told}\n")
        publish(folder, directory, [NOTE])


def _noted(directory: Path) -> list[str]:
    """The files that were copied; none where it was to another address."""
    try:
        told = json.loads((directory / NOTE).read_text())
        return list(told["files"]) if told["to"] == settings.BACKUP_COPY_TO else []
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return []
