"""The columns of a file as the mapping page shows them, and what somebody says of them."""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from crm.importing.profiles import (
    IGNORE,
    KEEP,
    Suggestion,
    grouped_targets,
    profile_of,
    suggestions,
    target_label,
)
from crm.importing.sentences import sentence
from outreach.models import ImportUpload
from outreach.services.undoing import left_rows
from outreach.states import UploadStatus

MAPPABLE = frozenset(
    {
        UploadStatus.UPLOADED,
        UploadStatus.MAPPED,
        UploadStatus.VALIDATION_FAILED,
        UploadStatus.FAILED,
    }
)
STATES = ("mapped", "kept", "unknown", "left out")


def mappable(upload: ImportUpload) -> bool:
    """Whether the columns may still be settled: not once rows were stored as they were."""
    return upload.status in MAPPABLE and not left_rows(upload)


class Column(NamedTuple):
    """One column: what stands in it, what it becomes and why, and who claims the same."""

    name: str  # of its field in the form
    header: str
    samples: list[str]
    badge: tuple[str, str]
    reason: str
    rivals: tuple[str, ...]
    label: str
    options: SafeString


def columns_of_file(
    upload: ImportUpload, language: str, chosen: Mapping[str, str] | None = None
) -> list[Column]:
    """Every column in the order of the file, with what was chosen for it or is suggested."""
    profile = profile_of((), upload.profile or "generic")
    settled = {**upload.column_mappings, **(chosen or {})}
    found = suggestions(upload.detected_columns, profile, settled)
    options = _options(language, people=profile.people)
    return [
        _column(f"column-{place}", each, upload.samples.get(each.header, []), options, language)
        for place, each in enumerate(found)
    ]


def chosen_columns(upload: ImportUpload, posted: Mapping[str, str]) -> dict[str, str]:
    """What a form said of each column; those it left out stay as they are."""
    fields = {f"column-{place}": header for place, header in enumerate(upload.detected_columns)}
    return {header: posted[name] for name, header in fields.items() if name in posted}


def counted(columns: list[Column]) -> dict[str, int]:
    """How many columns become a field, are kept or are left out."""
    words = [column.badge[0] for column in columns]
    return {word.replace(" ", "_"): words.count(word) for word in STATES}


def _column(
    name: str, found: Suggestion, samples: list[str], options: SafeString, language: str
) -> Column:
    return Column(
        name,
        found.header,
        samples,
        _badge(found),
        sentence(found.reason, language),
        found.rivals,
        target_label(found.target, language),
        _with_chosen(options, found.target),
    )


def _badge(found: Suggestion) -> tuple[str, str]:
    if found.rivals:
        return "mapped", "danger"
    if found.target == IGNORE:
        return "left out", ""
    if found.target == KEEP:
        return ("unknown", "warning") if found.reason == "column_unknown" else ("kept", "info")
    return "mapped", "success"


@cache
def _options(language: str, *, people: bool) -> SafeString:
    """What every column may become, as the inside of a <select>."""
    single = [(target, target_label(target, language)) for target in (KEEP, IGNORE)]
    groups = grouped_targets(language, people=people)
    html = ((label, _each(targets)) for label, targets in groups)
    return _each(single) + format_html_join("", '<optgroup label="{}">{}</optgroup>', html)


def _each(targets: list[tuple[str, str]]) -> SafeString:
    return format_html_join("", '<option value="{}">{}</option>', targets)


def _with_chosen(options: SafeString, target: str) -> SafeString:
    """The same options, one of them chosen; a target that the list lacks is added to it."""
    before = format_html('<option value="{}">', target)
    after = format_html('<option value="{}" selected>', target)
    if before not in options:
        return format_html('<option value="{}" selected>{}</option>{}', target, target, options)
    return mark_safe(options.replace(before, after, 1))  # noqa: S308 (both are escaped)
