"""Why a mail may not leave now, and when at the earliest it may: one small function a rule."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps

from django.db.models import Q

from crm.models import Diffusion
from crm.querysets import SENDABLE
from outreach.calendar import NeverOpen, ScheduleRefused, is_open, midnight_before, next_opening
from outreach.models import Draft, Enrollment, Mailbox, Message, Task
from outreach.services.approval import rendered
from outreach.services.mailboxes import schedule_of, sent_today
from outreach.services.suppressing import SuppressionsUnreadable, suppression_of
from outreach.states import (
    WAITING,
    CampaignStatus,
    DraftStatus,
    EnrollmentState,
    MailboxStatus,
)
from prospectflow.errors import DomainError

QUIET_PERIOD = timedelta(days=90)
INBOX_FRESH_FOR = timedelta(minutes=15)


@dataclass(frozen=True)
class Reason:
    """Something that holds a mail back; `until` is when it may lift by itself, UTC, if it may."""

    code: str
    sentence: str
    until: datetime | None = None


@dataclass(frozen=True)
class _Case:
    """A task with all that the rules look at."""

    task: Task
    enrollment: Enrollment
    draft: Draft | None
    now: datetime


type Rule = Callable[[_Case], Reason | None]


def may_send(task: Task, *, now: datetime) -> list[Reason]:
    """Every reason that holds this task's mail back at `now`; none means that it may leave."""
    return list(reasons(task, now=now))


def reasons(task: Task, *, now: datetime) -> Iterator[Reason]:
    """The reasons one by one, so that a sender may stop asking after the first."""
    draft = Draft.objects.filter(task=task).first()
    if draft is not None:
        draft.task = task  # spares the rules the way back
    case = _Case(task, task.enrollment, draft, now)
    return (reason for rule in RULES if (reason := rule(case)) is not None)


def _not_waiting(case: _Case) -> Reason | None:
    if case.task.status in WAITING:
        return None
    return Reason("not_waiting", f"The task is {case.task.status}, not waiting.")


def _too_early(case: _Case) -> Reason | None:
    if case.task.scheduled_for <= case.now:
        return None
    return Reason("too_early", "The step is not due yet.", case.task.scheduled_for)


def _campaign(case: _Case) -> Reason | None:
    status = case.task.campaign.status
    if status == CampaignStatus.RUNNING:
        return None
    return Reason("campaign_not_running", f"The campaign is {status}.")


def _step(case: _Case) -> Reason | None:
    if case.task.workflow_step.is_active:
        return None
    return Reason("step_inactive", "The step was taken out of the campaign.")


def _enrollment(case: _Case) -> Reason | None:
    state = case.enrollment.state
    if state == EnrollmentState.ACTIVE:
        return None
    return Reason(f"enrollment_{state}", f"The enrolment is {state}.")


def _away(case: _Case) -> Reason | None:
    until = case.enrollment.paused_until
    if until is None or until <= case.now:
        return None
    return Reason("away", "The person is away, or somebody paused the enrolment.", until)


def _unusable(case: _Case) -> Reason | None:
    position = case.enrollment.position
    if not position.email or position.email_status not in SENDABLE:
        return Reason("address_unusable", f"The address is {position.email_status}.")
    if position.company.diffusion == Diffusion.OPPOSED:
        return Reason("company_opposed", "The company opposes prospecting (Sirene).")
    return None


def _suppressed(case: _Case) -> Reason | None:
    try:
        found = suppression_of(case.enrollment.position.email or "")
    except SuppressionsUnreadable as error:
        return Reason("suppressions_unreadable", str(error))
    if found is None:
        return None
    return Reason("suppressed", f"The address is suppressed: {found.reason}.")


def _answered(case: _Case) -> Reason | None:
    """One voice from a company is enough: nobody there is written to any more."""
    stopped = Enrollment.objects.filter(
        campaign_id=case.task.campaign_id,
        position__company_id=case.enrollment.position.company_id,
        state__in=[EnrollmentState.REPLIED, EnrollmentState.UNSUBSCRIBED],
    ).exclude(pk=case.enrollment.pk)
    return Reason("company_answered", "A colleague answered.") if stopped.exists() else None


def _recently(case: _Case) -> Reason | None:
    """No address is written to by two campaigns within 90 days."""
    last = (
        Message.objects.outbound()
        .filter(to_address=case.enrollment.position.email, sent_at__gt=case.now - QUIET_PERIOD)
        .exclude(enrollment_id=case.enrollment.pk)
        .order_by("-sent_at")
        .first()
    )
    if last is None or last.sent_at is None:
        return None
    until = last.sent_at + QUIET_PERIOD
    return Reason("contacted_recently", "Another campaign wrote within 90 days.", until)


def _unapproved(case: _Case) -> Reason | None:
    if case.draft is None:
        return Reason("no_draft", "The mail is not written yet.")
    if case.draft.status != DraftStatus.APPROVED:
        return Reason("not_approved", "Nobody has approved the mail.")
    return None


def _changed(case: _Case) -> Reason | None:
    if case.draft is None or case.draft.status != DraftStatus.APPROVED:
        return None
    try:
        now = rendered(case.draft)
    except DomainError as error:
        return Reason("changed_since_approval", f"What was approved cannot be sent: {error}")
    if (now.recipient, now.hash) == (case.enrollment.position.email, case.draft.approved_hash):
        return None
    return Reason("changed_since_approval", "What would be sent is not what was approved.")


def _mailbox(case: _Case) -> Reason | None:
    mailbox = case.task.campaign.from_mailbox
    if mailbox is None:
        return Reason("no_mailbox", "The campaign has no mailbox.")
    if mailbox.status != MailboxStatus.ACTIVE:
        return Reason("mailbox_stopped", f"The mailbox is {mailbox.status}.")
    return None


def _inbox(case: _Case) -> Reason | None:
    """A follow-up leaves only while we know that no answer has come, wherever it would."""
    mailbox = case.task.campaign.from_mailbox
    if mailbox is None or case.task.workflow_step.step_index == 0:
        return None
    wrote = Message.objects.outbound().filter(enrollment_id=case.enrollment.pk)
    asked = Mailbox.objects.filter(Q(pk=mailbox.pk) | Q(pk__in=wrote.values("mailbox_id")))
    oldest = case.now - INBOX_FRESH_FOR
    stale = asked.exclude(last_synced_at__gte=oldest, last_synced_at__lte=case.now)
    if not stale.exists():
        return None
    return Reason("inbox_stale", "The inbox has not been read for 15 minutes.")


def _by_schedule(rule: Rule) -> Rule:
    """The rule, with a reason of its own where the mailbox's hours cannot be told."""

    @wraps(rule)
    def told(case: _Case) -> Reason | None:
        try:
            return rule(case)
        except (NeverOpen, ScheduleRefused) as error:
            return Reason("no_window", str(error))

    return told


@_by_schedule
def _quota(case: _Case) -> Reason | None:
    mailbox = case.task.campaign.from_mailbox
    if mailbox is None or sent_today(mailbox, now=case.now) < mailbox.daily_limit:
        return None
    schedule = schedule_of(mailbox)
    tomorrow = midnight_before(schedule, midnight_before(schedule, case.now) + timedelta(hours=36))
    until = next_opening(schedule, tomorrow)
    return Reason("daily_limit", f"The mailbox sent its {mailbox.daily_limit} today.", until)


def _pace(case: _Case) -> Reason | None:
    mailbox = case.task.campaign.from_mailbox
    if mailbox is None or mailbox.next_send_at is None or mailbox.next_send_at <= case.now:
        return None
    return Reason("pace", "The mailbox keeps a human pace.", mailbox.next_send_at)


@_by_schedule
def _window(case: _Case) -> Reason | None:
    mailbox = case.task.campaign.from_mailbox
    if mailbox is None:
        return None
    schedule = schedule_of(mailbox)
    if is_open(schedule, case.now):
        return None
    return Reason("outside_window", "It is outside office hours.", next_opening(schedule, case.now))


RULES: tuple[Rule, ...] = (
    _not_waiting,
    _too_early,
    _campaign,
    _step,
    _enrollment,
    _away,
    _unusable,
    _suppressed,
    _answered,
    _recently,
    _mailbox,
    _inbox,
    _quota,
    _pace,
    _window,
    _unapproved,
    _changed,
)
