"""Why a mail waits, as people read it: every reason, and when at the earliest it may leave."""

from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from outreach.models import Task
from outreach.policy.rules import Reason
from outreach.services.explaining import NEVER, Explanation, explain, lifts


def explained(task: Task, *, now: datetime) -> SafeString | str:
    """The reasons as a list, hours on the clock of the organisation that is looked at."""
    found = explain(task, now=now)
    if not found.reasons:
        return "Nothing holds it back: it leaves with the next batch of its mailbox."
    lines = ((reason.sentence, _until(reason)) for reason in found.reasons)
    reasons = format_html_join("", "<li>{} {}</li>", lines)
    return format_html('<ul class="pf-list">{}</ul><p>{}</p>', reasons, _at(found))


def _until(reason: Reason) -> SafeString:
    until = f"Until {local(reason.until)}." if reason.until else f"Lifts: {lifts(reason.code)}."
    return format_html('<span class="pf-subtle">{}</span>', until)


def _at(found: Explanation) -> SafeString | str:
    if found.earliest is not None:
        return format_html("It may leave on <b>{}</b> at the earliest.", local(found.earliest))
    if any(reason.code in NEVER for reason in found.reasons):
        return "It never leaves."
    return "It does not leave before what has no date is over."


def local(moment: datetime) -> str:
    """Day and time on the reader's clock."""
    return date_format(timezone.localtime(moment), "D j M Y, H:i")
