"""The life of a campaign, and who is taken into it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import batched
from typing import Any
from uuid import UUID

from django.db import connection, models, transaction

from crm.choices import Diffusion
from crm.models import Position
from crm.querysets import PositionQuerySet
from iam.models import Organisation, User
from iam.services import record
from outreach.calendar import Place, ScheduleRefused, hours_of, next_opening, week_of
from outreach.mail.body import REQUIRED, unsaid
from outreach.models import Campaign, Enrollment, Mailbox, StepExperiment, Task, WorkflowStep
from outreach.services.domain_checks import failures_of
from outreach.services.experiments import FEWEST, start_experiment
from outreach.services.forecasting import foresee_start
from outreach.services.hours import place_followed, windows_of
from outreach.services.mailboxes import schedule_of
from outreach.services.sharing import mailboxes_for, shares_of
from outreach.services.suppressing import suppressed_among
from outreach.states import CampaignStatus, EnrollmentState, ExperimentStatus
from outreach.templating import TemplateRefused, check
from prospectflow.choices import move
from prospectflow.errors import DomainError

VARIABLES = frozenset(
    {
        "first_name",
        "last_name",
        "salutation",
        "job_title",
        "company",
        "city",
        "activity",
        "sender_name",
        "value_prop",
    }
)


AT_ONCE = 5_000  # positions that one query names

# A model for each of a hundred thousand tasks would cost more than all the rest.
SCHEDULE = """
INSERT INTO tasks (campaign_id, enrollment_id, workflow_step_id, scheduled_for)
SELECT %(campaign)s, t.enrollment_id, %(step)s, t.hour
FROM unnest(%(enrollments)s::uuid[], %(hours)s::timestamptz[]) AS t (enrollment_id, hour)
"""


class CampaignClosed(DomainError):
    """An archived campaign takes nobody in."""


class CampaignNotReady(DomainError):
    """The campaign cannot start as it stands."""


class CampaignUnknown(DomainError):
    """There is no such campaign: look at its name in the console."""


class LeftOut(models.TextChoices):
    """Why a position was not taken in."""

    ALREADY_IN = "already_in", "already in"
    SUPPRESSED = "suppressed", "suppressed"
    UNUSABLE = "unusable", "without a usable address"
    OPPOSED = "opposed", "in a company that opposes prospecting"
    SAME_ADDRESS = "same_address", "at an address that is written to already"


def campaign_called(text: str) -> Campaign:
    """The campaign with this id or name; raises CampaignUnknown, also where several have it."""
    try:
        found = Campaign.objects.filter(pk=UUID(text))
    except ValueError:
        found = Campaign.objects.filter(name=text)
    match list(found[:2]):
        case [campaign]:
            return campaign
        case []:
            raise CampaignUnknown(f"There is no campaign “{text}”: look its name up.")
    raise CampaignUnknown(f"Several campaigns are called “{text}”: give the id of one.")


@transaction.atomic
def start(campaign: Campaign, *, at: datetime) -> Campaign:
    """Let the campaign send, and keep what is foreseen; CampaignNotReady says what it lacks."""
    campaign = _locked(campaign)
    for sentence in missing(campaign):
        raise CampaignNotReady(f"{campaign} cannot start: {sentence}.")
    for experiment in StepExperiment.objects.filter(
        workflow_step__campaign=campaign, status=ExperimentStatus.DRAFT
    ):
        start_experiment(experiment)
    campaign = _moved(campaign, CampaignStatus.RUNNING)
    foresee_start(campaign, at=at)
    return campaign


@transaction.atomic
def keep_ready(campaign: Campaign) -> None:
    """Raises CampaignNotReady if a change took from a running campaign what it started with."""
    campaign = _locked(campaign)
    if campaign.status != CampaignStatus.RUNNING:
        return
    for sentence in _lacking(campaign):
        raise CampaignNotReady(f"{campaign} is running, and {sentence}: pause it first.")


@transaction.atomic
def pause(
    campaign: Campaign, *, at: datetime, reason: str = "", user: User | None = None
) -> Campaign:
    """Hold every mail of the campaign back; its tasks keep their hour. The trail keeps a reason."""
    campaign = _moved(_locked(campaign), CampaignStatus.PAUSED)
    if reason:
        record("paused", at=at, user=user, target=campaign, text=f"{campaign}: {reason}")
    return campaign


@transaction.atomic
def archive(campaign: Campaign, *, at: datetime) -> Campaign:
    """Close the campaign: its enrolments end, what was still to be sent is cancelled."""
    campaign = _moved(_locked(campaign), CampaignStatus.ARCHIVED)
    going = Enrollment.objects.going().filter(campaign=campaign).order_by("id")
    locked = going.select_for_update(no_key=True).values_list("pk", flat=True)
    Enrollment.objects.filter(pk__in=list(locked)).update(
        state=EnrollmentState.FINISHED,
        stopped_reason="The campaign was archived.",
        last_activity_at=at,
    )
    Task.objects.open().filter(campaign=campaign).update(status=Task.Status.CANCELLED)
    return campaign


@transaction.atomic
def restore(campaign: Campaign, *, at: datetime) -> Campaign:
    """Take an archived campaign out again; it stays paused until somebody starts it.

    Whom archiving ended stays out; it goes on with those taken in from now on.
    """
    return _moved(_locked(campaign), CampaignStatus.PAUSED)


def enroll(campaign: Campaign, positions: Iterable[Position], *, at: datetime) -> list[Enrollment]:
    """Take these positions in and schedule each one's first mail; skip those already in.

    Positions without a usable address, of companies that oppose prospecting, or suppressed,
    are left out. Raises CampaignClosed, or CampaignNotReady without steps or mailbox.
    """
    return take_in(campaign, positions, at=at)[0]


@transaction.atomic
def take_in(
    campaign: Campaign, positions: Iterable[Position], *, at: datetime
) -> tuple[list[Enrollment], Mapping[LeftOut, int]]:
    """What `enroll` promises, and how many were left out for which reason."""
    campaign = _locked(campaign)
    if campaign.status == CampaignStatus.ARCHIVED:
        raise CampaignClosed
    first, shares = campaign.steps.filter(is_active=True).first(), shares_of(campaign)
    if first is None or not shares:
        raise CampaignNotReady(f"{campaign} takes people in once it has a step and a mailbox.")
    offered = sorted({position.pk for position in positions})
    enrollments, left_out = list[Enrollment](), Counter[LeftOut]()
    openings = _Openings(campaign, shares, at)
    for some in batched(offered, AT_ONCE):
        newcomers, others = sifted(campaign, set(some))
        placed = _placed(campaign, newcomers, shares, at)
        _schedule(placed, first, [openings.of(each) for each in placed])
        enrollments += placed
        left_out += others
    return enrollments, left_out


class _Openings:
    """When each mailbox of a campaign may first write, wherever the recipient is."""

    def __init__(self, campaign: Campaign, shares: Iterable[UUID], at: datetime) -> None:
        self.campaign, self.at = campaign, at
        self.mailboxes: dict[UUID | None, Mailbox] = {
            mailbox.pk: mailbox for mailbox in Mailbox.objects.filter(pk__in=list(shares))
        }
        self.found: dict[tuple[UUID | None, Place | None], datetime] = {}

    def of(self, enrollment: Enrollment) -> datetime:
        """The first opening for this enrolment. Raises NeverOpen or ScheduleRefused."""
        follows = self.campaign.follows_recipient
        place = place_followed(self.campaign, enrollment.position.company) if follows else None
        key = enrollment.mailbox_id, place
        if key not in self.found:
            schedule = schedule_of(self._mailbox_of(enrollment))
            hours = hours_of(schedule, windows_of(self.campaign), place)
            self.found[key] = next_opening(hours, self.at)
        return self.found[key]

    def _mailbox_of(self, enrollment: Enrollment) -> Mailbox:
        """One that wrote to the company need not be the campaign's any more."""
        known = self.mailboxes.get(enrollment.mailbox_id)
        return known or Mailbox.objects.get(enrollments=enrollment)


def sifted(campaign: Campaign, offered: set[UUID]) -> tuple[list[Position], Counter[LeftOut]]:
    """Those that may be written to and are not in yet; of several at one address, one."""
    inside = set(_inside(campaign, position__in=offered).values_list("position_id", flat=True))
    wanted = Position.objects.filter(pk__in=offered - inside)
    sendable = list(_asked(wanted.sendable(), campaign).order_by("id"))
    suppressed = suppressed_among([position.email for position in sendable])
    opposed = wanted.exclude(company__diffusion=Diffusion.OPEN).values_list("pk")
    left_out = Counter({LeftOut.ALREADY_IN: len(inside), LeftOut.OPPOSED: len(opposed)})
    left_out[LeftOut.UNUSABLE] = len(offered) - len(sendable) - left_out.total()
    known = _inside(campaign, position__email__in=[position.email for position in sendable])
    addresses, newcomers = set(known.values_list("position__email", flat=True)), []
    for position in sendable:
        if position.email in suppressed:
            left_out[LeftOut.SUPPRESSED] += 1
        elif position.email in addresses:
            left_out[LeftOut.SAME_ADDRESS] += 1
        else:
            addresses.add(position.email)
            newcomers.append(position)
    return newcomers, +left_out


def _asked(positions: PositionQuerySet, campaign: Campaign) -> PositionQuerySet:
    """With what deciding on them takes, and no more: there may be a hundred thousand."""
    if not campaign.follows_recipient:
        return positions.only("email", "company_id")
    return positions.select_related("company").only(
        "email", "company__country", "company__department"
    )


def _inside(campaign: Campaign, **which: object) -> models.QuerySet[Enrollment]:
    return Enrollment.objects.filter(campaign=campaign, **which)


def _placed(
    campaign: Campaign, positions: list[Position], shares: Mapping[UUID, int], at: datetime
) -> list[Enrollment]:
    """The newcomers, each with the mailbox of their company."""
    mailboxes = mailboxes_for(campaign, {each.company_id for each in positions}, shares)
    return Enrollment.objects.bulk_create(
        Enrollment(
            campaign=campaign,
            position=position,
            mailbox_id=mailboxes[position.company_id],
            enrolled_at=at,
        )
        for position in positions
    )


def _schedule(
    enrollments: list[Enrollment], first: WorkflowStep, hours: Sequence[datetime]
) -> None:
    """Each one's first mail, at its hour."""
    told: dict[str, Any] = {"campaign": first.campaign_id, "step": first.pk, "hours": hours}
    told["enrollments"] = [each.pk for each in enrollments]
    with connection.cursor() as cursor:
        cursor.execute(SCHEDULE, told)


def _locked(campaign: Campaign) -> Campaign:
    return Campaign.objects.select_for_update(no_key=True, of=["self"]).get(pk=campaign.pk)


def _moved(campaign: Campaign, to: str) -> Campaign:
    move(campaign, "status", to, Campaign.MOVES)
    campaign.save(update_fields=["status"])
    return campaign


def missing(campaign: Campaign) -> Iterator[str]:
    """What the law or common sense still asks for before a start, each as the end of a sentence.

    Raises TemplateRefused (outreach.templating) for a text that cannot be used.
    """
    yield from _lacking(campaign)
    yield from _unfit_domains(campaign)
    steps = list(campaign.steps.filter(is_active=True).prefetch_related("experiments__variants"))
    for step in steps:
        for experiment in step.experiments.all():
            stopped = experiment.status == ExperimentStatus.STOPPED
            if not stopped and len(experiment.variants.all()) < FEWEST:
                yield f'its experiment "{experiment}" has fewer than two variants to compare'
    for step in steps:
        _check_templates(step)


def _lacking(campaign: Campaign) -> Iterator[str]:
    """What no campaign sends without."""
    if not campaign.steps.filter(is_active=True).exists():
        yield "it has no step"
    shares = shares_of(campaign)
    if not shares:
        yield "it has no mailbox to send from"
    for mailbox in Mailbox.objects.filter(pk__in=shares).order_by("address"):
        if not any(hours_of(schedule_of(mailbox), windows_of(campaign)).windows):
            yield f"its windows and those of {mailbox} are never open together"
    if not campaign.justification.strip():
        yield "it does not say why the offer concerns these people's work"
    if field := unsaid(Organisation.objects.get(pk=campaign.organisation_id)):
        yield f"its organisation has not said {REQUIRED[field]}"


def _unfit_domains(campaign: Campaign) -> Iterator[str]:
    """What the DNS lacks for a start; one that was paused goes on, as one that runs does."""
    if campaign.status == CampaignStatus.PAUSED:
        return
    for mailbox in Mailbox.objects.filter(pk__in=shares_of(campaign)).order_by("address"):
        for sentence in failures_of(mailbox):
            yield f"the domain of {mailbox} is not ready ({sentence.rstrip('.')})"


def check_text(text: str | None) -> None:
    """Raises TemplateRefused unless a mail of any campaign can be written from this template."""
    check(text or "", VARIABLES)


def check_subject(text: str | None) -> None:
    """Raises TemplateRefused unless it is one line, and a template of any campaign."""
    if len((text or "").splitlines()) > 1:
        raise TemplateRefused("A subject is one line: take the line break out of it.")
    check_text(text)


def check_windows(windows: object) -> None:
    """Raises ScheduleRefused unless a campaign can send in these windows; None: the mailboxes'."""
    if windows is not None and not any(week_of(windows)):
        raise ScheduleRefused("No window is open: name one, or leave the windows out altogether.")


def _check_templates(step: WorkflowStep) -> None:
    """Every text that could be sent compiles and names only variables that exist."""
    texts: list[str | None] = [step.subject_template, step.body_template]
    for experiment in step.experiments.all():
        for variant in experiment.variants.all():
            texts += [variant.subject_template, variant.body_template]
    for text in texts:
        check_text(text)
