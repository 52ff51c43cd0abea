"""What a backup says of itself, in a file beside it; by it one sees whether it came back whole.

It is sealed by a key of TOKEN_KEYS: what is restored runs as the owner of the database, so nobody
who can merely write to the folder may have it run theirs.
"""

import hmac
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from django.conf import settings

from .errors import ArchiveRefused

FORMAT = "prospectflow-backup/2"
LARGEST = 10_000_000  # bytes; one is some ten thousand


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
    mark: str = ""  # why it is not relied upon, as in its name

    def text(self, key: str) -> str:
        """The manifest as it is written, with a seal (HMAC-SHA-256) by this key."""
        said = {"format": FORMAT} | asdict(self) | {"made_at": self.made_at.isoformat()}
        sealed = b"backup's manifest" + _as_text(said).encode()
        return _as_text(said | {"seal": hmac.digest(key.encode(), sealed, "sha256").hex()})

    def write(self, path: Path) -> None:
        """Put it into this file, which is new, for its owner alone."""
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(self.text(settings.TOKEN_KEYS[0]).encode())

    @classmethod
    def from_text(cls, text: str) -> Self:
        """What `text` wrote under a key of TOKEN_KEYS; ValueError when one character is another."""
        said: dict[str, Any] = json.loads(text)
        fields = {key: value for key, value in said.items() if key not in {"format", "seal"}}
        fields["made_at"] = datetime.fromisoformat(fields["made_at"])
        fields["schemas"] = tuple(fields["schemas"])
        manifest = cls(**fields)
        written = [manifest.text(key).encode() for key in settings.TOKEN_KEYS]
        if not any(hmac.compare_digest(each, text.encode()) for each in written):
            raise ValueError("not what was written")
        return manifest


def read_manifest(path: Path) -> Manifest:
    """The manifest in this file; ArchiveRefused when it is not exactly one that was written."""
    try:
        with path.open("rb") as file:
            return Manifest.from_text(file.read(LARGEST).decode())
    except FileNotFoundError as error:
        raise ArchiveRefused(
            f"{path.name} is missing: a backup is restored with its manifest beside it."
        ) from error
    except OSError as error:
        raise ArchiveRefused(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ArchiveRefused(
            f"{path.name} is no manifest of this version, or it was altered, or made under a key"
            " that TOKEN_KEYS does not name: take another copy, or add that key at its end."
        ) from error


def _as_text(said: dict[str, Any]) -> str:
    return json.dumps(said, indent=1, ensure_ascii=True) + "\n"
