"""How the trail is told to people: who, what, and what stood where before and after."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.apps import apps
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format

from iam.models import AuditEvent

ACTIONS = (
    *("added", "changed", "checked", "contacted_allowed", "decided", "deleted"),
    *("enrolled", "entered", "exported", "imported", "left", "paused"),
    *("restored", "resumed", "saved", "skipped", "stopped", "undo_asked", "undone"),
)
SHOWN_LENGTH = 200
NOTHING = "–"
REFERENCE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Change(NamedTuple):
    """One column of a row: what people call it, what stood there, what stands now.

    A row that was added had nothing before, one that was deleted has nothing now: that is empty.
    """

    name: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.name}: {' → '.join(filter(None, (self.old, self.new)))}"


def who(event: AuditEvent) -> str:
    """The person or the program; a dash where a worker or nobody known did it."""
    return str(event.user or event.service_account or NOTHING)


def subject_of(event: AuditEvent) -> str:
    """What kind of thing it was done to, in words."""
    try:
        return str(apps.get_model(event.object_type)._meta.verbose_name)
    except (LookupError, ValueError):
        return event.object_type


def changes_of(event: AuditEvent) -> list[Change]:
    """What a person wants to know of a row that changed, came or went, by column.

    Of one that came or went, empty columns and references to other rows are left out.
    """
    told = [(_name(column, *values), *values) for column, values in sorted(event.changes.items())]
    if event.action == "added":
        return [Change(name, "", _shown(new)) for name, _, new in told if _says(new)]
    if event.action == "deleted":
        return [Change(name, _shown(old), "") for name, old, _ in told if _says(old)]
    return [Change(name, _shown(old), _shown(new)) for name, old, new in told]


def summary(event: AuditEvent) -> str:
    """The changes in one line, shortened."""
    return _shortened("; ".join(map(str, changes_of(event))))


def _name(column: str, old: Any, new: Any) -> str:
    refers = _is_reference(old) or _is_reference(new)
    return (column.removesuffix("_id") if refers else column).replace("_", " ")


def _says(value: Any) -> bool:
    return _shown(value) != NOTHING and not _is_reference(value)


def _is_reference(value: Any) -> bool:
    return isinstance(value, str) and REFERENCE.fullmatch(value) is not None


def _shown(value: Any) -> str:
    """A value as a person reads it, shortened; moments in the zone that is active."""
    if value in (None, "", [], {}):
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, str):
        value = json.dumps(value, ensure_ascii=False)
    if _is_reference(value):
        return f"…{value[-8:]}"
    return _shortened(_moment(value) or " ".join(value.split()))


def _shortened(text: str) -> str:
    return text if len(text) <= SHOWN_LENGTH else f"{text[: SHOWN_LENGTH - 1]}…"


def _moment(text: str) -> str:
    try:
        moment = parse_datetime(text)
    except ValueError:
        return ""
    if moment is None or timezone.is_naive(moment):
        return ""
    return date_format(timezone.localtime(moment), "DATETIME_FORMAT")


def lines(event: AuditEvent) -> Iterator[tuple[str]]:
    """The changes, each a line, as `format_html_join` takes them."""
    return ((str(change),) for change in changes_of(event))
