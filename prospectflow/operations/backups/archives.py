"""Archives: a dump in PostgreSQL's custom format within zstd, and the manifest beside it."""

import hashlib
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, cast

import zstandard
from django.conf import settings

from . import programs
from .disk import drafts, explained, require_room
from .encryption import unseal
from .errors import ArchiveRefused, BackupFailed, ProgramFailed
from .manifest import Manifest, read_manifest
from .names import ENCRYPTED, FAILED, Name, manifest_beside
from .streams import CountedWriter, PatientWriter, TooMuch, Writer


@dataclass(frozen=True)
class Archive:
    """A backup whose bytes are those that were written."""

    path: Path
    manifest: Manifest


@dataclass(frozen=True)
class OpenArchive(Archive):
    """A backup that is unpacked for a while."""

    dump: Path  # PostgreSQL's custom format, in a file in which pg_restore can seek


def checked(path: Path) -> Archive:
    """The archive in this file, if its name, its sealed manifest and its checksum agree."""
    name = Name.read(path.name)
    if name is None or path.suffix == ".json":
        raise ArchiveRefused(
            f"{path.name} is no backup of ProspectFlow: its name would be such as"
            " prospectflow_full_20261124_020000.dump.zst."
        )
    manifest = read_manifest(manifest_beside(path))
    if name != Name(manifest.kind, manifest.schemas, manifest.made_at, manifest.mark):
        raise ArchiveRefused(f"{path.name} was renamed: its manifest is that of another backup.")
    if _digest(path) != manifest.parts.get(path.name):
        raise ArchiveRefused(
            f"{path.name} is not whole, or it was altered: its SHA-256 is not that of its manifest."
        )
    return Archive(path, manifest)


@contextmanager
def verified(path: Path) -> Iterator[OpenArchive]:
    """The archive, unpacked into BACKUP_DIRECTORY while the block runs, if it can be restored."""
    archive = checked(path)
    directory = Path(settings.BACKUP_DIRECTORY)
    with drafts(directory) as folder:
        require_room(directory, archive.manifest.unpacked_bytes)
        dump = folder / "dump"
        with explained(directory), dump.open("xb") as file:
            unpack(archive, file)
        try:
            programs.run("pg_restore", "--list", dump)
        except ProgramFailed as error:
            raise _unreadable(archive) from error
        yield OpenArchive(archive.path, archive.manifest, dump)


def unpack(archive: Archive, target: Writer) -> None:
    """Write the dump; ArchiveRefused when it is not the one that was packed."""
    counted = CountedWriter(target, at_most=archive.manifest.unpacked_bytes)
    inflated = zstandard.ZstdDecompressor().stream_writer(cast(IO[bytes], counted), closefd=False)
    try:
        with archive.path.open("rb") as source:
            unseal(archive.path, source, inflated)
    except (zstandard.ZstdError, TooMuch) as error:
        raise _unreadable(archive) from error
    if counted.bytes != archive.manifest.unpacked_bytes:
        raise _unreadable(archive)


def set_aside(archive: Archive) -> Archive:
    """The same archive under a name and a manifest by which nobody relies on it."""
    said = archive.manifest
    name = Name(said.kind, said.schemas, said.made_at, FAILED)
    path = archive.path.with_name(name.archive(encrypted=archive.path.suffix == ENCRYPTED))
    manifest = replace(said, mark=FAILED, parts={path.name: said.parts[archive.path.name]})
    with explained(path.parent, BackupFailed):
        manifest_beside(archive.path).unlink()
        archive.path.rename(path)
        manifest.write(manifest_beside(path))
    return Archive(path, manifest)


def read_through(archive: Archive) -> None:
    """Unpack the whole archive to nowhere, and have pg_restore list what is in it."""
    with programs.running(
        "pg_restore",
        "--list",
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as reader:
        assert reader.stdin is not None
        unpack(archive, PatientWriter(reader.stdin))
        with suppress(BrokenPipeError):
            reader.stdin.close()
    if reader.returncode:
        raise _unreadable(archive)


def _unreadable(archive: Archive) -> ArchiveRefused:
    return ArchiveRefused(
        f"{archive.path.name} is damaged: it holds no whole dump that pg_restore could read."
    )


def _digest(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ArchiveRefused(f"{path} cannot be read: {error.strerror}.") from error
