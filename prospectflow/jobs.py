"""What the workers do, again and again: read the inboxes, write what is due, send, count.

On top of all rooms, so that sending need not know of tracking. Each function serves one
organisation, or one mailbox of it; `prospectflow.ticking` says which have something due.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from socket import create_connection
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.db.models import F, Q
from django.db.models.lookups import IsNull

from iam.models import Organisation
from outreach.credentials import CredentialUnreadable
from outreach.inbox.imap import ImapError, PasswordRefused
from outreach.models import Mailbox, Message, Task
from outreach.services import domain_checks
from outreach.services.drafting import compose
from outreach.services.files import forget_files, forget_left_behind
from outreach.services.mailboxes import move_mailbox
from outreach.services.policy import may_send
from outreach.services.receiving import read_mailbox
from outreach.services.reconciling import reconcile
from outreach.services.sending import (
    LEASE,
    declare_unknown,
    mailboxes_with_work,
    send_batch,
    send_next,
)
from outreach.services.switches import is_restored
from outreach.services.webhooks import forget_told, tell_due
from outreach.states import MailboxStatus, TaskStatus
from prospectflow.deadlines import Dial
from prospectflow.errors import DomainError
from prospectflow.instruments import DRAFTS, EMAILS, MAILS, yes_or_no
from prospectflow.tenancy.context import tenant
from tracking.services import place_pixel, roll_up

READ_EVERY = timedelta(minutes=5)
SENDING_FOR = timedelta(minutes=1)  # then other mailboxes have their turn
LOOK_AGAIN, LOOK_AGAIN_AT_LAST = timedelta(minutes=1), timedelta(minutes=5)
COUNTED_AGAIN = timedelta(days=90)
DRAFTS_AHEAD, DRAFTS_AT_ONCE = timedelta(days=2), 200
RECEIPTS_KEPT = timedelta(days=1)
COPIES_KEPT = timedelta(days=2)  # of uploaded files, on this machine; no job takes as long
DRAFT_AGAIN = timedelta(minutes=15)
LOOKED_FOR = timedelta(days=3)  # a mail in doubt; afterwards only a person decides
TOLD_AT_ONCE = 20
UNDRAFTED = "The draft could not be written; the worker's log says why."

# What became of a mail that was begun, by the status of its task.
OUTCOMES = {
    TaskStatus.SENT: "accepted",
    TaskStatus.DEFERRED: "deferred",
    TaskStatus.FAILED: "rejected",
    TaskStatus.UNKNOWN: "unknown",
}
for outcome in OUTCOMES.values():
    MAILS.labels(outcome)  # from zero on: a rise is seen only between two readings

type Clock = Callable[[], datetime]
type Stopping = Callable[[], bool]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shift:
    """Who sends, by which clock and which way out, and whether to begin no further mail."""

    worker: str
    clock: Clock
    stopping: Stopping = lambda: False
    dial: Dial = create_connection


@contextmanager
def told(what: str) -> Iterator[None]:
    """Log a refusal, or a database that is away, in one sentence; anything else with its trace."""
    try:
        yield
    except (DomainError, OperationalError, InterfaceError) as error:
        logger.warning("%s: %s", what, _sentence(error))
    except Exception:
        logger.exception("%s", what)


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split())


def everybody() -> list[UUID]:
    """Every organisation; asked outside of every scope."""
    return list(Organisation.objects.order_by("pk").values_list("pk", flat=True))


def tell_programs(
    organisation_id: UUID, *, now: datetime, stopping: Stopping = lambda: False
) -> int:
    """Tell the organisation's webhooks what is due; returns how many heard it."""
    return tell_due(organisation_id, now=now, limit=TOLD_AT_ONCE, stopping=stopping)


def mailboxes_to_check(organisation_id: UUID, *, now: datetime) -> list[UUID]:
    """The mailboxes whose domain nobody looked at for a day."""
    with tenant(organisation_id):
        return domain_checks.mailboxes_to_check(now=now)


def read_inboxes(organisation_id: UUID, *, now: datetime, every: timedelta = timedelta(0)) -> int:
    """Read every mailbox that was not read for so long; returns the new mails.

    Also those that may not send: what they are answered counts. One that cannot be read keeps
    none from it; ImapError afterwards names each that refused, the log what nobody foresaw.
    """
    new, refusals = 0, []
    for mailbox in _unread(organisation_id, now=now, every=every):
        with told(f"Mailbox {mailbox} was not read"):
            try:
                new += _read(organisation_id, mailbox, now=now)
            except DomainError as refusal:
                refusals.append(f"{mailbox}: {_sentence(refusal)}")
    if refusals:
        raise ImapError(" ".join(refusals))
    return new


def read_one(
    organisation_id: UUID, mailbox_id: UUID, *, now: datetime, dial: Dial = create_connection
) -> bool:
    """Whether the mailbox could be read to its end; what kept it from that is told in the log.

    None is read in a restored database: it does not know yet which mails were answered.
    """
    if is_restored():
        return False
    with tenant(organisation_id):
        mailbox = Mailbox.objects.filter(pk=mailbox_id).only("pk", "address").first()
    if mailbox is None:
        return True  # nobody will ask for it again
    with told(f"Mailbox {mailbox} was not read"):
        _read(organisation_id, mailbox, now=now, dial=dial)
        return True
    return False


def _read(
    organisation_id: UUID, mailbox: Mailbox, *, now: datetime, dial: Dial = create_connection
) -> int:
    """Read a mailbox; returns the new mails. One whose password is wrong is stopped."""
    try:
        return len(read_mailbox(organisation_id, mailbox.pk, now=now, dial=dial))
    except DomainError as refusal:
        _blame(organisation_id, mailbox, refusal)
        raise


def _unread(organisation_id: UUID, *, now: datetime, every: timedelta) -> list[Mailbox]:
    """The longest unread first; one read in the future was read before the clock was set back."""
    stale = Q(last_synced_at=None) | Q(last_synced_at__lte=now - every) | Q(last_synced_at__gt=now)
    with tenant(organisation_id):
        unread = Mailbox.objects.filter(stale).only("pk", "address")
        return list(unread.order_by(F("last_synced_at").asc(nulls_first=True), "id"))


def _blame(organisation_id: UUID, mailbox: Mailbox, refusal: DomainError) -> None:
    """Only a person can mend a password: its mailbox stops, unless it has for another reason."""
    if isinstance(refusal, PasswordRefused | CredentialUnreadable):
        with tenant(organisation_id):
            if Mailbox.objects.filter(pk=mailbox.pk, status=MailboxStatus.ACTIVE).exists():
                move_mailbox(mailbox, MailboxStatus.BROKEN, reason=_sentence(refusal))


def write_due_drafts(organisation_id: UUID, *, now: datetime, ahead: timedelta, limit: int) -> int:
    """Write the drafts of what is due within `ahead`, follow-ups first; returns how many.

    Those that were refused before come last; those that another worker writes are left to it.
    """
    if is_restored():
        return 0  # what may have left must keep its hour until somebody confirms the copy
    with tenant(organisation_id):
        due = Task.objects.due(now + ahead)
        tasks = (
            due.filter(drafts__isnull=True, campaign__status="running", enrollment__state="active")
            .exclude(enrollment__position__email=None)
            .order_by(IsNull(F("last_error"), False), *due.query.order_by)
            # Not by joins: nine tables at once, and the planner of a young database loses its way.
            .prefetch_related(
                "workflow_step",
                "campaign",
                "enrollment__mailbox",
                "enrollment__position__person",
                "enrollment__position__company",
            )
            .select_for_update(skip_locked=True, of=("self",))[:limit]
        )
        written = [_written(task, now) for task in tasks]
    for success in written:
        DRAFTS.labels(organisation_id, yes_or_no(success)).inc()
    return sum(written)


def expects_drafts(organisation_id: UUID, *, now: datetime) -> bool:
    """Whether something is due soon enough for drafts to be looked at."""
    with tenant(organisation_id):
        return Task.objects.due(now + DRAFTS_AHEAD).exists()


def _written(task: Task, now: datetime) -> bool:
    """Whether the draft is there; one that cannot be written keeps back its own task only."""
    try:
        compose(task, at=now)
    except OperationalError:
        raise  # the database's trouble is everybody's
    except DomainError as refusal:
        _put_aside(task, _sentence(refusal), now)
        return False
    except Exception:
        _put_aside(task, UNDRAFTED, now, trace=True)
        return False
    if task.last_error is not None:
        task.last_error = None
        task.save(update_fields=["last_error"])
    return True


def _put_aside(task: Task, sentence: str, now: datetime, *, trace: bool = False) -> None:
    """Say on the task why it waits; again, and in the log, only when its hour has come again."""
    if task.last_error == sentence and task.scheduled_for > now:
        return
    logger.warning("No draft for %s: %s", task, sentence, exc_info=trace)
    task.last_error = sentence
    task.scheduled_for = max(task.scheduled_for, now + DRAFT_AGAIN)
    task.save(update_fields=["last_error", "scheduled_for"])


def send_due(
    organisation_id: UUID,
    *,
    clock: Clock,
    worker: str,
    stopping: Stopping = lambda: False,
) -> list[Message]:
    """Let each mailbox with something due send the one mail its pace allows.

    Each mail leaves by what `clock` says when it is begun. What goes wrong for one mailbox is
    told in the log, and the others send. Once `stopping` says so, no further mail is begun.
    """
    with tenant(organisation_id):
        mailboxes = mailboxes_with_work(now=clock())
    sent = []
    for mailbox in mailboxes:
        if stopping():
            break
        with told(f"Mailbox {mailbox} did not send"):
            sent.append(
                send_next(organisation_id, mailbox, now=clock(), worker=worker, frozen=place_pixel)
            )
    return [message for message in sent if message is not None]


def send_from(organisation_id: UUID, mailbox_id: UUID, shift: Shift) -> datetime | None:
    """Send what the mailbox may send now, for about a minute.

    Returns when to look again at what is due but may not leave yet; None where nothing is, or
    where more may leave at once.
    """
    end = shift.clock() + SENDING_FOR
    while not shift.stopping() and shift.clock() < end:
        sent = send_batch(
            organisation_id,
            mailbox_id,
            clock=shift.clock,
            worker=shift.worker,
            frozen=place_pixel,
            stopping=shift.stopping,
            dial=shift.dial,
        )
        _count_mails(organisation_id, sent)
        if not sent:
            return _held_until(organisation_id, mailbox_id, now=shift.clock())
    return None


def _count_mails(organisation_id: UUID, sent: list[Message]) -> None:
    """Count what became of these mails, by how their tasks stand now."""
    if not sent:
        return
    with tenant(organisation_id):
        tasks = Task.objects.filter(pk__in=[message.task_id for message in sent]).order_by()
        ended = list(tasks.values_list("campaign_id", "status"))
    for campaign_id, status in ended:
        outcome = OUTCOMES.get(TaskStatus(status), "held_back")
        MAILS.labels(outcome).inc()
        if outcome != "held_back":
            EMAILS.labels(organisation_id, campaign_id, yes_or_no(outcome == "accepted")).inc()


def _held_until(organisation_id: UUID, mailbox_id: UUID, *, now: datetime) -> datetime | None:
    """The hour at which what is due may leave, as far as it can be told; soon in any case.

    Somebody may lift a reason meanwhile, and nobody should wait long for that to be seen.
    """
    with tenant(organisation_id):
        due = Task.objects.due(now).filter(
            mailbox=mailbox_id, mailbox__status=MailboxStatus.ACTIVE, is_approved=True
        )
        task = next(iter(due.order_by()[:1]), None)
        if task is None:
            return None
        lifts = [reason.until for reason in may_send(task, now=now) if reason.until]
    return min(max(lifts, default=now + LOOK_AGAIN), now + LOOK_AGAIN_AT_LAST)


def account_for_the_lost(organisation_id: UUID, *, now: datetime) -> int:
    """Mark the mails of workers that died while sending; they are never sent again."""
    with tenant(organisation_id):
        return declare_unknown(before=now - LEASE)


def is_in_doubt(organisation_id: UUID, *, now: datetime) -> bool:
    """Whether it is unknown of a mail of the last days if it left."""
    with tenant(organisation_id):
        unknown = Task.objects.filter(status=TaskStatus.UNKNOWN)
        return unknown.filter(scheduled_for__gte=now - LOOKED_FOR).exists()


def look_for_doubtful(organisation_id: UUID, *, now: datetime) -> int:
    """Look for mails in doubt among what their mailboxes sent; returns how many were there."""
    result = reconcile(organisation_id, now=now)
    for mailbox, problem in result.problems.items():
        logger.warning("Mails in doubt were not looked for: %s: %s", mailbox, problem)
    return result.found


def count(organisation_id: UUID, *, now: datetime) -> int:
    """Bring the daily numbers up to date."""
    with tenant(organisation_id):
        return roll_up(since=now - COUNTED_AGAIN)


def forget_within(organisation_id: UUID, *, now: datetime) -> int:
    """Forget what the organisation itself kept long enough; returns how many rows."""
    files_kept = timedelta(days=settings.IMPORT_FILE_DAYS)
    told = forget_told(organisation_id, now=now)
    return told + forget_files(organisation_id, before=now - files_kept)


def forget(*, now: datetime) -> int:
    """Delete what the trail has kept long enough, of every organisation; returns how many rows.

    PostgreSQL itself keeps what the trail told of the last 90 days, whatever is asked.
    """
    forget_left_behind(before=now - COPIES_KEPT)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT iam.forget_audit_events(%s) + iam.forget_receipts(%s)",
            [now - timedelta(days=settings.AUDIT_RETENTION_DAYS), now - RECEIPTS_KEPT],
        )
        forgotten: int = cursor.fetchone()[0]
        return forgotten
