"""An import's report as lines on a terminal."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

SHOWN = 1_000  # problems of each kind
TABLES = ("companies", "people", "positions", "phones")


class Told(Protocol):
    """Something that was found in a row of the file."""

    row: int
    column: str
    value: str
    code: str

    def said(self, language: str) -> str: ...


def report_lines(
    report: Mapping[str, Any], problems: Mapping[str, Iterable[Told]], language: str
) -> Iterator[str]:
    """What became of the file; the sentences on its rows stand in that language."""
    yield f"{report['file_name']}: {report['rows']} rows read as {report['profile']}{_form(report)}"
    for table in TABLES:
        tally = report[table]
        yield (
            f"  {table:<10} {tally['created']} created, {tally['updated']} updated,"
            f" {tally['unchanged']} unchanged"
        )
    if report["enrolled"]:
        yield f"  enrolled   {report['enrolled']}"
    if report["enrolling"]:
        yield f"Nobody more was enrolled: {report['enrolling']}"
    sections = [
        ("duplicate", f"Rows that repeat another: {report['rows_duplicate']}"),
        ("refused", f"Rows refused: {report['rows_refused']}"),
        ("warning", f"Rows with a warning: {report['rows_warned']}"),
        ("note", f"Notes on cells: {_times(report, 'note')}"),
    ]
    for kind, title in sections:
        yield title
        yield from _problem_lines(problems.get(kind, ()), language, _times(report, kind))
    yield _columns("Columns not recognised, kept as they are", report["columns_unknown"])
    yield _columns("Columns ignored on purpose", report["columns_ignored"])
    if report["dry_run"]:
        yield "A dry run: nothing was stored."


def as_json(problem: Told, language: str) -> dict[str, Any]:
    """One problem as plain JSON types."""
    named = {name: getattr(problem, name) for name in ("row", "column", "value", "code")}
    return named | {"sentence": problem.said(language)}


def _form(report: Mapping[str, Any]) -> str:
    if not report["delimiter"]:
        return f" ({report['encoding']})" if report["encoding"] else ""
    return f" ({report['encoding']}, delimiter {report['delimiter']!r})"


def _times(report: Mapping[str, Any], kind: str) -> int:
    return sum(report["codes"].get(kind, {}).values())


def _problem_lines(problems: Iterable[Told], language: str, times: int) -> Iterator[str]:
    shown = 0
    for problem in problems:
        shown += 1
        place = f"row {problem.row}, {problem.column}" if problem.column else f"row {problem.row}"
        yield f"  {place}: {problem.said(language)}"
    if times > shown:
        yield f"  … and {times - shown} more"


def _columns(title: str, columns: Sequence[str]) -> str:
    return f"{title}: {', '.join(columns) or 'none'}"
