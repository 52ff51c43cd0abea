"""What stands between a program and a file: nothing here holds more than a piece in memory."""

import hashlib
from typing import Protocol

AT_ONCE = 1024 * 1024  # bytes


class Reader(Protocol):
    """Where bytes come from."""

    def read(self, size: int = -1, /) -> bytes: ...


class Writer(Protocol):
    """Where bytes go."""

    def write(self, data: bytes, /) -> int | None: ...


class CountedReader:
    """Counts what is read."""

    def __init__(self, source: Reader) -> None:
        self._source = source
        self.bytes = 0

    def read(self, size: int = -1, /) -> bytes:
        data = self._source.read(size)
        self.bytes += len(data)
        return data


class CountedWriter:
    """Counts what is written."""

    def __init__(self, target: Writer) -> None:
        self._target = target
        self.bytes = 0

    def write(self, data: bytes, /) -> int:
        self._target.write(data)
        self.bytes += len(data)
        return len(data)


class HashedWriter:
    """Keeps the SHA-256 of what is written."""

    def __init__(self, target: Writer) -> None:
        self._target = target
        self._hash = hashlib.sha256()

    def write(self, data: bytes, /) -> int:
        self._target.write(data)
        self._hash.update(data)
        return len(data)

    def digest(self) -> str:
        """In hexadecimal."""
        return self._hash.hexdigest()


class PatientWriter:
    """Goes on when the program at the other end has read what it wanted."""

    def __init__(self, target: Writer) -> None:
        self._target: Writer | None = target

    def write(self, data: bytes, /) -> int:
        if self._target is not None:
            try:
                self._target.write(data)
            except BrokenPipeError:
                self._target = None
        return len(data)
