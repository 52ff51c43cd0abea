"""Opens a CSV file whatever wrote it, and reads it row by row."""

import codecs
import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from crm.importing.errors import (
    BrokenQuotes,
    DuplicateHeaders,
    FileUnreadable,
    LineTooLong,
    NoRows,
    NotCsv,
)
from crm.importing.normalising import header_key

BLOCK = 1 << 16
LINE_LIMIT = 1 << 20
DELIMITERS = ",;\t"
SIGNATURES = {
    b"PK\x03\x04": "an Excel workbook (.xlsx) or another zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (.xls)",
    b"%PDF": "a PDF document",
    b"\x1f\x8b": "a gzip archive",
    b"{\\rtf": "a rich text document",
}
# What é, è, ç and ô written in UTF-8 look like when read as Windows-1252.
MIXTURES = ("Ã©", "Ã¨", "Ã§", "Ã´")
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


class Row(NamedTuple):
    """One record: its number in the file, its cells by header, how many cells it has.

    Numbers are those a spreadsheet shows: the header is row 1 and blank rows count.
    """

    number: int
    cells: dict[str, str]
    width: int


@dataclass(frozen=True)
class Table:
    """A CSV file that was found readable; `rows()` reads it afresh, one row at a time."""

    path: Path
    sha256: str
    encoding: str
    delimiter: str
    wrapping: str
    headers: tuple[str, ...]
    header_number: int

    def rows(self) -> Iterator[Row]:
        """Every row below the header that is not blank; BrokenQuotes where quotes do not match."""
        with _text(self.path, self.encoding) as text:
            for number, values in _records(text, self.delimiter):
                if number > self.header_number:
                    values = _unwrapped(values, self.wrapping) if self.wrapping else values
                    values = _trimmed(values, len(self.headers))
                    cells = dict(zip(self.headers, values, strict=False))
                    yield Row(number, cells, len(values))


def open_table(path: Path | str) -> Table:
    """The file's encoding, delimiter and headers; FileRefused when it is no usable CSV."""
    path = Path(path)
    encoding = _encoding(path)
    delimiter = _delimiter(path, encoding)
    with _text(path, encoding) as text:
        records = _records(text, delimiter)
        number, header = next(records, (0, []))
        if not header:
            raise NoRows(f"{path.name} is empty; it needs a header line and at least one row.")
        if next(records, None) is None:
            raise NoRows(f"{path.name} has a header line and no rows below it.")
    wrapping = _wrapping(header)
    headers = _headers(_unwrapped(header, wrapping) if wrapping else header)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Table(path, sha256, encoding, delimiter, wrapping, headers, number)


def _encoding(path: Path) -> str:
    """The encoding in which the whole file makes sense, having read all of it once."""
    start = _start(path)
    if not start:
        raise NoRows(f"{path.name} is empty; it needs a header line and at least one row.")
    for signature, kind in SIGNATURES.items():
        if start.startswith(signature):
            raise NotCsv(f"{path.name} is {kind}, not CSV; save it as CSV (UTF-8) and try again.")
    marked = next((name for mark, name in BYTE_ORDER_MARKS.items() if start.startswith(mark)), None)
    for encoding in [marked] if marked else ["utf-8", "cp1252"]:
        try:
            _scan(path, encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    tried = marked or "neither UTF-8 nor Windows-1252"
    raise NotCsv(f"{path.name} is not text ({tried}); save it as CSV (UTF-8).")


def _start(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise FileUnreadable(f"{path} is not a file; name a CSV file.")
        with path.open("rb") as file:
            return file.read(8)
    except FileNotFoundError as error:
        raise FileUnreadable(f"There is no file {path}; check the name.") from error
    except (OSError, ValueError) as error:
        raise FileUnreadable(f"{path} cannot be read: {error}.") from error


def _scan(path: Path, encoding: str) -> None:
    """Decode the file block by block, so that a bad one is refused before it fills the memory."""
    decoder = codecs.getincrementaldecoder(encoding)()
    length = line = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            text = decoder.decode(block)
            if "\0" in text:
                raise NotCsv(
                    f"{path.name} holds NUL bytes, so it is not CSV text; save it as CSV (UTF-8)."
                )
            if encoding == "cp1252" and any(mixture in text for mixture in MIXTURES):
                raise NotCsv(
                    f"{path.name} mixes UTF-8 and Windows-1252, so its accents cannot be trusted;"
                    " save it as CSV (UTF-8)."
                )
            *ended, rest = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
            for part in ended:
                line += 1
                _check_length(path, line, length + len(part))
                length = 0
            length += len(rest)
            _check_length(path, line + 1, length)
        decoder.decode(b"", final=True)


def _check_length(path: Path, line: int, length: int) -> None:
    if length > LINE_LIMIT:
        raise LineTooLong(
            f"Line {line} of {path.name} is longer than {LINE_LIMIT:,} characters;"
            " check the file's line breaks."
        )


@contextmanager
def _text(path: Path, encoding: str) -> Iterator[io.TextIOWrapper]:
    with path.open(encoding=encoding, newline="") as text:
        yield text


def _delimiter(path: Path, encoding: str) -> str:
    """The delimiter that cuts the first line into the most cells."""
    with _text(path, encoding) as text:
        start = text.read(BLOCK)

    def cells(delimiter: str) -> int:
        lines = csv.reader(io.StringIO(start, newline=""), delimiter=delimiter)
        return len(next((values for values in lines if any(values)), []))

    try:
        return max(DELIMITERS, key=cells)
    except csv.Error as error:
        raise BrokenQuotes(f"The first line of {path.name} is not CSV: {error}.") from error


def _records(text: io.TextIOWrapper, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of each record that is not blank; blank ones are counted as well."""
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, values in enumerate(reader, start=1):
            if any(value.strip() for value in values):
                yield number, values
    except csv.Error as error:
        raise BrokenQuotes(
            f"Row {number + 1} cannot be read ({error}); check its quotes and export again."
        ) from error


def _wrapping(header: list[str]) -> str:
    """The delimiter inside, where Excel wrapped each whole line in one pair of quotes, else ""."""
    marks = (mark for mark in DELIMITERS if not any(header[1:]) and mark in header[0])
    return next(marks, "")


def _unwrapped(values: list[str], delimiter: str) -> list[str]:
    first, *others = values
    if any(others):
        return values
    inner = list(csv.reader(io.StringIO(first, newline=""), delimiter=delimiter))
    return inner[0] if len(inner) == 1 else values


def _trimmed(values: list[str], width: int) -> list[str]:
    """Without the empty cells that some programs write beyond the last column."""
    while len(values) > width and not values[-1].strip():
        values = values[:-1]
    return values


def _headers(values: list[str]) -> tuple[str, ...]:
    """The names of the columns; a nameless one is called by its place."""
    names = [value.strip() or f"Column {place}" for place, value in enumerate(values, start=1)]
    times = Counter(header_key(name) for name in names)
    twice = dict.fromkeys(name for name in names if times[header_key(name)] > 1)
    if twice:
        named = ", ".join(f"“{name}”" for name in twice)
        raise DuplicateHeaders(f"Several columns are called {named}; rename or remove all but one.")
    return tuple(names)
