"""Sending, at most once: what is meant to leave is committed before a connection opens.

scheduled -> locked -> transmitting (committed) -> sent, or back, or failed, or unknown.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction

from outreach.calendar import pace
from outreach.mail import Outgoing, Sender, build, message_id
from outreach.models import Campaign, Draft, Enrollment, Mailbox, Message, Task
from outreach.services.approval import UNSUBSCRIBE, Rendered, rendered, unapprove, unsubscribe_url
from outreach.services.mailboxes import move_mailbox, schedule_of, smtp_account
from outreach.services.planning import plan_next
from outreach.services.policy import Reason, reasons
from outreach.services.settling import settle
from outreach.services.stopping import stop
from outreach.smtp import (
    MailboxUnreachable,
    Outcome,
    Refused,
    SmtpAccount,
    connect,
)
from outreach.states import (
    Direction,
    EnrollmentState,
    MailboxStatus,
    TaskStatus,
)
from outreach.tokens import digest, token
from prospectflow.choices import move
from prospectflow.errors import DomainError
from prospectflow.tenancy.context import tenant

CONSIDERED = 20  # due tasks looked at for one mail; the others wait for the next round
LEASE = timedelta(minutes=20)  # longer than any SMTP conversation (RFC 5321, 4.5.3.2)
LOOK_AGAIN = timedelta(minutes=15)
OF_THE_MAILBOX = frozenset(
    {"outside_window", "no_window", "daily_limit", "pace", "mailbox_stopped"}
)
FINAL = frozenset({"suppressed", "address_unusable", "company_opposed", "company_answered"})
UNAPPROVING = frozenset({"changed_since_approval", "cannot_be_built"})

Frozen = Callable[[Message], None]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Intention:
    """A mail that is committed to leave: from here on it leaves once, or is accounted for."""

    task_id: UUID
    message_id: UUID
    account: SmtpAccount
    sender: str
    recipient: str
    raw: bytes


def send_next(
    organisation_id: UUID,
    mailbox_id: UUID,
    *,
    now: datetime,
    worker: str,
    frozen: Frozen = lambda message: None,
) -> Message | None:
    """Send the one mail this mailbox may send at `now`; None when there is none.

    Call it outside of a tenant scope: it opens one to commit the intention, none while it talks
    to the server, and another for the outcome. `frozen` is told of the message in the first.
    """
    with tenant(organisation_id):
        intention = _intend(mailbox_id, now=now, worker=worker, frozen=frozen)
    if intention is None:
        return None
    outcome = _transmit(intention)
    with tenant(organisation_id):
        return settle(intention.task_id, intention.message_id, outcome, now=now)


def _intend(mailbox_id: UUID, *, now: datetime, worker: str, frozen: Frozen) -> Intention | None:
    """Choose a task that may leave, freeze its mail, and mark it as leaving."""
    mailbox = Mailbox.objects.select_for_update(skip_locked=True).filter(pk=mailbox_id).first()
    if mailbox is None:
        return None  # another worker is sending from it
    task = _choose(mailbox, now)
    if task is None:
        return None
    try:
        account = smtp_account(mailbox)
    except DomainError as error:
        move_mailbox(mailbox, MailboxStatus.BROKEN, reason=str(error))
        return None
    message = _frozen(task, mailbox, now)
    if message is None:
        return None
    frozen(message)
    _mark_leaving(task, now, worker)
    mailbox.next_send_at = now + pace(
        str(message.pk), mailbox.pace_min_seconds, mailbox.pace_max_seconds
    )
    mailbox.save(update_fields=["next_send_at"])
    raw = bytes(message.raw or b"")
    return Intention(task.pk, message.pk, account, mailbox.address, message.to_address, raw)


def _mark_leaving(task: Task, now: datetime, worker: str) -> None:
    move(task, "status", TaskStatus.LEASED, Task.MOVES)
    move(task, "status", TaskStatus.TRANSMITTING, Task.MOVES)
    task.locked_at, task.locked_by, task.leased_until = now, worker, now + LEASE
    task.attempts += 1
    task.save()


def _choose(mailbox: Mailbox, now: datetime) -> Task | None:
    campaigns = _running(mailbox)
    for task_id, enrollment_id in _candidates(campaigns, now):
        # One by one: a join over all that the rules look at takes longer to plan than to run.
        task = _held(task_id, enrollment_id)
        if task is None:
            continue
        task.campaign = campaigns[task.campaign_id]
        task.campaign.from_mailbox = mailbox
        reason = next(reasons(task, now=now), None)
        if reason is None:
            return task
        if reason.code in OF_THE_MAILBOX:
            return None
        _put_aside(task, reason, now)
    return None


def _running(mailbox: Mailbox) -> dict[UUID, Campaign]:
    """What this mailbox sends for, locked: who pauses it waits until the choice is committed."""
    running = Campaign.objects.filter(from_mailbox=mailbox, status="running").order_by("id")
    locked = running.select_for_update(no_key=True, skip_locked=True)
    return {campaign.pk: campaign for campaign in locked}


def _candidates(campaigns: Iterable[UUID], now: datetime) -> list[tuple[UUID, UUID]]:
    """The tasks that could leave, each with its enrolment."""
    due = Task.objects.due(now).filter(
        campaign__in=list(campaigns), drafts__status="approved", enrollment__state="active"
    )
    return list(due.values_list("pk", "enrollment_id")[:CONSIDERED])


def _held(task_id: UUID, enrollment_id: UUID) -> Task | None:
    """The task, locked after its enrolment as everywhere; None while somebody else has a part."""
    locked = Enrollment.objects.select_for_update(no_key=True, skip_locked=True)
    enrollment = locked.filter(pk=enrollment_id).first()
    if enrollment is None or not _address_is_ours(enrollment):
        return None
    task = Task.objects.select_for_update(skip_locked=True).filter(pk=task_id).first()
    if task is not None:
        task.enrollment = enrollment
    return task


def _address_is_ours(enrollment: Enrollment) -> bool:
    """Whether no other mailbox is choosing a mail to this address; none may until we commit."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"{enrollment.organisation_id}{enrollment.position.email}"],
        )
        return bool(cursor.fetchone()[0])


def _put_aside(task: Task, reason: Reason, now: datetime) -> None:
    """Keep a held-back task out of the way of others; end it when its reason cannot lift."""
    task.last_error = reason.sentence
    task.scheduled_for = reason.until or now + LOOK_AGAIN
    task.save(update_fields=["last_error", "scheduled_for"])
    if reason.code in FINAL:
        stop(task.enrollment, EnrollmentState.FINISHED, reason=reason.sentence, at=now)
    elif reason.code in UNAPPROVING:
        _withdraw(task)


def _withdraw(task: Task) -> None:
    """Nobody stands for this mail any more; one that only ever was refused is forgotten."""
    Message.objects.outbound().filter(task=task).delete()
    unapprove(Draft.objects.get(task=task))


def _frozen(task: Task, mailbox: Mailbox, now: datetime) -> Message | None:
    """The message of this task with its bytes; none, and no approval, where none can be built.

    A retry finds the same bytes; its day is the day of the last attempt.
    """
    existing = Message.objects.outbound().filter(task=task).first()
    if existing is not None:
        existing.sent_at = now
        existing.save(update_fields=["sent_at"])
        return existing
    try:
        with transaction.atomic():
            return _freeze(task, mailbox, now)
    except DomainError as error:
        _put_aside(task, Reason("cannot_be_built", str(error)), now)
        return None


def _freeze(task: Task, mailbox: Mailbox, now: datetime) -> Message:
    draft = Draft.objects.get(task=task)
    draft.task = task
    mail = rendered(draft)
    message = Message.objects.create(
        direction=Direction.OUTBOUND,
        task=task,
        draft=draft,
        enrollment=task.enrollment,
        position_id=task.enrollment.position_id,
        mailbox=mailbox,
        step_experiment_id=draft.variant.step_experiment_id if draft.variant else None,
        variant_id=draft.variant_id,
        rfc822_message_id=message_id(task.pk, mailbox.address.rpartition("@")[2]),
        content_hash=mail.hash,
        unsubscribe_digest=digest(token(UNSUBSCRIBE, task.pk)),
        from_address=mailbox.address,
        to_address=mail.recipient,
        subject=mail.subject,
        body_text=mail.text,
        body_html=mail.html,
        sent_at=now,
        **_thread(task),
    )
    message.raw = build(_outgoing(message, draft, mailbox, mail, now))
    message.save(update_fields=["raw"])
    return message


def _thread(task: Task) -> dict[str, object]:
    """A follow-up answers the mail before it, and refers to all of them (RFC 5322, 3.6.4)."""
    before = list(
        Message.objects.outbound()
        .filter(enrollment_id=task.enrollment_id)
        .order_by("sent_at", "created_at")
        .values_list("rfc822_message_id", flat=True)
    )
    return {"in_reply_to": before[-1], "references": before} if before else {}


def _outgoing(
    message: Message, draft: Draft, mailbox: Mailbox, mail: Rendered, now: datetime
) -> Outgoing:
    campaign = str(draft.task.campaign_id).replace("-", "")
    return Outgoing(
        sender=Sender(mailbox.display_name, mailbox.address),
        recipient=mail.recipient,
        subject=mail.subject,
        text=mail.text,
        html=mail.html,
        message_id=message.rfc822_message_id or "",
        date=now.astimezone(schedule_of(mailbox).zone),
        in_reply_to=message.in_reply_to or "",
        references=tuple(message.references),
        unsubscribe_url=unsubscribe_url(draft),
        unsubscribe_mailto=f"{mailbox.address}?subject=unsubscribe",
        feedback_id=f"{campaign[-12:]}:step{draft.task.workflow_step.step_index}:cold:prospectflow",
        tag=str(message.pk),
    )


def _transmit(intention: Intention) -> Outcome:
    """Talk to the server. A mailbox that cannot be used is a refusal before any recipient."""
    try:
        with connect(intention.account) as server:
            return server.transmit(intention.sender, intention.recipient, intention.raw)
    except MailboxUnreachable as error:
        return Refused(error.failure, str(error))


@transaction.atomic
def declare_unknown(*, before: datetime) -> int:
    """Tasks left in mid-air by a worker that died: nobody knows, so they are never sent again.

    Their sequences go on as if they had left. Those only locked never reached a connection and
    go back to be sent. Returns how many of the others there were.
    """
    stranded = Task.objects.filter(locked_at__lt=before)
    stranded.filter(status=TaskStatus.LEASED).update(
        status=TaskStatus.SCHEDULED, locked_at=None, locked_by=None, leased_until=None
    )
    leaving = stranded.filter(status=TaskStatus.TRANSMITTING).order_by("id")
    found = list(leaving.values_list("pk", "enrollment_id"))
    return sum(_given_up(task_id, enrollment_id, before) for task_id, enrollment_id in found)


def _given_up(task_id: UUID, enrollment_id: UUID, before: datetime) -> bool:
    """Whether this one was still in mid-air; one that cannot be marked keeps back no other."""
    try:
        with transaction.atomic():
            Enrollment.objects.select_for_update(no_key=True).filter(pk=enrollment_id).first()
            stranded = Task.objects.filter(locked_at__lt=before, status=TaskStatus.TRANSMITTING)
            task = stranded.select_for_update().filter(pk=task_id).first()
            if task is None:
                return False
            move(task, "status", TaskStatus.UNKNOWN, Task.MOVES)
            task.last_error = "The worker stopped while this mail was leaving."
            plan_next(task, now=task.locked_at or before)
            task.locked_at = task.locked_by = task.leased_until = None
            task.save(
                update_fields=["status", "last_error", "locked_at", "locked_by", "leased_until"]
            )
            return True
    except DomainError:
        logger.exception("The outcome of task %s could not be written down.", task_id)
        return False


def mailboxes_with_work(*, now: datetime) -> list[UUID]:
    """The mailboxes of this organisation that have something due, by id."""
    due = Task.objects.due(now).filter(campaign__status="running")
    of_theirs = due.exclude(campaign__from_mailbox=None).order_by("campaign__from_mailbox_id")
    return list(of_theirs.values_list("campaign__from_mailbox_id", flat=True).distinct())
