"""What the workers do, again and again: read the inboxes, write what is due, send, count.

On top of all rooms, so that sending need not know of tracking. Each function serves one
organisation; `organisations_with_due_tasks` says which have mails to send.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import F, Q

from outreach.inbox.imap import ImapError
from outreach.models import Mailbox, Message, Task
from outreach.services.drafting import compose
from outreach.services.receiving import read_mailbox
from outreach.services.sending import declare_unknown, mailboxes_with_work, send_next
from outreach.states import MailboxStatus
from outreach.templating import TemplateRefused
from prospectflow.tenancy.context import tenant
from tracking.services import place_pixel, roll_up

LEASE = timedelta(minutes=20)  # longer than any SMTP conversation (RFC 5321, 4.5.3.2)
COUNTED_AGAIN = timedelta(days=90)
DRAFTS_AHEAD, DRAFTS_AT_ONCE = timedelta(days=2), 200

logger = logging.getLogger(__name__)


def organisations_with_due_tasks(*, now: datetime) -> list[UUID]:
    """The organisations that have a task due; asked outside of every scope."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT outreach.organisations_with_due_tasks(%s)", [now])
        return [organisation_id for (organisation_id,) in cursor.fetchall()]


def read_inboxes(organisation_id: UUID, *, now: datetime, every: timedelta = timedelta(0)) -> int:
    """Read every mailbox that is not broken and was not read for so long; returns the new mails.

    One that cannot be read does not keep the others from it; ImapError afterwards names each.
    """
    stale = Q(last_synced_at=None) | Q(last_synced_at__lte=now - every)
    with tenant(organisation_id):
        mailboxes = list(
            Mailbox.objects.filter(stale)
            .exclude(status=MailboxStatus.BROKEN)
            .order_by(F("last_synced_at").asc(nulls_first=True), "id")
            .values_list("pk", flat=True)
        )
    new, refusals = 0, []
    for mailbox in mailboxes:
        try:
            new += len(read_mailbox(organisation_id, mailbox, now=now))
        except ImapError as refusal:
            refusals.append(refusal)
    if refusals:
        raise ImapError(" ".join(map(str, refusals))) from refusals[0]
    return new


def write_due_drafts(organisation_id: UUID, *, now: datetime, ahead: timedelta, limit: int) -> int:
    """Write the drafts of what is due within `ahead`, follow-ups first; returns how many."""
    with tenant(organisation_id):
        tasks = (
            Task.objects.due(now + ahead)
            .filter(drafts__isnull=True, campaign__status="running", enrollment__state="active")
            .exclude(enrollment__position__email=None)
            .select_related(
                "workflow_step",
                "campaign__from_mailbox",
                "enrollment__position__person",
                "enrollment__position__company",
            )[:limit]
        )
        return sum(_written(task, now) for task in tasks)


def _written(task: Task, now: datetime) -> bool:
    """Whether the draft is there; a template that cannot be rendered keeps back its own only."""
    try:
        compose(task, at=now)
    except TemplateRefused as refusal:
        logger.warning("No draft for %s: %s", task, refusal)
        return False
    return True


def send_due(
    organisation_id: UUID,
    *,
    now: datetime,
    worker: str,
    stopping: Callable[[], bool] = lambda: False,
) -> list[Message]:
    """Let each mailbox with something due send the one mail its pace allows at `now`.

    Once `stopping` says so, no further mail is begun.
    """
    with tenant(organisation_id):
        mailboxes = mailboxes_with_work(now=now)
    sent = (
        send_next(organisation_id, mailbox, now=now, worker=worker, frozen=place_pixel)
        for mailbox in mailboxes
        if not stopping()
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


def hear(organisation_id: UUID, *, now: datetime, every: timedelta = timedelta(0)) -> None:
    """Read the inboxes and bring the numbers up to date.

    A mailbox that cannot be read is told in the log: first mails leave all the same, and the
    policy holds the follow-ups back.
    """
    try:
        read_inboxes(organisation_id, now=now, every=every)
    except ImapError as refusal:
        logger.warning("%s", refusal)
    count(organisation_id, now=now)


def speak(
    organisation_id: UUID,
    *,
    now: datetime,
    worker: str,
    stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Write what is due soon, send what is due and approved; returns how many mails left."""
    account_for_the_lost(organisation_id, now=now)
    write_due_drafts(organisation_id, now=now, ahead=DRAFTS_AHEAD, limit=DRAFTS_AT_ONCE)
    return len(send_due(organisation_id, now=now, worker=worker, stopping=stopping))


def run_once(organisation_ids: Iterable[UUID], *, now: datetime, worker: str) -> int:
    """One round for these organisations, answers before mails; returns how many mails left."""
    sent = 0
    for organisation_id in organisation_ids:
        hear(organisation_id, now=now)
        sent += speak(organisation_id, now=now, worker=worker)
    return sent
