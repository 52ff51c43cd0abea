"""Rows as a file of any length: each page of them is read in a scope of its own."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from django.db.models import Model, QuerySet
from django.http import StreamingHttpResponse

from prospectflow.spreadsheets import neutralised
from prospectflow.tenancy.context import tenant

PAGE = 500

type Columns = Mapping[str, Callable[[Any], Any]]


class _Line:
    """A file that only hands back what is written to it."""

    def write(self, line: str) -> str:
        return line


def pages[M: Model](rows: QuerySet[M], *, organisation_id: UUID) -> Iterator[list[M]]:
    """The rows, the newest first; no scope may be open while the next page is asked for."""
    rows, last = rows.order_by("-pk"), None
    while True:
        with tenant(organisation_id):
            page = list((rows if last is None else rows.filter(pk__lt=last))[:PAGE])
        if page:
            yield page
        if len(page) < PAGE:
            return
        last = page[-1].pk


def as_csv(pages: Iterable[Iterable[Any]], columns: Columns) -> Iterator[str]:
    """A head and a line for each row (RFC 4180); no cell is a formula to a spreadsheet."""
    writer = csv.writer(_Line())
    yield writer.writerow(columns)
    for page in pages:
        yield "".join(writer.writerow(_cells(row, columns)) for row in page)


def as_ndjson(pages: Iterable[Iterable[Any]], columns: Columns) -> Iterator[str]:
    """One JSON object for each row, each on a line of its own."""
    for page in pages:
        yield "".join(f"{_object(row, columns)}\n" for row in page)


FORMS = {"csv": (as_csv, "text/csv"), "ndjson": (as_ndjson, "application/x-ndjson")}


def download(
    rows: QuerySet[Any], columns: Columns, *, form: str, name: str, organisation_id: UUID
) -> StreamingHttpResponse:
    """The file to save under this name; KeyError for a form that is none of FORMS."""
    write, content_type = FORMS[form]
    content = write(pages(rows, organisation_id=organisation_id), columns)
    response = StreamingHttpResponse(content, content_type=f"{content_type}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
    return response


def _cells(row: Any, columns: Columns) -> list[str]:
    values = (read(row) for read in columns.values())
    return [neutralised(each if isinstance(each, str) else _json(each)) for each in values]


def _object(row: Any, columns: Columns) -> str:
    return _json({name: read(row) for name, read in columns.items()})


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
