"""The bytes of a file as they were before it was packed, counted as they come."""

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from crm.importing.errors import (
    FileDamaged,
    FileLocked,
    FileUnreadable,
    NoRows,
    NotCsv,
    SeveralFiles,
    UnpackedTooLarge,
)
from crm.importing.reading.rows import listed

BLOCK = 1 << 18
DIRECTORY_LIMIT = 1 << 20  # bytes of an archive's list of files, about 10,000 names
ENCRYPTED = 0x1  # APPNOTE 6.3, 4.4.4, bit 0 of the general purpose flags
PLAIN_WAYS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # others may ask for gigabytes
DAMAGE = (  # what the libraries raise where an archive is not as it should be
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,  # a feature that no file of prospects needs
    OverflowError,
    ValueError,
    KeyError,
)


class Stored(NamedTuple):
    """Where bytes lie: a file, or what is packed in it. `name` is the one shown to people."""

    path: Path
    name: str
    compression: str = ""
    member: str = ""

    @contextmanager
    def opened(self, limit: int) -> Iterator[io.BufferedReader]:
        """The unpacked bytes; UnpackedTooLarge beyond the limit, whatever the archive claims."""
        with self._packed() as packed:
            yield io.BufferedReader(_Counted(packed, self.name, limit), BLOCK)

    @contextmanager
    def _packed(self) -> Iterator[IO[bytes] | gzip.GzipFile]:
        if self.compression == "zip":
            with archive(self.path, self.name) as opened:
                with _plainly(self.name):
                    packed = opened.open(self.member)
                with packed:
                    yield packed
        elif self.compression == "gz":
            with self.path.open("rb") as file, gzip.GzipFile(fileobj=file) as unpacked:
                yield unpacked
        else:
            with self.path.open("rb") as file:
                yield file


def start_of(path: Path) -> bytes:
    """The first bytes of a stored file; FileUnreadable where there are none to be had."""
    try:
        if path.exists() and not path.is_file():
            raise FileUnreadable(f"{path} is not a file; name a file of prospects.")
        with path.open("rb") as file:
            return file.read(BLOCK)
    except FileNotFoundError as error:
        raise FileUnreadable(f"There is no file {path}; check the name.") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name is not one a file can have"
        raise FileUnreadable(f"{path} cannot be read: {reason}.") from error


@contextmanager
def archive(path: Path, name: str) -> Iterator[zipfile.ZipFile]:
    """The zip archive; FileDamaged where it is none."""
    with _Careful(path, name) as file:
        with _plainly(name):
            opened = zipfile.ZipFile(file)
        with opened:
            yield opened


def only_file(opened: zipfile.ZipFile, name: str) -> str:
    """The name of the one file in the archive, apart from what systems add."""
    members = [member for member in opened.infolist() if _is_data(member)]
    if not members:
        raise NoRows(f"{name} holds no file; it needs one file of prospects.")
    if len(members) > 1:
        names = listed(member.filename for member in members)
        raise SeveralFiles(
            f"{name} holds {len(members):,} files ({names}); pack the one to import on its own."
        )
    check_member(members[0], name)
    return members[0].filename


def check_member(member: zipfile.ZipInfo, name: str) -> None:
    """FileLocked or NotCsv where the member is encrypted or packed in an unusual way."""
    if member.flag_bits & ENCRYPTED:
        raise FileLocked(f"{name} is protected by a password; pack it again without one.")
    if member.compress_type not in PLAIN_WAYS:
        raise NotCsv(f"{name} is packed in an unusual way; pack it again as an ordinary zip file.")


def measure(opened: zipfile.ZipFile, name: str, limit: int) -> None:
    """Unpack every member and throw it away; UnpackedTooLarge where they exceed the limit."""
    left = limit
    for member in opened.infolist():
        check_member(member, name)
        with _plainly(name):
            packed = opened.open(member)
        with packed:
            counted = _Counted(packed, name, left, total=limit)
            while counted.read(BLOCK):
                pass
        left -= counted.count


def _is_data(member: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(member.filename.replace("\\", "/")).parts
    ours = parts and parts[0] != "__MACOSX" and not parts[-1].startswith(".")
    return bool(ours) and not member.is_dir()


class _Careful(io.FileIO):
    """A file for `zipfile`, which believes whatever an archive says of lengths and places."""

    def __init__(self, path: Path, name: str) -> None:
        super().__init__(path)
        self._name = name

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > DIRECTORY_LIMIT:
            raise SeveralFiles(f"{self._name} holds too many files; pack the one to import alone.")
        return super().read(size) or b""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        try:
            return super().seek(offset, whence)
        except OSError as error:
            if whence:  # `zipfile` looks for the archive's end and knows what this means
                raise
            raise zipfile.BadZipFile from error  # a place that no file has


class _Counted(io.RawIOBase):
    """Bytes from a stream until there are more than the limit."""

    def __init__(
        self, source: IO[bytes] | gzip.GzipFile, name: str, limit: int, total: int | None = None
    ) -> None:
        self._source, self._name, self._limit = source, name, limit
        self._total = limit if total is None else total
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            block = self._source.read(len(buffer))
        except DAMAGE as error:
            raise _damaged(self._name) from error
        self.count += len(block)
        if self.count > self._limit:
            raise UnpackedTooLarge(
                f"{self._name} holds more than {self._total:,} bytes once unpacked; split it."
            )
        buffer[: len(block)] = block
        return len(block)


@contextmanager
def _plainly(name: str) -> Iterator[None]:
    """What the libraries say of a damaged archive becomes one sentence."""
    try:
        yield
    except DAMAGE as error:
        raise _damaged(name) from error


def _damaged(name: str) -> FileDamaged:
    return FileDamaged(f"{name} is damaged or cut short and cannot be unpacked; make it again.")
