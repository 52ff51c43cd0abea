"""Who would be taken into a campaign now, as the rules of sending would look at them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.db.models import Max

from crm.models import Company, Position
from outreach.calendar import NeverOpen, Schedule, next_opening
from outreach.models import Campaign, Enrollment, Message
from outreach.policy.facts import Case
from outreach.policy.rules import QUIET_PERIOD
from outreach.services.campaigns import LeftOut, sifted
from outreach.services.enrolling import AT_ONCE, not_yet_in
from outreach.services.hours import place_followed, windows_of
from outreach.services.ledgers import ledgers_of
from outreach.services.sharing import mailboxes_for, shares_of
from outreach.simulation.state import Newcomers
from outreach.states import EnrollmentState
from prospectflow.tenancy.among import Words

ANSWERS = (EnrollmentState.REPLIED, EnrollmentState.UNSUBSCRIBED)


def newcomers(campaign: Campaign, *, now: datetime, most: int = AT_ONCE) -> Newcomers:
    """Whom `enroll_everyone` would take in now, and how many it would leave out for which reason.

    The enrolment that they do not have yet is called by their position.
    """
    offered = not_yet_in(campaign).values_list("pk", flat=True)[:most]
    positions, left_out = sifted(campaign, set(offered))
    told = {LeftOut(reason).label: number for reason, number in left_out.items()}
    return Newcomers(list(_cases(campaign, positions, now)), told)


def _cases(campaign: Campaign, positions: list[Position], now: datetime) -> Iterator[Case]:
    """The first mail of each, in the order in which they would be enrolled."""
    first, shares = campaign.steps.filter(is_active=True).first(), shares_of(campaign)
    if first is None or not shares:
        return
    ledgers = ledgers_of(shares, now=now)
    companies = Company.objects.in_bulk({position.company_id for position in positions})
    senders = mailboxes_for(campaign, companies.keys(), shares)
    answered, contacts = _answered(campaign), _contacts(positions, now)
    for position in positions:
        ledger = ledgers[senders[position.company_id]]
        case = Case(
            task_id=position.pk,
            enrollment_id=position.pk,
            campaign_id=campaign.pk,
            position_id=position.pk,
            company_id=position.company_id,
            address=position.email or "",
            scheduled_for=now,
            ledger=ledger,
            step_index=first.step_index,
            windows=windows_of(campaign),
            place=place_followed(campaign, companies[position.company_id]),
            company_answered=position.company_id in answered,
            last_contact=contacts.get(position.email or ""),
        )
        yield replace(case, scheduled_for=_first_hour(case.hours, now))


def _first_hour(hours: Schedule | None, now: datetime) -> datetime:
    """The next opening; now where there is none, for the rules to say so."""
    try:
        return next_opening(hours, now) if hours else now
    except NeverOpen:
        return now


def _answered(campaign: Campaign) -> set[UUID]:
    """The companies of which somebody answered in this campaign, or said no."""
    answers = Enrollment.objects.filter(campaign=campaign, state__in=ANSWERS)
    return set(answers.values_list("position__company_id", flat=True))


def _contacts(positions: list[Position], now: datetime) -> dict[str, datetime]:
    """When the addresses were last written to, within the quiet period."""
    sent = Message.objects.outbound().filter(
        to_address__among=Words(position.email for position in positions if position.email),
        sent_at__gt=now - QUIET_PERIOD,
    )
    return dict(sent.order_by().values_list("to_address").annotate(Max("sent_at")))
