"""A column of cells becomes a column of COPY text, and what is wrong with a cell is told."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

from crm.importing.copying import NULL, escaped, written, written_json
from crm.importing.normalising import Unusable, looks_like_formula
from crm.importing.profiles import READERS

SHOWN = 200  # characters of a cell that a report repeats
MEMO_LIMIT = 4_096  # different texts of a column
MEMO_TEXT = 256  # characters; longer texts hardly come twice
FORMULA_STARTS = "=@+-"
LOST = "\ufffd"  # what a decoder leaves where it could not read

Detail = dict[str, str | int]
Plain = Callable[[str], str | None]  # COPY text, or None where there is something to tell

# Columns in which hardly a cell comes twice, so that remembering them would not pay.
DISTINCT = frozenset(
    [
        "company.pharow_company_id",
        "company.siren",
        "company.hq_siret",
        "company.establishment_siret",
        "company.name",
        "company.brand_name",
        "company.linkedin_name",
        "company.description",
        "company.generic_email",
        "company.website_url",
        "company.linkedin_url",
        "company.hq_address",
        "person.linkedin_url",
        "position.email",
    ]
)


class Finding(NamedTuple):
    """One thing to tell of a cell: where it stands, a code, and what the sentence names."""

    at: int  # the row's place among those read together
    column: int  # the column's place in the header; -1 for the row as a whole
    code: str
    detail: Detail
    refusing: bool = False


class Table(NamedTuple):
    """Rows of one file, all as wide as its header, and the same cells by column."""

    numbers: Sequence[int]
    rows: Sequence[Sequence[str]]
    columns: Sequence[Sequence[str]]


class Memo[Value](dict[str, Value]):
    """What a function made of the texts it met last."""

    def __init__(self, function: Callable[[str], Value]) -> None:
        super().__init__()
        self.function = function

    def __missing__(self, text: str) -> Value:
        value = self.function(text)
        if len(text) <= MEMO_TEXT:
            if len(self) >= MEMO_LIMIT:
                self.clear()
            self[text] = value
        return value


class Column:
    """One column of a file that has a target, and how its cells are read."""

    def __init__(self, target: str, place: int) -> None:
        self.place = place
        self.reader: Callable[[str], Any] = READERS[target]
        plain = _plain(self.reader)
        self.plain: Plain = plain if target in DISTINCT else Memo(plain).__getitem__

    def read(
        self, cells: Sequence[str], findings: list[Finding], *, required: bool = False
    ) -> list[str]:
        """The cells as COPY text; an unusable one is left out and told, refusing if required."""
        values = list(map(self.plain, cells))
        if None not in values:
            return cast(list[str], values)
        return [
            self._examined(cells[at], at, findings, required) if value is None else value
            for at, value in enumerate(values)
        ]

    def _examined(self, cell: str, at: int, findings: list[Finding], required: bool) -> str:
        try:
            value = self.reader(cell)
        except Unusable as problem:
            findings.append(Finding(at, self.place, problem.code, problem.detail, required))
            return NULL
        if isinstance(value, str):
            findings += [Finding(at, self.place, code, {}) for code in oddities(value)]
        return written(value)


def oddities(value: str) -> list[str]:
    """What is to be told of a text although it is taken in as it is."""
    found = ["formula"] if looks_like_formula(value) else []
    return [*found, "characters_lost"] if LOST in value else found


def _plain(reader: Callable[[str], Any]) -> Plain:
    def plain(cell: str) -> str | None:
        try:
            value = reader(cell)
        except Unusable:
            return None
        if value.__class__ is str and value:
            if (value[0] in FORMULA_STARTS or not value.isascii()) and oddities(value):
                return None
            return escaped(value)
        return written(value)

    return plain


class Problem(NamedTuple):
    """A line for the table of problems, and its place among them."""

    row: int
    column: int
    line: str


def told(table: Table, headers: Sequence[str], finding: Finding) -> Problem:
    """What was found in a row, for the table of problems."""
    number, place = table.numbers[finding.at], finding.column
    header, value = ("", "") if place < 0 else (headers[place], table.rows[finding.at][place])
    return Problem(number, place, _line(number, finding, header, value[:SHOWN]))


def shifted(number: int, cells: int, columns: int) -> Problem:
    """That a row has more or fewer cells than the header."""
    detail: Detail = {"cells": cells, "columns": columns}
    finding = Finding(-1, -1, "cells_shifted", detail, refusing=True)
    return Problem(number, -1, _line(number, finding))


def _line(number: int, finding: Finding, header: str = "", value: str = "") -> str:
    kind = "refused" if finding.refusing else "note"
    cells = (str(number), kind, escaped(header), escaped(value), finding.code)
    return "\t".join((*cells, written_json(finding.detail))) + "\n"
