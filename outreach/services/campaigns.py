"""The life of a campaign, and who is taken into it."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from crm.models import Position
from iam.models import Organisation
from outreach.calendar import next_opening
from outreach.mail.body import REQUIRED, unsaid
from outreach.models import Campaign, Enrollment, StepExperiment, Task, WorkflowStep
from outreach.services.mailboxes import schedule_of
from outreach.services.suppressing import suppressed_among
from outreach.states import CampaignStatus, EnrollmentState, ExperimentStatus
from outreach.templating import check
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


class CampaignClosed(DomainError):
    """An archived campaign takes nobody in."""


class CampaignNotReady(DomainError):
    """The campaign cannot start as it stands."""


@transaction.atomic
def start(campaign: Campaign, *, at: datetime) -> Campaign:
    """Let the campaign send; CampaignNotReady says what it still lacks."""
    campaign = _locked(campaign)
    if missing := _missing(campaign):
        raise CampaignNotReady(f"{campaign} cannot start: {missing}.")
    for experiment in StepExperiment.objects.filter(
        workflow_step__campaign=campaign, status=ExperimentStatus.DRAFT
    ):
        move_experiment(experiment, ExperimentStatus.RUNNING)
    return _moved(campaign, CampaignStatus.RUNNING)


@transaction.atomic
def pause(campaign: Campaign, *, at: datetime) -> Campaign:
    """Hold every mail of the campaign back; its tasks keep their hour."""
    return _moved(_locked(campaign), CampaignStatus.PAUSED)


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


@transaction.atomic
def move_experiment(experiment: StepExperiment, to: str) -> StepExperiment:
    """Start or stop an experiment; a stopped one never runs again."""
    experiment = StepExperiment.objects.select_for_update().get(pk=experiment.pk)
    move(experiment, "status", to, StepExperiment.MOVES)
    experiment.save(update_fields=["status"])
    return experiment


@transaction.atomic
def enroll(campaign: Campaign, positions: Iterable[Position], *, at: datetime) -> list[Enrollment]:
    """Take these positions in and schedule each one's first mail; skip those already in.

    Positions without a usable address, of companies that oppose prospecting, or suppressed,
    are left out. Raises CampaignClosed, or CampaignNotReady without steps or mailbox.
    """
    campaign = _locked(campaign)
    if campaign.status == CampaignStatus.ARCHIVED:
        raise CampaignClosed
    first, mailbox = campaign.steps.filter(is_active=True).first(), campaign.from_mailbox
    if first is None or mailbox is None:
        raise CampaignNotReady(f"{campaign} takes people in once it has a step and a mailbox.")
    enrollments = Enrollment.objects.bulk_create(
        Enrollment(campaign=campaign, position=position, enrolled_at=at)
        for position in _newcomers(campaign, positions)
    )
    hour = next_opening(schedule_of(mailbox), at)
    Task.objects.bulk_create(_task(enrollment, first, hour) for enrollment in enrollments)
    return enrollments


def _newcomers(campaign: Campaign, positions: Iterable[Position]) -> list[Position]:
    """Those that may be written to and are not in yet; of several at one address, one."""
    wanted = {position.pk for position in positions} - set(
        campaign.enrollments.values_list("position_id", flat=True)
    )
    sendable = list(Position.objects.sendable().filter(pk__in=wanted).order_by("id"))
    taken = set(campaign.enrollments.values_list("position__email", flat=True))
    taken |= suppressed_among([position.email for position in sendable])
    newcomers: dict[str, Position] = {}
    for position in sendable:
        if position.email not in taken:
            newcomers.setdefault(position.email, position)
    return list(newcomers.values())


def _task(enrollment: Enrollment, step: WorkflowStep, hour: datetime) -> Task:
    return Task(
        enrollment=enrollment,
        campaign_id=enrollment.campaign_id,
        workflow_step=step,
        scheduled_for=hour,
    )


def _locked(campaign: Campaign) -> Campaign:
    return Campaign.objects.select_for_update(no_key=True, of=["self"]).get(pk=campaign.pk)


def _moved(campaign: Campaign, to: str) -> Campaign:
    move(campaign, "status", to, Campaign.MOVES)
    campaign.save(update_fields=["status"])
    return campaign


def _missing(campaign: Campaign) -> str:
    """What the law or common sense still asks for, as the end of a sentence; or nothing."""
    steps = list(campaign.steps.filter(is_active=True).prefetch_related("experiments__variants"))
    if not steps:
        return "it has no step"
    if campaign.from_mailbox is None:
        return "it has no mailbox to send from"
    if not campaign.justification.strip():
        return "it does not say why the offer concerns these people's work"
    if field := unsaid(Organisation.objects.get(pk=campaign.organisation_id)):
        return f"its organisation has not said {REQUIRED[field]}"
    experiments = StepExperiment.objects.filter(workflow_step__in=steps)
    for experiment in experiments.exclude(status=ExperimentStatus.STOPPED):
        if experiment.variants.count() < 2:  # noqa: PLR2004
            return f'its experiment "{experiment}" has fewer than two variants to compare'
    for step in steps:
        _check_templates(step)
    return ""


def _check_templates(step: WorkflowStep) -> None:
    """Every text that could be sent compiles and names only variables that exist."""
    texts = [step.subject_template, step.body_template]
    for experiment in step.experiments.all():
        for variant in experiment.variants.all():
            texts += [variant.subject_template or "", variant.body_template or ""]
    for text in texts:
        check(text, VARIABLES)
