"""What a backup says of itself, in a file beside it; by it one sees whether it came back whole."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from .errors import ArchiveRefused

FORMAT = "prospectflow-backup/1"


@dataclass(frozen=True)
class Manifest:
    """What was in the database at the moment of its snapshot, and the checksums of its archive."""

    kind: str
    schemas: tuple[str, ...]  # none: all of them
    made_at: datetime  # aware
    database: str
    server_version: str
    roles: dict[str, list[str]]  # those that the definitions name, with their attributes
    migrations: dict[str, list[str]]  # applied ones, by app, in their order
    rows: dict[str, int]  # by "schema.table"; none where only definitions were kept
    unpacked_bytes: int  # of the dump itself
    parts: dict[str, str]  # SHA-256 in hexadecimal, by file name

    def text(self) -> str:
        """The manifest as it is written, with a checksum of its own."""
        said = {"format": FORMAT} | asdict(self) | {"made_at": self.made_at.isoformat()}
        digest = hashlib.sha256(_as_text(said).encode()).hexdigest()
        return _as_text(said | {"checksum": digest})

    def write(self, path: Path) -> None:
        """Put it into this file, which is new, for its owner alone."""
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(self.text().encode())

    @classmethod
    def from_text(cls, text: str) -> Self:
        """What `text` wrote; ValueError when a single character of it is another."""
        said: dict[str, Any] = json.loads(text)
        fields = {key: value for key, value in said.items() if key not in {"format", "checksum"}}
        fields["made_at"] = datetime.fromisoformat(fields["made_at"])
        fields["schemas"] = tuple(fields["schemas"])
        manifest = cls(**fields)
        if manifest.text() != text:
            raise ValueError("not what was written")
        return manifest


def read_manifest(path: Path) -> Manifest:
    """The manifest in this file; ArchiveRefused when it is not exactly one that was written."""
    try:
        return Manifest.from_text(path.read_bytes().decode())
    except FileNotFoundError as error:
        raise ArchiveRefused(
            f"{path.name} is missing: a backup is restored with its manifest beside it."
        ) from error
    except OSError as error:
        raise ArchiveRefused(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ArchiveRefused(
            f"{path.name} is no manifest of this version, or it was altered: take another copy"
            " of the backup."
        ) from error


def _as_text(said: dict[str, Any]) -> str:
    return json.dumps(said, indent=1, ensure_ascii=True) + "\n"
