"""What the policy holds back: a mailbox as a whole, or one task, and what becomes of that."""

from datetime import datetime, timedelta
from uuid import UUID

from outreach.models import Campaign, Draft, Message, Task
from outreach.policy.facts import Case, Ledger
from outreach.policy.rules import Reason, reasons
from outreach.services.approval import unapprove
from outreach.services.cancelling import skip_all
from outreach.services.sending.leasing import hand_back
from outreach.services.stopping import stop
from outreach.services.switches import closed_switches
from outreach.states import CampaignStatus, EnrollmentState

LOOK_AGAIN = timedelta(minutes=15)
NOBODY = UUID(int=0)
OF_THE_MAILBOX = frozenset(
    {"daily_limit", "pace", "mailbox_stopped", "mailbox_unhealthy"}
    | {"restored", "platform_stopped", "organisation_stopped"}
)
"""The whole mailbox waits, and its tasks keep their hour."""
OF_THE_HOURS = frozenset({"outside_window", "no_window"})
"""So they do where the hours are the mailbox's own."""
FINAL = frozenset({"suppressed", "address_unusable", "company_opposed", "company_answered"})
"""These do not lift: the enrolment ends."""
UNAPPROVING = frozenset({"changed_since_approval", "cannot_be_built"})
"""Nobody stands for this mail any more."""


def may_send_anything(ledger: Ledger, *, now: datetime) -> bool:
    """Whether nothing holds back the mailbox as a whole: limit, pace, hours, state, switches."""
    switches = tuple((switch.code, switch.sentence) for switch in closed_switches())
    case = Case(
        task_id=NOBODY, enrollment_id=NOBODY, campaign_id=NOBODY, position_id=NOBODY,
        company_id=NOBODY, address="", scheduled_for=now, ledger=ledger, switches=switches,
    )  # fmt: skip
    return not any(is_of_the_mailbox(each, case) for each in reasons(case, now=now))


def is_of_the_mailbox(reason: Reason, case: Case) -> bool:
    """Whether the reason holds back all that the mailbox could send now, not this mail alone.

    Its own hours do not while a campaign counts them where each recipient is.
    """
    if reason.code not in OF_THE_HOURS:
        return reason.code in OF_THE_MAILBOX
    plain = case.place is None and case.windows is None and not case.windows_fault
    return plain and not follows_recipients()


def follows_recipients() -> bool:
    """Whether a running campaign counts hours where each recipient is."""
    running = Campaign.objects.filter(status=CampaignStatus.RUNNING)
    return running.filter(follows_recipient=True).exists()


def hour_after(reason: Reason, now: datetime) -> datetime:
    """When a task that is held back for this reason is looked at again."""
    return reason.until or now + LOOK_AGAIN


def put_aside(task: Task, reason: Reason, now: datetime) -> None:
    """Keep a leased task out of the way of others; end it when its reason cannot lift."""
    if reason.code in UNAPPROVING:
        Message.objects.outbound().filter(task=task).delete()
        unapprove(Draft.objects.get(task=task))
    if reason.code == "step_inactive":  # switched off while the mail was on its way
        skip_all(Task.objects.filter(pk=task.pk), reason=reason.sentence, at=now)
        return
    hand_back([task.pk], last_error=reason.sentence, scheduled_for=hour_after(reason, now))
    if reason.code in FINAL:
        stop(task.enrollment, EnrollmentState.FINISHED, reason=reason.sentence, at=now)
