"""Uploaded files, kept in pieces in the database, so that any machine's worker can read them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, gettempdir
from uuid import UUID

from django.conf import settings

from crm.importing.reading import Limits
from outreach.models import ImportFilePart, ImportUpload
from prospectflow.errors import DomainError
from prospectflow.tenancy.context import tenant

PART = 1 << 20  # bytes
NAME_LENGTH = 60  # characters: with four bytes each still a file's name


class FileNotKept(DomainError):
    """The file itself is not kept, only what is known of it: upload it again to read its rows."""


def limits() -> Limits:
    """How large a file may be, unpacked, and how many rows it may have."""
    return Limits(rows=settings.IMPORT_MAX_ROWS, unpacked_bytes=settings.IMPORT_MAX_UNPACKED_BYTES)


def file_name(text: str | None) -> str:
    """A name that every file system takes, as near to the given one as can be."""
    name = "".join(each for each in text or "" if each.isprintable() and each not in '/\\:*?"<>|')
    return name.strip(". ")[-NAME_LENGTH:] or "prospects.csv"


def keep(upload: ImportUpload, file: Path) -> None:
    """Keep the file's bytes, piece by piece, whatever its size."""
    with file.open("rb") as content:
        for number, piece in enumerate(iter(lambda: content.read(PART), b"")):
            ImportFilePart.objects.create(upload=upload, number=number, content=piece)


@contextmanager
def as_file(upload: ImportUpload) -> Iterator[Path]:
    """The file under its own name, for as long as somebody reads it; raises FileNotKept."""
    numbers = ImportFilePart.objects.filter(upload=upload).order_by("number")
    found = list(numbers.values_list("number", flat=True))
    if not found:
        raise FileNotKept
    with TemporaryDirectory(prefix="prospectflow-") as directory:
        path = Path(directory, file_name(upload.filename))
        with path.open("wb") as file:
            for number in found:
                file.write(numbers.values_list("content", flat=True).get(number=number))
        yield path


def forget_left_behind(*, before: datetime) -> int:
    """Delete the copies of files that a killed process of ours left on this machine.

    None is older than the longest job. Returns how many folders.
    """
    left = [each.path for each in os.scandir(gettempdir()) if _left_behind(each, before)]
    for folder in left:
        rmtree(folder, ignore_errors=True)
    return len(left)


def _left_behind(entry: "os.DirEntry[str]", before: datetime) -> bool:
    if not entry.name.startswith("prospectflow-") or not entry.is_dir(follow_symlinks=False):
        return False
    found = entry.stat(follow_symlinks=False)
    changed = datetime.fromtimestamp(found.st_mtime, UTC)
    return found.st_uid == os.getuid() and changed < before


def forget_files(organisation_id: UUID, *, before: datetime) -> int:
    """Forget the bytes of older files; what is known of them stays. Returns how many files."""
    with tenant(organisation_id):
        old = ImportUpload.objects.filter(uploaded_at__lt=before, parts__number=0)
        forgotten = list(old.values_list("pk", flat=True))
        ImportFilePart.objects.filter(upload__in=forgotten).delete()
        return len(forgotten)
