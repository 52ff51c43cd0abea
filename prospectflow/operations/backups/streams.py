"""What stands between a program and a file: nothing here holds more than a piece in memory."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
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


class TooMuch(Exception):
    """More was to be written than there may be."""


class CountedWriter:
    """Counts what is written, and raises TooMuch rather than write more than so many bytes."""

    def __init__(self, target: Writer, *, at_most: int) -> None:
        self._target = target
        self._at_most = at_most
        self.bytes = 0

    def write(self, data: bytes, /) -> int:
        if self.bytes + len(data) > self._at_most:
            raise TooMuch
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


class Witness[Stream]:
    """Remembers what was raised while something was read or written: age's library does not."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.raised: BaseException | None = None

    def read(self: "Witness[Reader]", size: int = -1, /) -> bytes:
        with self.watching():
            return self.stream.read(size)

    def write(self: "Witness[Writer]", data: bytes, /) -> int | None:
        with self.watching():
            return self.stream.write(data)

    @contextmanager
    def watching(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            self.raised = error
            raise
