"""Rows as a file of any length, written a few lines at a time; its end says if it broke off."""

import csv
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import batched
from typing import Any, cast
from uuid import UUID

from django.db.models import Model, QuerySet
from django.http import StreamingHttpResponse
from rest_framework.renderers import JSONRenderer

from prospectflow.problems import problem_body
from prospectflow.spreadsheets import neutralised
from prospectflow.tenancy.replica import reading

PAGE = 500
LINES_AT_ONCE = 100
# Servers end a broken stream like a whole one, so the last line has to say it.
BROKEN = problem_body(500, "EXPORT_INCOMPLETE", "The export broke off here: begin it again.")

logger = logging.getLogger(__name__)

type Row = dict[str, Any]
type Lines = Callable[[list[str], Iterable[Row]], Iterator[str]]


def download(form: str, file: str, names: list[str], rows: Iterable[Row]) -> StreamingHttpResponse:
    """The rows to save under the file's name; KeyError for a form that is none of FORMS.

    The rows are asked for while the answer is sent: they open whatever scopes they need.
    """
    content, ending = told(FORMS[form], names, rows), f'attachment; filename="{file}.{form}"'
    headers = {"Content-Disposition": ending}
    return StreamingHttpResponse(content, content_type=MEDIA_TYPES[form], headers=headers)


def pages[M: Model](rows: QuerySet[M], *, organisation_id: UUID) -> Iterator[list[M]]:
    """The rows, the newest first; no scope may be open while the next page is asked for."""
    rows, last = rows.order_by("-pk"), None
    while True:
        rest = rows if last is None else rows.filter(pk__lt=last)
        page: list[M] = reading(partial(list, rest[:PAGE]), organisation_id)
        if page:
            yield page
        if len(page) < PAGE:
            return
        last = page[-1].pk


def told(lines: Lines, names: list[str], rows: Iterable[Row]) -> Iterator[str]:
    """The lines, some at a time; the last is BROKEN where the rows ended in an error."""
    try:
        for some in batched(lines(names, rows), LINES_AT_ONCE):
            yield "".join(some)
    except Exception:
        logger.exception("An export broke off")
        yield from lines([], iter([BROKEN]))


class _Echo:
    """A file that only hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


def as_csv(names: list[str], rows: Iterable[Row]) -> Iterator[str]:
    """RFC 4180, with a header; no cell is a formula to a spreadsheet."""
    writer = csv.writer(cast("Any", _Echo()))
    if not names:
        yield from (writer.writerow([row["code"], row["detail"]]) for row in rows)
        return
    yield writer.writerow(names)
    yield from (writer.writerow([cell(row[name]) for name in names]) for row in rows)


def as_ndjson(names: list[str], rows: Iterable[Row]) -> Iterator[str]:
    """One JSON object for each row, each on a line of its own."""
    render = JSONRenderer().render
    yield from (render(row).decode() + "\n" for row in rows)


def cell(value: Any) -> Any:
    """The value as one cell of a spreadsheet."""
    if isinstance(value, str):
        return neutralised(value)
    if isinstance(value, bool | dict | list):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else value


FORMS: dict[str, Lines] = {"csv": as_csv, "ndjson": as_ndjson}
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8; header=present",
    "ndjson": "application/x-ndjson",
}
