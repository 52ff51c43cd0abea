"""What becomes of a task that the policy holds back."""

from datetime import datetime, timedelta

from outreach.models import Draft, Message, Task
from outreach.services.approval import unapprove
from outreach.services.policy import Reason
from outreach.services.sending.leasing import hand_back
from outreach.services.stopping import stop
from outreach.states import EnrollmentState

LOOK_AGAIN = timedelta(minutes=15)
OF_THE_MAILBOX = frozenset(
    {"outside_window", "no_window", "daily_limit", "pace", "mailbox_stopped", "mailbox_unhealthy"}
    | {"mailbox_gone", "no_mailbox", "restored", "platform_stopped", "organisation_stopped"}
)
"""The whole mailbox waits, and its tasks keep their hour."""
FINAL = frozenset({"suppressed", "address_unusable", "company_opposed", "company_answered"})
"""These do not lift: the enrolment ends."""
UNAPPROVING = frozenset({"changed_since_approval", "cannot_be_built"})
"""Nobody stands for this mail any more."""


def hour_after(reason: Reason, now: datetime) -> datetime:
    """When a task that is held back for this reason is looked at again."""
    return reason.until or now + LOOK_AGAIN


def put_aside(task: Task, reason: Reason, now: datetime) -> None:
    """Keep a leased task out of the way of others; end it when its reason cannot lift."""
    if reason.code in UNAPPROVING:
        Message.objects.outbound().filter(task=task).delete()
        unapprove(Draft.objects.get(task=task))
    hand_back([task.pk], last_error=reason.sentence, scheduled_for=hour_after(reason, now))
    if reason.code in FINAL:
        stop(task.enrollment, EnrollmentState.FINISHED, reason=reason.sentence, at=now)
