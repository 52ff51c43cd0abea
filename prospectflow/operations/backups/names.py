"""The names of archives, from which their kind and their moment are read."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

KINDS = ("full", "schema", "data")
SAFETY = "safety"  # made before a restore, of what was perhaps not good any more
FAILED = "failed"  # its trial restore failed
ENCRYPTED = ".age"
PARTIAL = ".partial"
_MOMENT = "%Y%m%d_%H%M%S"
_NAME = re.compile(
    rf"prospectflow_(?:(?P<mark>{SAFETY}|{FAILED})_)?(?P<kind>{'|'.join(KINDS)})"
    r"(?:_(?P<schemas>[a-z]+(?:-[a-z]+)*))?"
    r"_(?P<moment>\d{8}_\d{6})\.(?:dump\.zst(?:\.age)?|json)"
)


@dataclass(frozen=True)
class Name:
    """What a backup is called: its kind, its schemas (none: all of them) and its second in UTC.

    One that bears a mark is not relied upon: it is never the newest, nor the last good one.
    """

    kind: str
    schemas: tuple[str, ...]
    made_at: datetime
    mark: str = ""  # or SAFETY, or FAILED

    def __post_init__(self) -> None:
        object.__setattr__(self, "made_at", self.made_at.astimezone(UTC).replace(microsecond=0))

    @classmethod
    def read(cls, text: str) -> Self | None:
        """The name of an archive or of its manifest; None when it is neither."""
        if not (found := _NAME.fullmatch(text)):
            return None
        try:
            made_at = datetime.strptime(found["moment"], _MOMENT).replace(tzinfo=UTC)
        except ValueError:
            return None
        schemas = found["schemas"]
        split = tuple(schemas.split("-")) if schemas else ()
        return cls(found["kind"], split, made_at, found["mark"] or "")

    def __str__(self) -> str:
        moment = self.made_at.strftime(_MOMENT)
        words = ("prospectflow", self.mark, self.kind, "-".join(self.schemas), moment)
        return "_".join(filter(None, words))

    @property
    def manifest(self) -> str:
        """The manifest's file."""
        return f"{self}.json"

    def archive(self, *, encrypted: bool) -> str:
        """The archive's file: a dump in PostgreSQL's custom format, within zstd, within age."""
        return f"{self}.dump.zst{ENCRYPTED if encrypted else ''}"


def manifest_beside(path: Path) -> Path:
    """Where the manifest of this archive stands."""
    return path.with_name(path.name.split(".")[0] + ".json")


def finished(files: Iterable[str]) -> dict[Name, str]:
    """The archives among these files that have their manifest, which is written last."""
    files = set(files)
    archives = {name: file for file in files if (name := Name.read(file)) and ".dump" in file}
    return {name: file for name, file in archives.items() if name.manifest in files}
