"""The rows that were not taken in, as a file to mend and import again."""

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

from crm.importing.normalising import header_key
from crm.importing.profiles import REFUSED_BECAUSE, REFUSED_ROW
from crm.importing.reading import Table, open_table
from crm.importing.report import Problem
from prospectflow.spreadsheets import neutralised

OURS = (REFUSED_ROW, REFUSED_BECAUSE)
BYTE_ORDER_MARK = "\ufeff"  # without it Excel takes UTF-8 for Windows-1252


def refused_rows(path: Path, problems: Iterable[Problem]) -> Iterator[str]:
    """CSV with every column of the file, each row's number and what is wrong with it.

    Cells that a spreadsheet would run are neutralised.
    """
    table = open_table(path)
    reasons: dict[int, list[str]] = {}
    for problem in problems:
        reasons.setdefault(problem.row, []).append(_reason(problem))
    known = {header_key(name) for name in OURS}
    headers = [header for header in table.headers if header_key(header) not in known]
    yield BYTE_ORDER_MARK + _line(table, [*headers, *OURS])
    for row in table.rows():
        if row.number in reasons:
            cells = [row.cells.get(header, "") for header in headers]
            yield _line(table, [*cells, str(row.number), " ".join(reasons[row.number])])


def _reason(problem: Problem) -> str:
    return f"{problem.column}: {problem.sentence}" if problem.column else problem.sentence


def _line(table: Table, cells: list[str]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=table.delimiter).writerow(neutralised(cell) for cell in cells)
    return out.getvalue()
