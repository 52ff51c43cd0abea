"""The numbers that the console's own pages show; each page costs a fixed number of queries."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum

from outreach.calendar import midnight_before
from outreach.models import Campaign, Draft, Enrollment, Mailbox, Message, Task
from outreach.services.mailboxes import schedule_of
from outreach.states import CampaignStatus, EnrollmentState, MessageKind, TaskStatus
from prospectflow.tenancy.replica import reading_within
from tracking.models import DailyStats

COUNTED_TO = 1000  # "1000+" says enough, and costs no more
CAMPAIGNS_SHOWN = 8
ANSWERS_SHOWN = 6


def dashboard(*, at: datetime) -> dict[str, Any]:
    """What the organisation's day looks like."""
    week = Message.objects.filter(
        direction="inbound", verdict=MessageKind.REPLY, received_at__gt=at - timedelta(days=7)
    )
    replies = week.aggregate(
        week=Count("pk"), day=Count("pk", filter=Q(received_at__gt=at - timedelta(days=1)))
    )
    return {
        "to_review": up_to(Draft.objects.to_review()),
        "replies": replies,
        "mailboxes": mailboxes(at=at),
        "campaigns": running_campaigns(),
        "answers": Message.objects.inbox()
        .select_related("position__person", "position__company")
        .defer("raw", "body_html")[:ANSWERS_SHOWN],
        "uncertain": up_to(Task.objects.filter(status=TaskStatus.UNKNOWN)),
    }


def up_to(rows: QuerySet, most: int = COUNTED_TO) -> str:
    """How many rows there are, or that there are more than `most`."""
    found = rows.order_by().values("pk")[: most + 1].count()
    return f"{most}+" if found > most else str(found)


def mailboxes(*, at: datetime) -> list[dict[str, Any]]:
    """Each mailbox with what it sent since its own midnight, and what it may send in a day."""
    found = list(Mailbox.objects.order_by("address"))
    since = {mailbox.pk: midnight_before(schedule_of(mailbox), at) for mailbox in found}
    sent = {
        f"m{number}": Count("pk", filter=Q(mailbox=mailbox, sent_at__gte=since[mailbox.pk]))
        for number, mailbox in enumerate(found)
    }
    recent = Message.objects.outbound().filter(sent_at__gte=min(since.values(), default=at))
    counts = recent.aggregate(**sent) if sent else {}
    return [
        {"mailbox": mailbox, **_share(counts[f"m{number}"], mailbox.daily_limit)}
        for number, mailbox in enumerate(found)
    ]


def running_campaigns() -> list[dict[str, Any]]:
    """The newest running campaigns, with how far their enrolments have come."""
    campaigns = list(
        Campaign.objects.filter(status=CampaignStatus.RUNNING)
        .with_numbers()
        .order_by("-created_at", "id")[:CAMPAIGNS_SHOWN]
    )
    states = enrolled_by_state(campaign.pk for campaign in campaigns)
    return [
        {"campaign": each, "numbers": each.numbers, **_progress(states.get(each.pk, {}))}
        for each in campaigns
    ]


def enrolled_by_state(campaigns: Iterable[Any]) -> dict[Any, dict[str, int]]:
    """For each campaign: state → number of enrolments."""
    counted = (
        Enrollment.objects.filter(campaign__in=list(campaigns))
        .order_by()
        .values_list("campaign", "state")
        .annotate(n=Count("pk"))
    )
    states: dict[Any, dict[str, int]] = {}
    for campaign, state, number in counted:
        states.setdefault(campaign, {})[state] = number
    return states


def campaign_numbers(campaign: Campaign) -> dict[str, Any]:
    """What a campaign of `with_numbers()` brought: in all, by state, by step and variant."""
    states = enrolled_by_state([campaign.pk]).get(campaign.pk, {})
    sums = reading_within(lambda: list(_sums_of(campaign)), campaign.organisation_id)
    by_step: dict[Any, list[dict[str, Any]]] = {}
    for row in sorted(sums, key=lambda row: row["variant__key"] or ""):
        by_step.setdefault(row["workflow_step_id"], []).append(_rates(row))
    steps = campaign.steps.prefetch_related("experiments__variants")
    return {
        "numbers": campaign.numbers,
        "states": [(s.label, s.value, states.get(s.value, 0)) for s in EnrollmentState],
        "steps": [{"step": step, "rows": by_step.get(step.pk, [])} for step in steps],
        "totals": _rates(_added(rows for rows in by_step.values())),
    }


def _sums_of(campaign: Campaign) -> QuerySet:
    return (
        DailyStats.objects.filter(campaign=campaign)
        .order_by()
        .values("workflow_step_id", "variant_id", "variant__key")
        .annotate(**{f"{name}_sum": Sum(name) for name in DailyStats.COUNTERS})
    )


def _added(steps: Iterable[list[dict[str, Any]]]) -> dict[str, Any]:
    rows = [row for step in steps for row in step]
    return {f"{name}_sum": sum(row[name] for row in rows) for name in DailyStats.COUNTERS}


def _rates(row: dict[str, Any]) -> dict[str, Any]:
    """The counters, and each as a percentage of what was sent."""
    numbers = {name: row[f"{name}_sum"] or 0 for name in DailyStats.COUNTERS}
    sent = numbers["sent"]
    rates = {f"{name}_rate": 100 * n / sent if sent else None for name, n in numbers.items()}
    return {"variant": row.get("variant__key"), **numbers, **rates}


def _progress(states: dict[str, int]) -> dict[str, int]:
    """How many enrolments have come to an end, of how many."""
    enrolled = sum(states.values())
    going = states.get(EnrollmentState.ACTIVE, 0) + states.get(EnrollmentState.PAUSED, 0)
    return _share(enrolled - going, enrolled)


def _share(part: int, whole: int) -> dict[str, int]:
    return {"done": part, "of": whole, "percent": round(100 * part / whole) if whole else 0}
