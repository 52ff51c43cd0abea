"""A campaign over virtual time, as it stands now: read once, played in memory, nothing written."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import batched
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import F, QuerySet, Window
from django.db.models.functions import RowNumber

from iam.models import Organisation
from outreach.models import Campaign, Task, WorkflowStep
from outreach.policy.facts import Case, Ledger
from outreach.services.ledgers import ledgers_of
from outreach.services.policy import gather
from outreach.services.sharing import shares_of
from outreach.simulation.engine import play
from outreach.simulation.outcome import Outcome
from outreach.simulation.state import (
    DAYS,
    Intention,
    Newcomers,
    Options,
    Person,
    State,
    Step,
)
from outreach.states import CampaignStatus, DraftStatus, EnrollmentState
from prospectflow.errors import DomainError

MOST, AT_ONCE = 100_000, 10_000  # waiting mails in all, and whose facts are read together
LONGEST = 730  # days


class OptionsRefused(DomainError):
    """A simulation cannot look ahead like that."""


class TooManyToSimulate(DomainError):
    """More mails wait than can be simulated at once."""


def options_for(
    campaign: Campaign,
    *,
    days: int = DAYS,
    reply_rate: float | None = None,
    seed: int = 0,
) -> Options:
    """The options, or OptionsRefused; without a rate, the share of the mails answered so far."""
    if not 1 <= days <= LONGEST:
        raise OptionsRefused(f"Look ahead for 1 to {LONGEST} days, not for {days}.")
    rate = answered_so_far(campaign) if reply_rate is None else reply_rate
    if not 0 <= rate <= 1:
        raise OptionsRefused(f"A reply rate is a share from 0 to 1 such as 0.03, not {rate:g}.")
    return Options(days, rate, seed)


def answered_so_far(campaign: Campaign) -> float:
    """The share of the campaign's own mails that a person answered; 0 before the first mail."""
    numbers = Campaign.objects.with_numbers().get(pk=campaign.pk).numbers
    return min(1.0, numbers.replied / numbers.sent) if numbers.sent else 0.0


def simulate(
    campaign: Campaign,
    options: Options,
    *,
    now: datetime,
    more: Newcomers = Newcomers(),  # noqa: B008 - it cannot be changed
    most: int = MOST,
) -> Outcome:
    """When each mail of the campaign would leave if it ran from now on, and what held it back.

    What is not approved yet counts as approved, the inboxes as read. `more` are those who are
    not in yet. Raises TooManyToSimulate when more than `most` mails wait.
    """
    return play(_read(campaign, options.days, now, more, most), options, now=now)


def _read(campaign: Campaign, days: int, now: datetime, more: Newcomers, most: int) -> State:
    """All that the simulation begins with; the number of queries grows by tens of thousands."""
    ours = list(Task.objects.open().filter(campaign=campaign).order_by("id")[: most + 1])
    senders = {task.mailbox_id for task in ours} | shares_of(campaign).keys()
    ledgers = ledgers_of({each for each in senders if each}, now=now)
    others = list(_others(campaign, ledgers.values(), days)[: most + 1])
    tasks = sorted([*ours, *others], key=lambda task: task.pk)
    _refuse_above(most, len(tasks) + len(more.cases))
    cases = [_as_if_all_ran(case, ledgers) for case in (*_facts_of(tasks, now), *more.cases)]
    steps = _steps_of({campaign.pk, *(case.campaign_id for case in cases)})
    waiting = [_intention(case, steps, order) for order, case in enumerate(cases)]
    zone = Organisation.objects.only("time_zone").get(pk=campaign.organisation_id).time_zone
    active = {key: [step for step in found if step.is_active] for key, found in steps.items()}
    return State(campaign.pk, ZoneInfo(zone), ledgers, active, waiting, more.left_out)


def _others(campaign: Campaign, ledgers: Iterable[Ledger], days: int) -> QuerySet[Task]:
    """What other running campaigns have waiting in these mailboxes, as far as it could leave."""
    ledgers = list(ledgers)
    place = Window(
        RowNumber(),
        partition_by=F("mailbox"),
        order_by=[F("step_index").desc(), F("scheduled_for").asc(), F("id").asc()],
    )
    could_send = max((ledger.most_a_day for ledger in ledgers), default=0) * (days + 1)
    return (
        Task.objects.open()
        .filter(
            mailbox__in=[ledger.mailbox_id for ledger in ledgers],
            campaign__status=CampaignStatus.RUNNING,
            enrollment__state=EnrollmentState.ACTIVE,
        )
        .exclude(campaign=campaign)
        .annotate(place=place)
        .filter(place__lte=could_send)
    )


def _refuse_above(most: int, found: int) -> None:
    if found > most:
        raise TooManyToSimulate(
            f"More than {most:,} mails wait in this campaign and its mailboxes: too many here."
        )


def _facts_of(tasks: Sequence[Task], now: datetime) -> Iterator[Case]:
    for some in batched(tasks, AT_ONCE):
        yield from gather(some, now=now, leased=True, texts=False)


def _as_if_all_ran(case: Case, ledgers: Mapping[UUID, Ledger]) -> Case:
    """The case in a campaign that runs, approved, with every inbox read, on the common ledgers."""
    return replace(
        case,
        ledger=ledgers.get(case.ledger.mailbox_id) if case.ledger else None,
        campaign_status=CampaignStatus.RUNNING,
        draft_status=DraftStatus.APPROVED,
        other_inboxes=(),
    )


def _steps_of(campaigns: Iterable[UUID]) -> dict[UUID, list[Step]]:
    """The steps of the campaigns, in their order."""
    found: dict[UUID, list[Step]] = defaultdict(list)
    for step in WorkflowStep.objects.filter(campaign__in=campaigns).order_by("step_index"):
        told = step.step_index, step.delay_days, step.exit_on_reply, step.is_active
        found[step.campaign_id].append(Step(*told))
    return found


def _intention(case: Case, steps: Mapping[UUID, Sequence[Step]], order: int) -> Intention:
    step = next(each for each in steps[case.campaign_id] if each.index == case.step_index)
    person = Person(
        case.enrollment_id,
        case.campaign_id,
        case.position_id,
        case.company_id,
        case.address,
        mails=int(case.has_written),
    )
    return Intention(person, case, step, case.scheduled_for, case.scheduled_for, order)
