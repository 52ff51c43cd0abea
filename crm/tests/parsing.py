"""Rows as a file has them, and what the parser stages of them."""

import re
from pathlib import Path
from typing import NamedTuple

from crm.importing.columns import COMPANY_COLUMNS, PHONE_COLUMNS, PROBLEM_COLUMNS, ROW_COLUMNS
from crm.importing.copying import NULL
from crm.importing.parsing import BatchParser
from crm.importing.profiles import choose
from crm.importing.reading import Batch, open_source

SAMPLE = Path(__file__).parents[1] / "sample" / "pharow-marseille.csv"
UNESCAPED = {"\\": "\\", "t": "\t", "n": "\n", "r": "\r"}


class Parsed(NamedTuple):
    """What a parser staged, as PostgreSQL will read it: no more than what is told."""

    rows: list[dict]
    companies: list[dict]
    phones: list[dict]
    problems: list[dict]

    @property
    def row(self):
        (only,) = self.rows
        return only

    @property
    def company(self):
        (only,) = self.companies
        return only

    @property
    def codes(self):
        return [(problem["kind"], problem["code"]) for problem in self.problems]


def as_read(names, text):
    """COPY lines as the values that stand in them, those that are NULL left out."""
    for line in text.splitlines():
        cells = dict(zip(names, line.split("\t"), strict=True))
        yield {
            name: re.sub(r"\\(.)", lambda found: UNESCAPED[found[1]], cell)
            for name, cell in cells.items()
            if cell != NULL
        }


def parsed(staged):
    tables = (ROW_COLUMNS, COMPANY_COLUMNS, PHONE_COLUMNS, PROBLEM_COLUMNS)
    return Parsed(*(list(as_read(*each)) for each in zip(tables, staged[:4], strict=True)))


def parse(*rows, profile=None, headers=None):
    headers = headers or tuple(dict.fromkeys(name for row in rows for name in row))
    mapped = choose(headers, profile)
    cells = [[row.get(name, "") for name in headers] for row in rows]
    numbers = list(range(2, 2 + len(rows)))
    return parsed(BatchParser(mapped, headers, people=mapped.people).parse(Batch(numbers, cells)))


def generic(*rows, **cells):
    named = {"company_name": "Bar", "email": "ada@bar.example.com"}
    return parse(*(named | row for row in rows or [cells]), profile="generic")


def pharow(**cells):
    return parse({"Nom légal": "BAR", "Email": "ada@bar.example.com"} | cells, profile="pharow")


def unit(**cells):
    return parse({"siren": "732829320"} | cells, profile="sirene_units")


def establishment(**cells):
    named = {"siren": "732829320", "siret": "73282932000074", "etablissementSiege": "true"}
    return parse(named | cells, profile="sirene_establishments")


def sample(batch):
    source = open_source(SAMPLE)
    parser = BatchParser(choose(source.headers), source.headers)
    return [parser.parse(each) for each in source.batches(batch)]


def told(pieces):
    """Every line of every table; the order is the database's to make."""
    return [
        sorted("".join(texts).splitlines())
        for texts in zip(*(each[:4] for each in pieces), strict=True)
    ]
