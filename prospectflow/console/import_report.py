"""What the page of an import shows: its numbers, its chart, its problems, in words."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet

from crm.importing.sentences import sentence
from outreach.models import ImportProblem, ImportUpload
from outreach.services.progress import Progress
from outreach.services.standing import is_part, is_taken_back, standing
from outreach.services.uploads import problems_of
from outreach.states import ProblemKind, UploadStatus
from prospectflow.tenancy.search import holds

PER_PAGE = 50
KINDS = {  # what a problem did to its row -> its badge's words and colour
    ProblemKind.REFUSED: ("refused", "danger"),
    ProblemKind.DUPLICATE: ("repeated", "info"),
    ProblemKind.WARNING: ("warning", "warning"),
    ProblemKind.NOTE: ("note", ""),
}
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
FILE_KINDS = {"csv": "CSV", "xlsx": "Excel workbook", "ods": "OpenDocument sheet", "json": "JSON"}
ENCODINGS = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8 (marked)", "cp1252": "Windows-1252"}
STAGES = {
    "waiting": "Waiting for a worker to begin",
    "reading": "Reading the rows",
    "storing": "Storing the prospects",
    "undoing": "Taking the import back",
    "done": "Done",
}
TABLES = ("companies", "people", "positions", "phones")
STORED = frozenset({UploadStatus.COMPLETED, UploadStatus.UNDOING, UploadStatus.UNDONE})


class Slice(NamedTuple):
    """A part of the chart: its share and where it begins, in per cent, as SVG writes numbers."""

    name: str
    label: str
    rows: int
    share: str
    start: str


class Line(NamedTuple):
    """One problem as people read it."""

    row: int
    column: str
    value: str
    badge: tuple[str, str]
    sentence: str


class Page(NamedTuple):
    """Some problems, and the pages before and after (0: there is none)."""

    lines: list[Line]
    number: int
    before: int
    after: int


def numbers(upload: ImportUpload, language: str) -> dict[str, Any]:
    """The report's numbers, as the page shows them."""
    report = upload.report
    codes, undone = report.get("codes") or {}, report.get("undone") or {}
    stored = "had been taken in" if is_taken_back(upload) else "taken in"
    return {
        "report": report,
        "headings": _headings(upload),
        "standing": standing(upload),
        "slices": list(_slices(report, stored if upload.status in STORED else "valid")),
        "tallies": [(table, report[table]) for table in TABLES if table in report],
        "codes": [each for kind in KINDS for each in _codes(kind, codes, language)],
        "undone": [(table, undone[table]) for table in TABLES if table in undone],
    }


def _headings(upload: ImportUpload) -> tuple[str, str]:
    """Above the rows, and above what was made of them."""
    if is_taken_back(upload):
        return "What had become of the rows", "What it had made"
    if upload.status in STORED:
        return "What became of the rows", "What it made"
    if is_part(upload):
        return "An import of the whole file would do this", "What the whole file would make"
    return "An import would do this", "What it would make"


def few_are_valid(upload: ImportUpload) -> bool:
    """Whether less than half of the rows would be taken in."""
    return 2 * upload.report.get("rows_imported", 0) < upload.report.get("rows", 0)


def met_lately(upload: ImportUpload) -> int:
    """How many people of the file another campaign wrote to within 90 days."""
    warnings = (upload.report.get("codes") or {}).get(ProblemKind.WARNING) or {}
    return int(warnings.get("recently_contacted", 0))


def file_facts(upload: ImportUpload) -> list[str]:
    """What the file is: its kind, packing, encoding, delimiter and sheet."""
    said = upload.format
    facts = [FILE_KINDS.get(said.get("kind", ""), said.get("kind", ""))]
    facts += [f"packed as .{said['compression']}"] if said.get("compression") else []
    if encoding := said.get("encoding"):
        facts.append(ENCODINGS.get(encoding, encoding.upper()))
    if delimiter := said.get("delimiter"):
        facts.append(f"cells parted by {DELIMITERS.get(delimiter, f'“{delimiter}”')}")
    facts += [f"sheet “{said['sheet']}”"] if said.get("sheet") else []
    return [fact for fact in facts if fact]


def other_sheets(upload: ImportUpload) -> list[str]:
    """The sheets of the workbook that are not read."""
    sheets = upload.format.get("sheets") or []
    return [sheet for sheet in sheets if sheet != upload.format.get("sheet")]


def found_problems(upload: ImportUpload, wanted: dict[str, Any], language: str) -> Page:
    """One page of the problems that are wanted, in the order of the file."""
    rows = _matching(problems_of(upload, *filter(None, [wanted.get("kind")])), wanted)
    number = wanted.get("page") or 1
    first = (number - 1) * PER_PAGE
    found = list(rows[first : first + PER_PAGE + 1])
    lines = [_line(problem, language) for problem in found[:PER_PAGE]]
    return Page(lines, number, number - 1, number + 1 if len(found) > PER_PAGE else 0)


def _matching(rows: QuerySet[ImportProblem], wanted: dict[str, Any]) -> QuerySet[ImportProblem]:
    """Each word is a row's number, or in the column or the value."""
    if code := wanted.get("code"):
        rows = rows.filter(code=code)
    for word in (wanted.get("q") or "").split():
        there = holds("value", word) | holds("column", word)
        numbered = word.isdecimal() and len(word) < 10
        rows = rows.filter(there | Q(row=int(word)) if numbered else there)
    return rows


def progress_words(progress: Progress) -> dict[str, Any]:
    """How far the stage is, for a bar and in one line."""
    words = [f"{progress.rows:,} rows"]
    if progress.of:
        words = [f"{progress.rows:,} of {progress.of:,} rows"]
    if progress.rows_per_second:
        words.append(f"{progress.rows_per_second:,.0f} rows/s")
    if progress.seconds_left is not None:
        words.append(f"{_duration(progress.seconds_left)} left")
    return {
        "stage": STAGES.get(progress.stage, progress.stage),
        "words": " · ".join(words),
        "percent": min(100, round(100 * progress.rows / progress.of)) if progress.of else None,
    }


def _slices(report: dict[str, Any], word: str) -> Iterator[Slice]:
    rows, start = report.get("rows", 0), 0.0
    parts = [("valid", word, "rows_imported"), ("repeated", "repeated", "rows_duplicate")]
    for name, label, key in [*parts, ("refused", "refused", "rows_refused")]:
        share = 100 * report.get(key, 0) / rows if rows else 0.0
        yield Slice(name, label, report.get(key, 0), f"{share:.2f}", f"{-start:.2f}")
        start += share


def _codes(kind: str, codes: dict[str, Any], language: str) -> list[dict[str, Any]]:
    """The problems of one kind, those met most often first."""
    times = sorted((codes.get(kind) or {}).items(), key=lambda each: (-each[1], each[0]))
    return [
        {
            "kind": kind,
            "badge": KINDS[ProblemKind(kind)],
            "code": code,
            "sentence": sentence(code, language),
            "times": number,
        }
        for code, number in times
    ]


def _line(problem: ImportProblem, language: str) -> Line:
    badge = KINDS[ProblemKind(problem.kind)]
    return Line(problem.row, problem.column, problem.value, badge, problem.said(language))


def _duration(seconds: float) -> str:
    """A time to wait, as roughly as it is known."""
    if seconds < 60:
        return f"about {max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"about {minutes} min" if minutes < 120 else f"about {round(minutes / 60)} h"
