"""Mails whose sending ended in doubt: looked for among what the mailbox sent, or decided on."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import models, transaction
from django.db.models import Prefetch

from iam.models import User
from iam.services import record
from outreach.inbox.fetching import Fetched
from outreach.inbox.imap import ImapAccount
from outreach.inbox.sent_folder import Look, look_for
from outreach.mail import message_id
from outreach.models import Enrollment, Mailbox, Message, Task
from outreach.services.mailboxes import imap_account
from outreach.services.remembering import date_of, remember, remember_as_approved
from outreach.services.stopping import stop
from outreach.states import WAITING, EnrollmentState, MessageStatus, TaskStatus
from prospectflow.choices import move
from prospectflow.errors import DomainError
from prospectflow.tenancy.context import tenant

LOOKED_FOR_AT_ONCE = 200  # of one mailbox; the others come next time
NOT_FOUND = " Not found among the sent mails on "
FOUND = "Found among the sent mails."
SAID_TO_HAVE_LEFT = "A person says that it left."
SAID_NOT_TO_HAVE_LEFT = "A person says that it did not leave."
LEFT = frozenset({TaskStatus.TRANSMITTING, TaskStatus.SENT, TaskStatus.UNKNOWN})


class Outcome(models.TextChoices):
    """What a person knows, or wants, of a mail in doubt."""

    SENT = "sent", "It left"
    NOT_SENT = "not_sent", "It did not leave"
    SEND_AGAIN = "send_again", "Send it again"


class NotInDoubt(DomainError):
    """Only a mail whose sending ended in doubt is decided on: this one is not, or no more."""


class FollowedAlready(DomainError):
    """The next mail of its sequence left already: this one cannot go after it."""


class SequenceOver(DomainError):
    """The enrolment has ended: nothing more is sent in it."""


@dataclass
class Reconciled:
    """What a look among the sent mails brought; `problems` are sentences by mailbox."""

    found: int = 0
    missing: int = 0
    problems: dict[str, str] = field(default_factory=dict)


class _Wanted(NamedTuple):
    """What is looked for in one mailbox: the task of each Message-ID."""

    address: str
    account: ImapAccount
    tasks: dict[str, UUID]


def reconcile(organisation_id: UUID, *, now: datetime) -> Reconciled:
    """Look for every mail in doubt among what its mailbox sent; what is found counts as sent.

    What is not found stays in doubt and says so. A mailbox that cannot be read leaves its mails
    as they are. Call it outside of a tenant scope: it opens one to ask what to look for, none
    while it talks to the servers, and others for what was found.
    """
    result = Reconciled()
    with tenant(organisation_id):
        wanted, result.problems = _wanted()
    for each in wanted:
        look = look_for(each.account, list(each.tasks))
        if look.problem:
            result.problems[each.address] = str(look.problem)
        with tenant(organisation_id):
            _write_down(each, look, result, now)
    return result


def _wanted() -> tuple[list[_Wanted], dict[str, str]]:
    """What to look for, the longest unasked first, and why some cannot be looked for."""
    found, problems = list[_Wanted](), dict[str, str]()
    for mailbox, tasks in _by_mailbox().items():
        try:
            account = imap_account(mailbox)
        except DomainError as refusal:
            problems[str(mailbox)] = str(refusal)
        else:
            found.append(_Wanted(str(mailbox), account, tasks))
    return found, problems


def _by_mailbox() -> dict[Mailbox, dict[str, UUID]]:
    """The Message-ID of each mail in doubt, and its task, by the mailbox that sent it."""
    doubtful = Task.objects.filter(status=TaskStatus.UNKNOWN).select_related("mailbox")
    wanted: dict[Mailbox, dict[str, UUID]] = defaultdict(dict)
    for task in doubtful.order_by("updated_at", "id").prefetch_related(
        Prefetch("messages", Message.objects.outbound().select_related("mailbox").defer("raw"))
    ):
        written = next(iter(task.messages.all()), None)
        mailbox = written.mailbox if written else task.mailbox
        if mailbox is not None and len(wanted[mailbox]) < LOOKED_FOR_AT_ONCE:
            made = message_id(task.pk, mailbox.address.rpartition("@")[2])
            wanted[mailbox][(written and written.rfc822_message_id) or made] = task.pk
    return dict(wanted)


def _write_down(wanted: _Wanted, look: Look, result: Reconciled, now: datetime) -> None:
    for identifier, fetched in look.found.items():
        result.found += _found(wanted.tasks[identifier], fetched, now)
    missing = [wanted.tasks[identifier] for identifier in look.missing]
    result.missing += _note_missing(missing, now)


def _found(task_id: UUID, fetched: Fetched, now: datetime) -> bool:
    """Whether the mail was still in doubt: it left, and the mail itself says when."""
    task = in_doubt(task_id)
    if task is None:
        return False
    message = Message.objects.outbound().filter(task=task).first()
    if message is None:
        message = remember(task, fetched, now=now)
    else:
        message.sent_at = date_of(fetched) or message.sent_at
    _has_left(task, message, FOUND)
    return True


def _note_missing(tasks: Iterable[UUID], now: datetime) -> int:
    doubtful = Task.objects.filter(pk__in=list(tasks), status=TaskStatus.UNKNOWN)
    held = list(doubtful.select_for_update().order_by("id"))
    for task in held:
        before = (task.last_error or "").partition(NOT_FOUND)[0][:400]
        task.last_error = f"{before}{NOT_FOUND}{now:%Y-%m-%d at %H:%M} UTC.".strip()
        task.save(update_fields=["last_error"])
    return len(held)


def in_doubt(task_id: UUID) -> Task | None:
    """The task, locked after its enrolment as everywhere; None when it is in doubt no more."""
    locked = Enrollment.objects.select_for_update(no_key=True, of=["self"])
    locked.filter(tasks=task_id).first()
    tasks = Task.objects.select_for_update(of=["self"]).filter(status=TaskStatus.UNKNOWN)
    return tasks.select_related("enrollment__mailbox").filter(pk=task_id).first()


@transaction.atomic
def decide(task: Task, outcome: str, *, at: datetime, user: User | None = None) -> Task:
    """End the doubt as a person says.

    What did not leave ends its sequence, as what could not be delivered does. What shall go again
    waits like any other mail, with the same Message-ID and bytes; what was planned after it is
    planned anew once it has left. Raises NotInDoubt, FollowedAlready or SequenceOver.
    """
    held = in_doubt(task.pk)
    if held is None:
        raise NotInDoubt
    {
        Outcome.SENT: _say_it_left,
        Outcome.NOT_SENT: _say_it_did_not_leave,
        Outcome.SEND_AGAIN: _send_again,
    }[Outcome(outcome)](held, at)
    said = f"{held}: {Outcome(outcome).label.lower()}"
    record("decided", at=at, user=user, target=held, text=said)
    return held


def _say_it_left(task: Task, at: datetime) -> None:
    message = Message.objects.outbound().filter(task=task).first()
    _has_left(task, message or remember_as_approved(task, at=at), SAID_TO_HAVE_LEFT)


def _has_left(task: Task, message: Message | None, word: str) -> None:
    move(task, "status", TaskStatus.SENT, Task.MOVES)
    task.last_error = None
    task.save(update_fields=["status", "last_error"])
    if message is not None and message.status == MessageStatus.QUEUED:
        move(message, "status", MessageStatus.SENT, Message.MOVES)
        message.answer_code = word
        message.save(update_fields=["status", "answer_code", "sent_at"])


def _say_it_did_not_leave(task: Task, at: datetime) -> None:
    move(task, "status", TaskStatus.FAILED, Task.MOVES)
    task.last_error = SAID_NOT_TO_HAVE_LEFT
    task.save(update_fields=["status", "last_error"])
    Message.objects.outbound().filter(task=task, status=MessageStatus.QUEUED).update(
        status=MessageStatus.FAILED, answer_code=SAID_NOT_TO_HAVE_LEFT
    )
    stop(task.enrollment, EnrollmentState.FINISHED, reason=SAID_NOT_TO_HAVE_LEFT, at=at)


def _send_again(task: Task, at: datetime) -> None:
    later = Task.objects.filter(enrollment_id=task.enrollment_id, step_index__gt=task.step_index)
    if later.filter(status__in=[*LEFT, TaskStatus.LEASED]).exists():
        raise FollowedAlready
    _reopen(task.enrollment)
    planned = later.filter(status__in=WAITING)
    Message.objects.outbound().filter(task__in=planned).delete()
    planned.delete()
    move(task, "status", TaskStatus.DEFERRED, Task.MOVES)
    task.scheduled_for, task.last_error = at, None
    task.save(update_fields=["status", "scheduled_for", "last_error"])


def _reopen(enrollment: Enrollment) -> None:
    """It had ended because this mail, its last, counted as sent; any other end stands."""
    if enrollment.state == EnrollmentState.FINISHED and not enrollment.stopped_reason:
        move(enrollment, "state", EnrollmentState.ACTIVE, Enrollment.MOVES)
        enrollment.save(update_fields=["state"])
    elif enrollment.state not in {EnrollmentState.ACTIVE, EnrollmentState.PAUSED}:
        raise SequenceOver(f"The enrolment is {enrollment.state}: nothing more is sent in it.")
