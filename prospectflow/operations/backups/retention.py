"""How long archives are kept: by the day in their name, and never the last good one."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path

from .archives import checked
from .errors import ArchiveRefused
from .names import FAILED, Name, finished


def files_in(directory: Path) -> list[str]:
    """The files of backups there, and perhaps others; none where there is no such folder."""
    return [path.name for path in directory.glob("prospectflow_*") if path.is_file()]


def newest(
    directory: Path, *, kind: str = "full", schemas: tuple[str, ...] = ()
) -> datetime | None:
    """When the newest finished backup of this kind was made, by its name; None: never.

    One that bears a mark, such as a restore's safety backup, is none.
    """
    return newest_of(files_in(directory), kind=kind, schemas=schemas)


def newest_of(
    files: Iterable[str], *, kind: str = "full", schemas: tuple[str, ...] = ()
) -> datetime | None:
    """The same of a list of files."""
    alike = [
        name
        for name in finished(files)
        if (name.kind, name.schemas, name.mark) == (kind, schemas, "")
    ]
    return max((name.made_at for name in alike), default=None)


def prune(directory: Path, *, now: datetime, days: int) -> list[str]:
    """Delete the archives that have expired, with their manifests; the names of their files."""

    def is_good(file: str) -> bool:
        try:
            return bool(checked(directory / file))
        except ArchiveRefused:
            return False

    gone = expired(files_in(directory), now=now, days=days, is_good=is_good)
    for file in gone:
        (directory / file).unlink(missing_ok=True)
    return gone


def forget_failed(directory: Path) -> None:
    """Delete the backups whose trial failed: call it when a younger one was made."""
    for file in sorted(files_in(directory), reverse=True):  # .json before .dump
        if (name := Name.read(file)) and name.mark == FAILED:
            (directory / file).unlink(missing_ok=True)


def expired(
    files: Iterable[str], *, now: datetime, days: int, is_good: Callable[[str], bool]
) -> list[str]:
    """Those of these files that are older than so many days, but for the last good of each kind.

    A manifest goes before its archive: what has none is taken for no backup.
    """
    files = sorted(files, reverse=True)  # .json before .dump
    by_name: dict[Name, list[str]] = defaultdict(list)
    for file in files:
        if name := Name.read(file):
            by_name[name].append(file)
    old = {name for name in by_name if name.made_at < now - timedelta(days=days)}
    kept = _last_good(finished(files), old, is_good)
    return [file for name in sorted(old - kept, key=str) for file in by_name[name]]


def _last_good(
    archives: dict[Name, str], old: set[Name], is_good: Callable[[str], bool]
) -> set[Name]:
    """The newest good archive of each kind of which something is old; only those are looked at."""
    found: dict[tuple[str, tuple[str, ...]], Name] = {}
    of_old = {(name.kind, name.schemas) for name in old}
    relied_on = [name for name in archives if not name.mark]
    for name in sorted(relied_on, key=lambda name: name.made_at, reverse=True):
        group = (name.kind, name.schemas)
        if group in of_old and group not in found and is_good(archives[name]):
            found[group] = name
    return set(found.values())
