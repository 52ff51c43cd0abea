"""JSON: one object on each line, or one document with a list of objects."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from crm.importing.errors import BrokenJson, DocumentTooLarge, LineTooLong
from crm.importing.normalising import header_key
from crm.importing.reading.encodings import encoding_of, text_of
from crm.importing.reading.limits import Limits
from crm.importing.reading.rows import (
    Batch,
    check_number,
    check_width,
    has_no_rows,
    headers_of,
    in_batches,
)
from crm.importing.reading.unpacking import Stored

NESTING = 8  # objects within objects
LIST_KEY = "data"  # of the document that other programs send
Leaf = tuple[str, ...]  # the keys that lead to a value
# Numbers stay as they were written; NaN and Infinity, which JSON has not, are nothing.
DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=lambda _: None)


@dataclass(frozen=True)
class Objects:
    """JSON that was found readable; `batches()` reads it afresh.

    A column is called by the last key that leads to its values, or by all of them, joined by
    dots, where an earlier column has that name. Lists are kept as JSON.
    """

    stored: Stored
    limits: Limits
    encoding: str
    whole: bool
    leaves: tuple[Leaf, ...]
    headers: tuple[str, ...]
    header_number: int = 0

    def batches(self, size: int) -> Iterator[Batch]:
        """Every object that has a value; BrokenJson where a line is none."""
        yield from in_batches(self._rows(), size, self.stored.name, self.limits)

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        name, columns = self.stored.name, _Columns()
        for place, leaf in enumerate(self.leaves):
            columns.place(leaf, place)
        with text_of(self.stored, self.encoding, self.limits) as text:
            for number, item in _items(text, self.whole, name, self.limits):
                row = [""] * len(self.leaves)
                try:
                    columns.fill(row, item)
                except RecursionError as error:
                    raise _too_deep(number, name) from error
                if not _is_text("".join(row)):
                    raise BrokenJson(
                        f"Item {number} of {name} holds a character that is no text; remove it."
                    )
                yield number, row


class _Columns:
    """Which column the value under each key belongs to, and the same for objects within."""

    __slots__ = ("inner", "places")

    def __init__(self) -> None:
        self.places: dict[str, int] = {}
        self.inner: dict[str, _Columns] = {}

    def place(self, leaf: Leaf, place: int) -> None:
        """Tell the column of one value."""
        columns = self
        for key in leaf[:-1]:
            columns = columns.inner.setdefault(key, _Columns())
        columns.places[leaf[-1]] = place

    def fill(self, row: list[str], item: dict[str, Any]) -> None:
        """Put the values of one object in their places."""
        for key, value in item.items():
            if isinstance(value, dict):
                if key in self.inner:
                    self.inner[key].fill(row, value)
            elif key in self.places:
                row[self.places[key]] = value if isinstance(value, str) else _text(value)

    def new(self, item: dict[str, Any], keys: Leaf = ()) -> Iterator[Leaf]:
        """The values of an object that have no column yet, by the keys that lead to them.

        RecursionError where objects lie too deep within objects.
        """
        if len(keys) >= NESTING:
            raise RecursionError
        for key, value in item.items():
            if isinstance(value, dict):
                yield from self.inner.setdefault(key, _Columns()).new(value, (*keys, key))
            elif value is not None and key not in self.places:
                yield (*keys, key)


def open_objects(stored: Stored, start: bytes, limits: Limits) -> Objects:
    """The encoding and the keys of all objects; FileRefused when it is not usable."""
    encoding = encoding_of(stored, start, limits, long_lines=True)
    with text_of(stored, encoding, limits) as text:
        whole = _is_whole(text, limits)
    with text_of(stored, encoding, limits) as text:
        leaves = _leaves(_items(text, whole, stored.name, limits), stored.name, limits)
    if not leaves:
        raise has_no_rows(stored.name)
    headers = headers_of(_names(leaves), stored.name, limits)
    return Objects(stored, limits, encoding, whole, leaves, headers)


def _leaves(
    items: Iterator[tuple[int, dict[str, Any]]], name: str, limits: Limits
) -> tuple[Leaf, ...]:
    """The keys that lead to the values of all objects, as they first appear."""
    columns, leaves = _Columns(), list[Leaf]()
    for count, (number, item) in enumerate(items, start=1):
        check_number(count, name, limits)
        try:
            found = list(columns.new(item))
        except RecursionError as error:
            raise _too_deep(number, name) from error
        check_width(len(leaves) + len(found), 0, name, limits)
        for leaf in found:
            columns.place(leaf, len(leaves))
            leaves.append(leaf)
    return tuple(leaves)


def _too_deep(number: int, name: str) -> BrokenJson:
    return BrokenJson(
        f"Item {number} of {name} has objects or lists within each other, more than {NESTING}"
        " deep; write its values side by side."
    )


def _names(leaves: tuple[Leaf, ...]) -> list[str]:
    taken: set[str] = set()
    names = []
    for leaf in leaves:
        name = leaf[-1] if header_key(leaf[-1]) not in taken else ".".join(leaf)
        taken.add(header_key(name))
        names.append(name)
    return names


def _is_whole(text: io.TextIOWrapper, limits: Limits) -> bool:
    """Whether the text is one document rather than an object on each line."""
    first = "\n"
    while first and not first.strip():
        first = text.readline(limits.line_length + 1)
    try:
        item = DECODER.decode(first)
    except (ValueError, RecursionError):
        following = text.readline(limits.line_length + 1)
        return first.lstrip().startswith("[") or not following.lstrip().startswith("{")
    return not isinstance(item, dict) or isinstance(item.get(LIST_KEY), list)


def _items(
    text: io.TextIOWrapper, whole: bool, name: str, limits: Limits
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each object and its number."""
    return _listed(text, name, limits) if whole else _lines(text, name, limits)


def _lines(
    text: io.TextIOWrapper, name: str, limits: Limits
) -> Iterator[tuple[int, dict[str, Any]]]:
    number = 0
    while line := text.readline(limits.line_length + 1):
        number += 1
        if len(line) > limits.line_length:
            raise LineTooLong(
                f"Line {number} of {name} is longer than {limits.line_length:,} characters;"
                " write one object on each line."
            )
        if line.strip():
            yield number, _object(_decoded(line, f"Line {number} of {name}"), number, name)


def _listed(
    text: io.TextIOWrapper, name: str, limits: Limits
) -> Iterator[tuple[int, dict[str, Any]]]:
    document = text.read(limits.document_bytes + 1)
    if len(document) > limits.document_bytes:
        raise DocumentTooLarge(
            f"{name} is one JSON document of more than {limits.document_bytes:,} characters;"
            " write one object on each line (NDJSON) instead."
        )
    items = _decoded(document, name)
    del document
    if isinstance(items, dict):
        items = items.get(LIST_KEY)
    if not isinstance(items, list):
        raise BrokenJson(
            f"{name} holds no list of objects; write one object on each line, a list of objects,"
            f' or {{"{LIST_KEY}": [...]}}.'
        )
    for number, item in enumerate(items, start=1):
        yield number, _object(item, number, name)


def _decoded(text: str, where: str) -> Any:
    try:
        return DECODER.decode(text)
    except json.JSONDecodeError as error:
        at = f" (line {error.lineno})" if "\n" in text.rstrip() else ""
        raise BrokenJson(f"{where} is not JSON{at}; check it and export it again.") from error
    except (ValueError, RecursionError) as error:
        raise BrokenJson(f"{where} cannot be read as JSON; export it again.") from error


def _object(item: Any, number: int, name: str) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise BrokenJson(f"Item {number} of {name} is not an object with keys and values.")
    return item


def _text(value: Any) -> str:
    """A value that is no text as text; lists as JSON."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)


def _is_text(text: str) -> bool:
    """Whether a database can keep it: JSON may hold NUL and halves of characters."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False
