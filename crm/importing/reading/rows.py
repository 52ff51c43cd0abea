"""Rows as they leave any kind of file: numbered, as text, in batches."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from crm.importing.errors import (
    CellTooLong,
    DuplicateHeaders,
    NoRows,
    TooManyColumns,
    TooManyRows,
)
from crm.importing.normalising import cleaned, header_key
from crm.importing.reading.limits import Limits

BATCH_CHARACTERS = 4_000_000  # beyond these a batch ends, however few rows it has
NAMED = 5  # of many names, a sentence tells the first ones
NAME_SHOWN = 60


class Batch(NamedTuple):
    """Rows that are not blank and their numbers, as plain lists.

    Numbers are those a spreadsheet shows: the header is row 1 and blank rows count; in JSON they
    count lines, or items from 1. Cells are raw text in the order of the headers; a row may have
    fewer or more of them than there are headers, but no empty ones beyond the last header.
    """

    numbers: list[int]
    rows: list[list[str]]


def shown(text: str) -> str:
    """A name from the file as it may stand in a sentence: one line, cut where it is long."""
    text = cleaned(text[: 4 * NAME_SHOWN])
    return text if len(text) <= NAME_SHOWN else text[: NAME_SHOWN - 1] + "…"


def listed(names: Iterable[str]) -> str:
    """The first few names in quotation marks, and how many more there are."""
    quoted = [f"“{shown(name)}”" for name in names]
    more = len(quoted) - NAMED
    return ", ".join(quoted[:NAMED]) + (f" and {more} more" if more > 0 else "")


def is_blank(row: list[str]) -> bool:
    """Whether no cell of the row holds anything but blanks."""
    return not any(map(str.strip, row))


def headers_of(values: list[str], name: str, limits: Limits) -> tuple[str, ...]:
    """The names of the columns; a nameless one is called by its place."""
    check_width(len(values), 0, name, limits)
    names = [value.strip() or f"Column {place}" for place, value in enumerate(values, start=1)]
    keys = [header_key(name) for name in names]
    times = Counter(keys)
    twice = dict.fromkeys(name for name, key in zip(names, keys, strict=True) if times[key] > 1)
    if twice:
        raise DuplicateHeaders(
            f"Several columns are called {listed(twice)}; rename or remove all but one."
        )
    return tuple(names)


def check_width(width: int, number: int, name: str, limits: Limits) -> None:
    """TooManyColumns where a row (0: the header) has more cells than are taken in."""
    if width > limits.columns:
        where = f"Row {number} of {name}" if number else name
        raise TooManyColumns(
            f"{where} has {width:,} columns, and at most {limits.columns:,} are taken in;"
            " check what separates the columns, or remove some."
        )


def check_number(rows: int, name: str, limits: Limits) -> None:
    """TooManyRows where the file has more rows than are taken in."""
    if rows > limits.rows:
        raise TooManyRows(f"{name} has more than {limits.rows:,} rows; split it.")


def cell_too_long(number: int, name: str, limits: Limits) -> CellTooLong:
    """What refuses the cell that no text of a prospect can fill."""
    return CellTooLong(
        f"Row {number} of {name} has a cell of more than {limits.cell_length:,} characters;"
        " check whether a quote before it was left open."
    )


def is_empty(name: str) -> NoRows:
    """What refuses a file without anything in it."""
    return NoRows(f"{name} is empty; it needs a header line and at least one row.")


def has_no_rows(name: str) -> NoRows:
    """What refuses a file that has headers only."""
    return NoRows(f"{name} has a header line and no rows below it.")


def in_batches(
    records: Iterable[tuple[int, list[str]]], size: int, name: str, limits: Limits
) -> Iterator[Batch]:
    """Batches of the records that are not blank; CellTooLong where a cell is."""
    batch, weight = Batch([], []), 0
    for number, row in records:
        lengths = list(map(len, row))
        if max(lengths, default=0) > limits.cell_length:
            raise cell_too_long(number, name, limits)
        if is_blank(row):
            continue
        batch.numbers.append(number)
        batch.rows.append(row)
        weight += sum(lengths)
        if len(batch.rows) >= size or weight > BATCH_CHARACTERS:
            yield batch
            batch, weight = Batch([], []), 0
    if batch.rows:
        yield batch
