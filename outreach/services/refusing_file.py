"""The rows that were not taken in, as a file to mend and import again."""

import csv
import io
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from crm.importing.normalising import header_key
from crm.importing.profiles import REFUSED_BECAUSE, REFUSED_ROW
from crm.importing.reading import Source, open_source
from crm.importing.report import Problem
from outreach.models import ImportUpload
from outreach.services.files import as_file, limits
from outreach.services.uploads import LEFT_OUT, problems_of
from prospectflow.spreadsheets import MARK, neutralised

OURS = (REFUSED_ROW, REFUSED_BECAUSE)
AT_ONCE = 2_000  # rows


class _Reasons(NamedTuple):
    row: int
    text: str


def refused_rows_of(upload: ImportUpload, language: str) -> Iterator[str]:
    """CSV with every column of the file, each row's number and what is wrong with it.

    Cells that a spreadsheet would run are neutralised. Raises NoReportYet or FileNotKept before
    the first line. It reads the database as it goes on, so the scope stays open.
    """
    problems_of(upload)
    reasons = _reasons(upload, language)
    with as_file(upload) as path:
        source = open_source(Path(path), sheet=upload.format.get("sheet") or None, limits=limits())
        yield from _lines(source, reasons)


def _reasons(upload: ImportUpload, language: str) -> Iterator[_Reasons]:
    for row, each in groupby(_problems(upload), key=lambda problem: problem.row):
        yield _Reasons(row, " ".join(_reason(problem, language) for problem in each))


def _problems(upload: ImportUpload) -> Iterator[Problem]:
    """What is wrong with the rows left out, page by page, whole rows at a time."""
    found = problems_of(upload, *LEFT_OUT)
    after = 0
    while True:
        rows = found.filter(row__gt=after).values_list("row", flat=True).distinct("row")
        page = list(rows.order_by("row")[:AT_ONCE])
        if not page:
            return
        within = found.filter(row__gt=after, row__lte=page[-1])
        for each in within.values_list("row", "kind", "column", "value", "code", "detail"):
            yield Problem(*each)
        after = page[-1]


def _reason(problem: Problem, language: str) -> str:
    said = problem.said(language)
    return f"{problem.column}: {said}" if problem.column else said


def _lines(source: Source, reasons: Iterator[_Reasons]) -> Iterator[str]:
    ours = {header_key(name) for name in OURS}
    kept = [place for place, name in enumerate(source.headers) if header_key(name) not in ours]
    yield MARK + _line(source, [*(source.headers[place] for place in kept), *OURS])
    wanted = next(reasons, None)
    for batch in source.batches():
        for number, cells in zip(batch.numbers, batch.rows, strict=True):
            if wanted and number == wanted.row:
                ordered = [cells[place] if place < len(cells) else "" for place in kept]
                beyond = cells[len(source.headers) :]  # cells that shifted out of the table
                yield _line(source, [*ordered, str(number), wanted.text, *beyond])
                wanted = next(reasons, None)


def _line(source: Source, cells: list[str]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=source.delimiter or ",")
    writer.writerow(neutralised(cell) for cell in cells)
    return out.getvalue()
