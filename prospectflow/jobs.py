"""What the workers do, again and again: read the inboxes, write what is due, send, count.

On top of all rooms, so that sending need not know of tracking. Each function serves one
organisation; `organisations_with_work` says which have any.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from outreach.models import Mailbox, Message, Task
from outreach.services.drafting import compose
from outreach.services.receiving import read_mailbox
from outreach.services.sending import declare_unknown, mailboxes_with_work, send_next
from outreach.states import MailboxStatus
from prospectflow.tenancy.context import tenant
from tracking.services import place_pixel, roll_up

LEASE = timedelta(minutes=10)  # longer than any SMTP conversation (RFC 5321, 4.5.3.2)
COUNTED_AGAIN = timedelta(days=90)


def organisations_with_due_tasks(*, now: datetime) -> list[UUID]:
    """The organisations that have a task due; asked outside of every scope."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT outreach.organisations_with_due_tasks(%s)", [now])
        return [organisation_id for (organisation_id,) in cursor.fetchall()]


def read_inboxes(organisation_id: UUID, *, now: datetime) -> int:
    """Read every mailbox that is not broken; returns how many mails were new."""
    with tenant(organisation_id):
        mailboxes = list(
            Mailbox.objects.exclude(status=MailboxStatus.BROKEN).values_list("pk", flat=True)
        )
    return sum(len(read_mailbox(organisation_id, mailbox, now=now)) for mailbox in mailboxes)


def write_due_drafts(organisation_id: UUID, *, now: datetime, ahead: timedelta, limit: int) -> int:
    """Write the drafts of what is due within `ahead`, follow-ups first; returns how many."""
    with tenant(organisation_id):
        tasks = (
            Task.objects.due(now + ahead)
            .filter(drafts__isnull=True, campaign__status="running", enrollment__state="active")
            .select_related(
                "workflow_step",
                "campaign__from_mailbox",
                "enrollment__position__person",
                "enrollment__position__company",
            )[:limit]
        )
        return len([compose(task, at=now) for task in tasks])


def send_due(organisation_id: UUID, *, now: datetime, worker: str) -> list[Message]:
    """Let each mailbox with something due send the one mail its pace allows at `now`."""
    with tenant(organisation_id):
        mailboxes = mailboxes_with_work(now=now)
    sent = (
        send_next(organisation_id, mailbox, now=now, worker=worker, frozen=place_pixel)
        for mailbox in mailboxes
    )
    return [message for message in sent if message is not None]


def account_for_the_lost(organisation_id: UUID, *, now: datetime) -> int:
    """Mark the mails of workers that died while sending; they are never sent again."""
    with tenant(organisation_id):
        return declare_unknown(before=now - LEASE)


def count(organisation_id: UUID, *, now: datetime) -> int:
    """Bring the daily numbers up to date."""
    with tenant(organisation_id):
        return roll_up(since=now - COUNTED_AGAIN)


def run_once(organisation_ids: Iterable[UUID], *, now: datetime, worker: str) -> int:
    """One round for these organisations, answers before mails; returns how many mails left."""
    sent = 0
    for organisation_id in organisation_ids:
        account_for_the_lost(organisation_id, now=now)
        read_inboxes(organisation_id, now=now)
        sent += len(send_due(organisation_id, now=now, worker=worker))
        count(organisation_id, now=now)
    return sent
