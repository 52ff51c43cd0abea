"""The file that holds one organisation: a ZIP of one CSV for each table, and what stands in it.

The list of contents is sealed by a key of TOKEN_KEYS, so that nobody else's rows come in by it. The
suppressions are hashed by the same keys: only where one of them is known do they hold.
"""

import hmac
import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from prospectflow.errors import DomainError
from prospectflow.tenancy import SCHEMAS

CONTENTS = "contents.json"
BLOCK = 2**18
MOST_CONTENTS = 2**20  # bytes, fifty times what they take
WAYS = {ZIP_STORED, ZIP_DEFLATED}
# What zipfile raises over bytes that are no archive, or not any more.
BROKEN = (
    *(BadZipFile, EOFError, KeyError, NotImplementedError, OverflowError, RuntimeError),
    *(AttributeError, TypeError, ValueError, struct.error, zlib.error),
)


class ArchiveRefused(DomainError):
    """This is no archive of an organisation that can be brought back here."""


class Part(NamedTuple):
    """One table's file: how many rows, and its SHA-256."""

    rows: int
    sha256: str


@dataclass(frozen=True)
class Contents:
    """What an archive holds: whose rows, of which moment, and of which version of the tables."""

    organisation_id: UUID
    slug: str
    name: str
    made_at: datetime
    server_version: str
    migrations: list[str]
    parts: dict[str, Part]

    @property
    def rows(self) -> int:
        """How many rows there are in all."""
        return sum(part.rows for part in self.parts.values())

    def sealed(self) -> str:
        """As it stands in the archive."""
        told = json.dumps(asdict(self), default=str, sort_keys=True, ensure_ascii=False)
        return json.dumps({"contents": told, "seal": _seal(told, settings.TOKEN_KEYS[0])})


@dataclass(frozen=True)
class Archive:
    """An archive whose every byte was looked at."""

    path: Path
    contents: Contents

    def blocks(self, table: str) -> Iterator[bytes]:
        """The table's file, piece by piece."""
        with ZipFile(self.path) as packed:
            yield from _blocks(packed, table)


def applied_migrations() -> list[str]:
    """Which migrations made the tables of organisations what they are here."""
    ours = {*SCHEMAS, "tenancy"}
    applied = MigrationRecorder(connection).applied_migrations()
    return sorted(f"{app}.{name}" for app, name in applied if app in ours)


def opened(path: Path) -> Archive:
    """The archive, looked at from its first byte to its last; ArchiveRefused says what is wrong."""
    try:
        with ZipFile(path) as packed:
            contents = _read(packed)
            for table, part in contents.parts.items():
                _look_at(packed, table, part)
    except OSError as error:
        raise ArchiveRefused(f"{path} cannot be read: {error.strerror or error}.") from error
    except BROKEN as error:
        raise ArchiveRefused(
            f"{path.name} is broken off or damaged, or no archive of an organisation: take another."
        ) from error
    _refuse_other_version(path, contents)
    return Archive(path, contents)


def _read(packed: ZipFile) -> Contents:
    outside = json.loads(_unsealed(packed))
    told = outside["contents"]
    if not any(hmac.compare_digest(_seal(told, key), outside["seal"]) for key in _keys()):
        raise ArchiveRefused(
            "The archive was altered, or made under a key that TOKEN_KEYS does not name: add that"
            " key at its end, or the addresses that must not be written to are unknown here."
        )
    return _contents(json.loads(told))


def _unsealed(packed: ZipFile) -> bytes:
    """The list of contents; whoever made it, it takes no more memory than ours would."""
    if any(member.compress_type not in WAYS for member in packed.infolist()):
        raise BadZipFile
    with packed.open(CONTENTS) as member:
        text = member.read(MOST_CONTENTS + 1)
    if len(text) > MOST_CONTENTS:
        raise BadZipFile
    return text


def _contents(fields: dict[str, Any]) -> Contents:
    told = {
        "organisation_id": UUID(fields["organisation_id"]),
        "made_at": datetime.fromisoformat(fields["made_at"]),
        "parts": {table: Part(*part) for table, part in fields["parts"].items()},
    }
    return Contents(**(fields | told))


def _look_at(packed: ZipFile, table: str, part: Part) -> None:
    digest = sha256()
    for block in _blocks(packed, table):
        digest.update(block)
    if digest.hexdigest() != part.sha256:
        raise ArchiveRefused(f"The rows of {table} are not those that were archived: take another.")


def _blocks(packed: ZipFile, table: str) -> Iterator[bytes]:
    with packed.open(f"{table}.csv") as member:
        while block := member.read(BLOCK):
            yield block


def _refuse_other_version(path: Path, contents: Contents) -> None:
    if differing := sorted(set(contents.migrations) ^ set(applied_migrations())):
        raise ArchiveRefused(
            f"{path.name} was made by another version: {len(differing)} migration(s) differ, such"
            f" as {differing[-1]}. Bring it back with that version, and upgrade afterwards."
        )


def _keys() -> list[str]:
    keys: list[str] = settings.TOKEN_KEYS
    return keys


def _seal(told: str, key: str) -> str:
    return hmac.digest(key.encode(), b"organisation's archive" + told.encode(), "sha256").hex()
