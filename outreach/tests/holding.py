"""What holds a mail back, and mails that left as far as the rules can see."""

from datetime import timedelta

from outreach.models import Mailbox, Task
from outreach.services.policy import may_send
from outreach.services.sending import intend as _intend
from outreach.tests.making import MORNING, fresh

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def held(task, at=MORNING):
    return {reason.code: reason.until for reason in may_send(fresh(task), now=at)}


def intend(mailbox_id, at):
    return _intend(mailbox_id, now=at, worker="w", frozen=lambda message: None)


def leave(task, at):
    """A mail that left at this instant, as far as the rules can see."""
    assert intend(task.campaign.from_mailbox_id, at) is not None
    Task.objects.filter(pk=task.pk).update(status="sent")
    Mailbox.objects.filter(pk=task.campaign.from_mailbox_id).update(next_send_at=None)
