"""Why a mail waits, as people read it: every reason, and when at the earliest it may leave."""

from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from outreach.models import Task
from outreach.services.explaining import explain


def explained(task: Task, *, now: datetime) -> SafeString | str:
    """The reasons as a list, hours on the clock of the organisation that is looked at."""
    found = explain(task, now=now)
    if not found.reasons:
        return "Nothing holds it back: it leaves with the next batch of its mailbox."
    lines = ((reason.sentence, _until(reason.until)) for reason in found.reasons)
    reasons = format_html_join("", "<li>{} {}</li>", lines)
    return format_html('<ul class="pf-list">{}</ul><p>{}</p>', reasons, _at(found.earliest))


def _until(moment: datetime | None) -> SafeString | str:
    if moment is None:
        return ""
    return format_html('<span class="pf-subtle">Until {}.</span>', local(moment))


def _at(earliest: datetime | None) -> SafeString | str:
    if earliest is None:
        return "It does not leave before somebody acts on what has no date."
    return format_html("It may leave on <b>{}</b> at the earliest.", local(earliest))


def local(moment: datetime) -> str:
    """Day and time on the reader's clock."""
    return date_format(timezone.localtime(moment), "D j M Y, H:i")
