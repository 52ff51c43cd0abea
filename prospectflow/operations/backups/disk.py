"""Folders for what is not finished, and room for what will be."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prospectflow.errors import DomainError

from .errors import BackupRefused
from .names import PARTIAL

DRAFT = "prospectflow_"  # so begin the names of our unfinished folders, and nobody else's
SPARE_BYTES = 64 * 1024 * 1024  # what stays free beside an archive


@contextmanager
def drafts(directory: Path) -> Iterator[Path]:
    """A folder of ours alone inside this one, under no final name; it goes with the block."""
    with explained(directory):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(PARTIAL, DRAFT, directory)
    with folder as path:
        yield Path(path)


@contextmanager
def explained(directory: Path, raising: type[DomainError] = BackupRefused) -> Iterator[None]:
    """Turn what the operating system refuses while we write there into one sentence."""
    try:
        yield
    except OSError as error:
        raise raising(
            f"{directory} cannot be written ({error.strerror}): make room or give rights there, or"
            " choose another folder."
        ) from error


def sweep(directory: Path) -> None:
    """Delete the drafts that killed runs left behind; only while no other run can be at work."""
    for folder in directory.glob(f"{DRAFT}*{PARTIAL}"):
        shutil.rmtree(folder, ignore_errors=True)


def require_room(directory: Path, wanted: int) -> None:
    """Refuse to begin where this many bytes will not fit."""
    free = shutil.disk_usage(directory).free
    if free < wanted + SPARE_BYTES:
        raise BackupRefused(
            f"{directory} has {_megabytes(free)} free, and up to"
            f" {_megabytes(wanted + SPARE_BYTES)} are needed: make room there, or choose another"
            " folder."
        )


def publish(folder: Path, directory: Path, names: list[str]) -> None:
    """Give these files their final names, in this order, once their bytes are on the disk."""
    for name in names:
        sync(folder / name)
    for name in names:
        (folder / name).rename(directory / name)
    sync(directory)


def sync(path: Path) -> None:
    """Have a file's bytes, or a directory's names, survive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _megabytes(count: int) -> str:
    return f"{count / 1_000_000:,.0f} MB"
