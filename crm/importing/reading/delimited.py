"""Tables as text: cells between commas, semicolons or tabs."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from operator import itemgetter

from crm.importing.errors import BrokenQuotes, FileRefused, LineTooLong
from crm.importing.reading.encodings import encoding_of, text_of
from crm.importing.reading.limits import Limits
from crm.importing.reading.rows import (
    BATCH_CHARACTERS,
    Batch,
    cell_too_long,
    check_number,
    check_width,
    has_no_rows,
    headers_of,
    is_blank,
    is_empty,
)
from crm.importing.reading.unpacking import Stored

DELIMITERS = ",;\t"
SAMPLE = 1 << 16  # characters in which the delimiter shows itself
HINT = 1 << 16  # characters handed to the csv reader at once
STRIDE = 8  # records read between two looks at how much text they took
FIRST_CELL = itemgetter(0)


@dataclass(frozen=True)
class Delimited:
    """The text of a table that was found readable; `batches()` reads it afresh."""

    stored: Stored
    limits: Limits
    encoding: str
    delimiter: str
    wrapping: str
    headers: tuple[str, ...]
    header_number: int

    def batches(self, size: int) -> Iterator[Batch]:
        """The rows below the header; BrokenQuotes where quotes do not match."""
        with text_of(self.stored, self.encoding, self.limits) as text:
            records = _Records(text, self.delimiter, self.stored.name, self.limits)
            for first, rows in records.groups(size):
                check_number(
                    first + len(rows) - 1 - self.header_number, self.stored.name, self.limits
                )
                batch = self._batch(first, rows)
                if batch.rows:
                    yield batch

    def _batch(self, first: int, rows: list[list[str]]) -> Batch:
        rows = [_unwrapped(row, self.wrapping) for row in rows] if self.wrapping else rows
        width = len(self.headers)
        if max(map(len, rows)) > width:
            rows = [_trimmed(row, width) for row in rows]
        numbers = list(range(first, first + len(rows)))
        skipped = max(self.header_number + 1 - first, 0)
        if skipped or not (all(rows) and all(map(str.strip, map(FIRST_CELL, rows)))):
            kept = [
                (number, row)
                for number, row in zip(numbers[skipped:], rows[skipped:], strict=True)
                if not is_blank(row)
            ]
            return Batch([number for number, _ in kept], [row for _, row in kept])
        return Batch(numbers, rows)


def open_delimited(stored: Stored, start: bytes, limits: Limits) -> Delimited:
    """The table's encoding, delimiter and headers; FileRefused when it is not usable."""
    encoding = encoding_of(stored, start, limits)
    with text_of(stored, encoding, limits) as text:
        delimiter = _delimiter(text.read(SAMPLE), stored.name)
    with text_of(stored, encoding, limits) as text:
        found = _Records(text, delimiter, stored.name, limits).filled()
        number, header = next(found, (0, []))
        if not header:
            raise is_empty(stored.name)
        if next(found, None) is None:
            raise has_no_rows(stored.name)
    wrapping = _wrapping(header)
    values = _unwrapped(header, wrapping) if wrapping else header
    headers = headers_of(values, stored.name, limits)
    return Delimited(stored, limits, encoding, delimiter, wrapping, headers, number)


class _Records:
    """What the csv reader makes of a text, a few records at a time.

    It is handed lines in blocks, and between a few records it is asked how many lines they took:
    so that one record without an end cannot fill the memory.
    """

    def __init__(self, text: io.TextIOWrapper, delimiter: str, name: str, limits: Limits) -> None:
        # The csv module has one limit for a whole process, which others count on: raised only.
        csv.field_size_limit(max(csv.field_size_limit(), limits.cell_length))
        self._text, self._name, self._limits = text, name, limits
        self._taken = self._grouped = 0
        self._rows: list[list[str]] = []
        self._first = 1
        lines = chain.from_iterable(self._blocks())
        self._reader = csv.reader(lines, delimiter=delimiter, strict=True)

    def groups(self, size: int) -> Iterator[tuple[int, list[list[str]]]]:
        """The number of a first record and, from it on, at most `size` of them, blank or not."""
        while True:
            self._rows, self._grouped = [], 0
            while len(self._rows) < size and self._grouped < BATCH_CHARACTERS:
                if not self._read(min(STRIDE, size - len(self._rows))):
                    break
            if not self._rows:
                return
            self._check()
            yield self._first, self._rows
            self._first += len(self._rows)

    def filled(self) -> Iterator[tuple[int, list[str]]]:
        """Each record that is not blank, and its number."""
        for first, rows in self.groups(1):
            for number, row in enumerate(rows, start=first):
                if not is_blank(row):
                    yield number, row

    def _read(self, count: int) -> bool:
        before = len(self._rows)
        self._taken = 0
        try:
            self._rows.extend(islice(self._reader, count))
        except csv.Error as error:
            raise self._refused(error) from error
        return len(self._rows) > before

    def _refused(self, error: csv.Error) -> FileRefused:
        number = self._first + len(self._rows)
        if "field limit" in str(error):
            return cell_too_long(number, self._name, self._limits)
        return BrokenQuotes(
            f"Row {number} cannot be read because its quotes do not match; export the file again."
        )

    def _blocks(self) -> Iterator[list[str]]:
        while lines := self._text.readlines(HINT):
            length = sum(map(len, lines))
            self._taken += length
            self._grouped += length
            if self._taken > STRIDE * self._limits.line_length + HINT:
                number = self._first + len(self._rows)
                raise LineTooLong(
                    f"Row {number} of {self._name} has no end; check the quotes in it."
                )
            yield lines

    def _check(self) -> None:
        if max(map(len, self._rows)) > self._limits.columns:
            for number, row in enumerate(self._rows, start=self._first):
                check_width(len(row), number, self._name, self._limits)
        longest = self._limits.cell_length
        if csv.field_size_limit() > longest:
            for number, row in enumerate(self._rows, start=self._first):
                if max(map(len, row), default=0) > longest:
                    raise cell_too_long(number, self._name, self._limits)


def _delimiter(sample: str, name: str) -> str:
    """The delimiter that cuts the first line into the most cells."""

    def cells(delimiter: str) -> int:
        lines = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
        return len(next((values for values in lines if any(values)), []))

    try:
        return max(DELIMITERS, key=cells)
    except csv.Error as error:
        raise BrokenQuotes(
            f"The first line of {name} is not CSV, for a cell in it has no end; export it again."
        ) from error


def _wrapping(header: list[str]) -> str:
    """The delimiter inside, where Excel wrapped each whole line in one pair of quotes, else ""."""
    marks = (mark for mark in DELIMITERS if not any(header[1:]) and mark in header[0])
    return next(marks, "")


def _unwrapped(values: list[str], delimiter: str) -> list[str]:
    first, *others = values or [""]
    if any(others):
        return values
    inner = list(csv.reader(io.StringIO(first, newline=""), delimiter=delimiter))
    return inner[0] if len(inner) == 1 else values


def _trimmed(values: list[str], width: int) -> list[str]:
    """Without the empty cells that some programs write beyond the last column."""
    end = len(values)
    while end > width and not values[end - 1].strip():
        end -= 1
    return values[:end]
