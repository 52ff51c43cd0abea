"""One backup: a snapshot, what it holds, its dump, read back from the disk before it has a name."""

import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import IO, cast

import zstandard

from . import programs
from .archives import Archive, checked, read_through
from .contents import (
    Snapshot,
    applied_migrations,
    count_rows,
    refuse_unknown,
    roles,
    snapshot,
    tables,
)
from .disk import drafts, explained, publish, require_room
from .encryption import can_open, recipients, seal
from .errors import BackupFailed, BackupRefused
from .manifest import Manifest
from .names import Name
from .streams import AT_ONCE, CountedReader, HashedWriter, Reader

OF_KIND = {"full": [], "schema": ["--schema-only"], "data": ["--data-only"]}
ALWAYS = [
    "--format=custom",
    "--compress=none",  # zstd is put around it: not every pg_dump knows it
    "--lock-wait-timeout=5min",
    "--no-publications",
    "--no-subscriptions",
]


def dump(  # noqa: PLR0913 - what, where to, and of which moment
    kind: str,
    schemas: Sequence[str],
    directory: Path,
    *,
    now: datetime,
    database_url: str,
    mark: str = "",
) -> Archive:
    """Make a backup of these schemas, or of the whole database where none is named.

    Call it within `alone`. BackupRefused: nothing was begun; BackupFailed: nothing was kept.
    """
    name = Name(kind, tuple(schemas), now, mark)
    file = name.archive(encrypted=bool(recipients()))
    if (directory / name.manifest).exists() or (directory / file).exists():
        raise BackupRefused(f"{directory / file} is there already: wait a second.")
    with snapshot(database_url) as moment, drafts(directory) as folder:
        refuse_unknown(moment.connection, schemas)
        require_room(directory, _most_bytes(kind, moment, schemas))
        with explained(directory, BackupFailed), ThreadPoolExecutor(1) as beside:
            counting = beside.submit(_rows, kind, moment, schemas)
            try:
                unpacked, digest = _pack(name, moment.id, folder / file, database_url)
            finally:
                rows = counting.result()  # where it fails it ends the snapshot, and says why
            manifest = _manifest(name, moment, rows, unpacked, {file: digest})
            manifest.write(folder / name.manifest)
            _read_back(folder / file)
            publish(folder, directory, [file, name.manifest])
    return Archive(directory / file, manifest)


def _most_bytes(kind: str, moment: Snapshot, schemas: Sequence[str]) -> int:
    """What the dump may take: as text rows need more than in the table, and zstd less than half."""
    if kind == "schema":
        return 0
    return sum(table.bytes for table in tables(moment.connection, schemas))


def _rows(kind: str, moment: Snapshot, schemas: Sequence[str]) -> dict[str, int]:
    return {} if kind == "schema" else count_rows(moment.connection, schemas)


def _pack(name: Name, snapshot_id: str, path: Path, database_url: str) -> tuple[int, str]:
    """Run pg_dump into this file; how many bytes it wrote, and the SHA-256 of the file."""
    chosen = [*OF_KIND[name.kind], *(f"--schema={schema}" for schema in name.schemas)]
    complaints = path.with_name("complaints")
    with complaints.open("w+b") as errors, path.open("xb") as file:
        path.chmod(0o600)
        hashed = HashedWriter(file)
        with programs.running(
            "pg_dump",
            *ALWAYS,
            *chosen,
            f"--snapshot={snapshot_id}",
            database_url=database_url,
            stdout=subprocess.PIPE,
            stderr=errors,
        ) as process:
            counted = CountedReader(cast(Reader, process.stdout))
            seal(_compressed(counted), hashed)
        if process.returncode:
            raise BackupFailed(f"pg_dump failed: {programs.first_error(complaints.read_bytes())}")
    return counted.bytes, hashed.digest()


def _compressed(source: Reader) -> Reader:
    """The same bytes within zstd, with a checksum, made by as many threads as there are cores."""
    compressor = zstandard.ZstdCompressor(level=3, threads=-1, write_checksum=True)
    return cast(Reader, compressor.stream_reader(cast(IO[bytes], source), read_size=AT_ONCE))


def _manifest(
    name: Name, moment: Snapshot, rows: dict[str, int], unpacked: int, parts: dict[str, str]
) -> Manifest:
    return Manifest(
        kind=name.kind,
        schemas=name.schemas,
        made_at=name.made_at,
        database=moment.database,
        server_version=moment.server_version,
        roles=roles(moment.connection),
        migrations=applied_migrations(moment.connection),
        rows=rows,
        unpacked_bytes=unpacked,
        parts=parts,
        mark=name.mark,
    )


def _read_back(path: Path) -> None:
    """See that the disk holds what was written, and that it can be restored from."""
    archive = checked(path)
    if can_open(path):
        read_through(archive)
