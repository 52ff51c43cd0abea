"""How fast a database is backed up and restored, against pg_dump and pg_restore alone.

Both dumps go through zstd of the same level and threads, since not every pg_dump has it built in,
and come out of it before pg_restore, which reads them with as many jobs. Ours also reads back what
it wrote, counts the rows, restores into a new database, compares and renames it. A restore of ours
over a database that is in use makes a backup of it first, which is left out here. That theirs
brought back every row is seen once the clock has stopped. MB are those of the dump unpacked.
"""

import argparse
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import django
import zstandard

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prospectflow.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from benchmarks.console import fill  # noqa: E402
from prospectflow.operations import embedded  # noqa: E402
from prospectflow.operations.backups import programs  # noqa: E402
from prospectflow.operations.backups.archives import Archive, verified  # noqa: E402
from prospectflow.operations.backups.comparing import differences  # noqa: E402
from prospectflow.operations.backups.databases import Server  # noqa: E402
from prospectflow.operations.backups.dumping import dump  # noqa: E402
from prospectflow.operations.backups.errors import ProgramFailed  # noqa: E402
from prospectflow.operations.backups.loading import AT_ONCE  # noqa: E402
from prospectflow.operations.backups.locking import alone  # noqa: E402
from prospectflow.operations.backups.restoring import planned, restore  # noqa: E402
from prospectflow.operations.scratch import scratch_database  # noqa: E402
from prospectflow.testing.factories import make_organisation, make_user  # noqa: E402

PAIRS = 3
OURS = "SELECT datname FROM pg_database WHERE starts_with(datname, %s)"
type Figures = Iterator[tuple[str, float, float | None]]


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


class Rivals:
    """One database, backed up and restored by us and by PostgreSQL's programs alone."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder, self.server = url, folder, Server(url)
        self.target = Server(self.server.url(f"{self.server.database}_target"))

    def our_dump(self) -> Archive:
        now = datetime.now(UTC)
        for file in self.folder.glob("prospectflow_*"):
            file.unlink()
        with alone(self.url):
            return dump("full", (), self.folder, now=now, database_url=self.url)

    def their_dump(self) -> None:
        packed, by_zstd = self.folder / "bare.zst", zstandard.ZstdCompressor(level=3, threads=-1)
        with (
            packed.open("wb") as file,
            programs.running(
                "pg_dump",
                *("--format=custom", "--compress=none"),
                database_url=self.url,
                stdout=subprocess.PIPE,
            ) as process,
        ):
            by_zstd.copy_stream(process.stdout, file)
        if process.returncode:
            raise RuntimeError("pg_dump failed.")

    def our_restore(self, archive: Path) -> float:
        with self.target.new(self.target.database):
            taken = seconds(lambda: self._restore(archive))
        self._drop()
        return taken

    def _restore(self, file: Path) -> None:
        now = datetime.now(UTC)
        with alone(self.target.owner_url), verified(file) as archive:
            plan = planned(self.target, archive, schema=None, now=now)
            restore(plan, self.folder, now=now, tell=lambda said: None)

    def their_restore(self, archive: Archive) -> float:
        with self.target.new(self.target.database):
            taken = seconds(self._load)
            self._refuse_unless_whole(archive)
        self._drop()
        return taken

    def _load(self) -> None:
        with (self.folder / "bare.zst").open("rb") as packed, self._bare.open("wb") as file:
            zstandard.ZstdDecompressor().copy_stream(packed, file)
        # It complains of the extensions, which are there already, and goes on.
        with suppress(ProgramFailed):
            programs.run(
                "pg_restore",
                *(f"--jobs={AT_ONCE}", f"--dbname={self.target.database}", self._bare),
                database_url=self.target.owner_url,
            )

    @property
    def _bare(self) -> Path:
        return self.folder / "bare"

    def _refuse_unless_whole(self, archive: Archive) -> None:
        told = archive.manifest
        with closing(self.target.connect(self.target.database)) as session:
            found = list(differences(session, rows=told.rows, migrations=told.migrations))
        if found:
            raise RuntimeError(f"pg_restore left {len(found)} differences: {found[0]}.")

    def _drop(self) -> None:
        """What was restored, and what our restore put aside for it."""
        with closing(self.server.connect("postgres")) as session:
            found = session.execute(OURS, [self.target.database]).fetchall()
        for (name,) in found:
            self.server.drop(name)


def measure(url: str, folder: Path) -> Figures:
    rivals = Rivals(url, folder)
    archive = rivals.our_dump()
    size = archive.manifest.unpacked_bytes / 1_000_000
    dumps = [(seconds(rivals.our_dump), seconds(rivals.their_dump)) for _ in range(PAIRS)]
    yield from _told("backup", "pg_dump", size, dumps)
    (file,) = folder.glob("prospectflow_*.zst")
    restores = [(rivals.our_restore(file), rivals.their_restore(archive)) for _ in range(PAIRS)]
    yield from _told("restore", "pg_restore", size, restores)


def _told(name: str, bare: str, size: float, pairs: list[tuple[float, float]]) -> Figures:
    yield f"{name}: MB/s", size / median(ours for ours, _ in pairs), None
    yield f"{name}: MB/s by those of {bare}", median(theirs / ours for ours, theirs in pairs), 0.8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    rows = 25_000 if parser.parse_args().quick else 500_000
    embedded.start(settings.LOCAL_DIRECTORY)
    with scratch_database(), TemporaryDirectory() as folder:
        call_command("migrate", verbosity=0)
        fill([make_organisation(owner=make_user())], rows)
        name = connection.settings_dict["NAME"]
        url = embedded.database_url(settings.LOCAL_DIRECTORY, role="owner", database=name)
        connection.close()
        for figure, value, least in measure(url, Path(folder)):
            line: dict[str, object] = {"figure": figure, "value": round(value, 2)}
            if least is not None:
                line |= {"goal": f">= {least}", "met": value >= least}
            print(json.dumps(line), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
