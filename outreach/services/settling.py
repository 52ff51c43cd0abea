"""What becomes of a mail once the server has spoken, and what follows for its sequence."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from outreach.answers import BEFORE_RECIPIENT, Answer, Kind, Scope, classify_answer
from outreach.calendar import next_opening
from outreach.models import Enrollment, Mailbox, Message, Task
from outreach.services.hours import sending_hours
from outreach.services.mailboxes import move_mailbox
from outreach.services.planning import GOING, hold_enrollments, plan_held, plan_next
from outreach.services.stopping import stop
from outreach.services.suppressing import suppress_address
from outreach.smtp import Accepted, Outcome, Refused
from outreach.states import (
    CampaignStatus,
    EnrollmentState,
    MailboxStatus,
    MessageStatus,
    SuppressionReason,
    TaskStatus,
)
from prospectflow.choices import move
from prospectflow.errors import DomainError
from prospectflow.tenancy.among import Ids

RETRIES = tuple(timedelta(minutes=minutes) for minutes in (15, 60, 240, 720, 1440))

TAKEN_OVER = """
WITH told AS (
    SELECT * FROM unnest(%(tasks)s::uuid[], %(messages)s::uuid[], %(answers)s::text[])
        AS told (task_id, message_id, answer)
), left_for_good AS (
    UPDATE outreach.tasks t
    SET status = 'sent', last_error = NULL, locked_at = NULL, locked_by = NULL, leased_until = NULL
    FROM told JOIN outreach.messages m ON m.id = told.message_id
    WHERE t.organisation_id = iam.current_organisation_id() AND t.id = told.task_id
        AND t.status <> 'sent' AND m.organisation_id = t.organisation_id
        AND m.status IN ('queued', 'failed')
    RETURNING t.id
)
UPDATE outreach.messages m SET status = 'sent', answer_code = told.answer
FROM told JOIN left_for_good ON left_for_good.id = told.task_id
WHERE m.organisation_id = iam.current_organisation_id() AND m.id = told.message_id
RETURNING m.id
"""


class Settled(NamedTuple):
    """A mail that the server took over."""

    task: Task
    message: Message
    outcome: Accepted


def settle_accepted(taken: Sequence[Settled], *, now: datetime) -> list[Message]:
    """What `settle` does for each of these mails of one mailbox, for all at once."""
    enrollments = hold_enrollments([each.task.enrollment_id for each in taken])
    values: dict[str, Any] = {
        "tasks": Ids(each.task.pk for each in taken).array,
        "messages": Ids(each.message.pk for each in taken).array,
        "answers": [_word_of(each.outcome) for each in taken],
    }
    with connection.cursor() as cursor:
        cursor.execute(TAKEN_OVER, values)
        written = {row[0] for row in cursor.fetchall()}
    together = [each for each in taken if each.message.pk in written]
    for each in together:
        each.task.status, each.task.last_error = TaskStatus.SENT, None
        each.message.status, each.message.answer_code = MessageStatus.SENT, _word_of(each.outcome)
    if any(each.message.mailbox.status_reason for each in together if each.message.mailbox):
        _clear_trouble([each.message for each in together])
    plan_held([each.task for each in together], enrollments, now=now)
    for task in [each.task for each in together if each.task.last_error]:
        task.save(update_fields=["last_error"])
    others = [  # told before, or whose task or person was deleted meanwhile
        settle(each.task, each.message.pk, each.outcome, now=now)
        for each in taken
        if each.message.pk not in written
    ]
    return [each.message for each in together] + [each for each in others if each is not None]


def take_back(unbegun: Sequence[tuple[Task, Message, datetime | None]]) -> None:
    """Let mails that were never begun wait again; each with when it was tried before.

    One that was never tried is forgotten. Those whose sequence has ended are cancelled. What
    became of a task by any later decision stands.
    """
    hold_enrollments([task.enrollment_id for task, _, _ in unbegun])
    held = _held_tasks().order_by("id").filter(pk__in=[task.pk for task, _, _ in unbegun])
    now = {task.pk: task for task in held}
    for decided, message, before in unbegun:
        task = now.get(decided.pk)
        if task is None or not _is_leaving(task, decided):
            continue
        written = Message.objects.filter(pk=message.pk)
        if before is None:
            written.delete()
        else:
            written.update(sent_at=before)
        _wait_again(task, TaskStatus.DEFERRED if before else TaskStatus.SCHEDULED)


def _wait_again(task: Task, status: TaskStatus) -> None:
    if _is_over(task):
        status = TaskStatus.CANCELLED
        Message.objects.outbound().filter(task=task).update(status=MessageStatus.FAILED)
    move(task, "status", status, Task.MOVES)
    task.attempts -= 1
    task.locked_at = task.locked_by = task.leased_until = None
    task.save(update_fields=["status", "attempts", "locked_at", "locked_by", "leased_until"])


def settle(decided: Task, message_id: UUID, outcome: Outcome, *, now: datetime) -> Message | None:
    """Write down what became of the mail, and what follows for its sequence.

    `decided` is the task as the decision left it that this outcome belongs to. That the server
    took the mail is true whatever became of the task meanwhile; anything else counts only while
    it leaves by this very decision. To be told twice changes nothing. A task that was deleted
    meanwhile leaves its message to tell; None when that is gone as well.
    """
    task = _held(decided.pk)
    message = Message.objects.select_for_update().filter(pk=message_id).first()
    if task is None:
        if message is not None and message.status == MessageStatus.QUEUED:
            _settle_alone(message, outcome, now)
    elif isinstance(outcome, Accepted):
        _accepted(task, message, outcome, now)
    elif message is not None and _is_leaving(task, decided):
        task.locked_at = task.locked_by = task.leased_until = None
        if isinstance(outcome, Refused):
            _refused(task, message, outcome, now)
        else:
            _unknown(task, message, outcome.failure.text, now)
        task.save()
        message.save()
    return message


def _is_leaving(task: Task, decided: Task) -> bool:
    """Whether the task still is in mid-air, and by this decision: nobody else's, nor a later."""
    hold = task.status, task.locked_by, task.locked_at
    return hold == (TaskStatus.TRANSMITTING, decided.locked_by, decided.locked_at)


def _held(task_id: UUID) -> Task | None:
    """The task, locked after its enrolment as everywhere."""
    locked = Enrollment.objects.select_for_update(no_key=True, of=["self"])
    locked.filter(tasks=task_id).first()
    return _held_tasks().filter(pk=task_id).first()


def _held_tasks() -> QuerySet[Task]:
    locked = Task.objects.select_for_update(of=["self"])
    return locked.select_related("enrollment__mailbox", "campaign", "workflow_step")


def _settle_alone(message: Message, outcome: Outcome, now: datetime) -> None:
    """Its sequence is gone; whether the mail left, and whether the address exists, still counts."""
    if isinstance(outcome, Accepted):
        move(message, "status", MessageStatus.SENT, Message.MOVES)
        message.answer_code = _word_of(outcome)
    elif isinstance(outcome, Refused):
        answer = _answer_of(outcome)
        move(message, "status", MessageStatus.FAILED, Message.MOVES)
        message.answer_code = _word_of(answer)
        if answer.kind == Kind.HARD:
            _suppress(message, now)
    else:
        message.answer_code = outcome.failure.text[:500]
    message.save()


def _answer_of(outcome: Refused) -> Answer:
    failure = outcome.failure
    return classify_answer(failure.stage, failure.code, failure.text, failure.host)


def _word_of(said: Accepted | Answer) -> str:
    """The server's last word, as it is kept."""
    return f"{said.code} {said.text}".strip()[:500]


def _accepted(task: Task, message: Message | None, outcome: Accepted, now: datetime) -> None:
    """It left, whatever others took it for meanwhile: it never goes again."""
    if message is not None and message.status in (MessageStatus.QUEUED, MessageStatus.FAILED):
        move(message, "status", MessageStatus.SENT, Message.MOVES)
        message.answer_code = _word_of(outcome)
        message.save(update_fields=["status", "answer_code"])
        _clear_trouble([message])
    if task.status != TaskStatus.SENT:
        move(task, "status", TaskStatus.SENT, Task.MOVES)
        task.locked_at = task.locked_by = task.leased_until = task.last_error = None
        plan_next(task, now=now)
        task.save()


def _clear_trouble(messages: Sequence[Message]) -> None:
    """A mailbox whose server takes mails is in no trouble any more."""
    senders = {message.mailbox_id for message in messages if message.mailbox_id}
    troubled = Mailbox.objects.filter(pk__in=senders, status=MailboxStatus.ACTIVE)
    troubled.exclude(status_reason="").update(status_reason="")


def _unknown(task: Task, message: Message, text: str, now: datetime) -> None:
    """It may have arrived: nothing is sent again, and the sequence goes on as if it had.

    The mailbox waits, so that a server that never answers puts few mails in doubt.
    """
    move(task, "status", TaskStatus.UNKNOWN, Task.MOVES)
    message.answer_code = task.last_error = text[:500]
    _let_mailbox_wait(message, text[:500], now)
    plan_next(task, now=now)


def _refused(task: Task, message: Message, outcome: Refused, now: datetime) -> None:
    answer = _answer_of(outcome)
    message.answer_code = task.last_error = _word_of(answer)
    passing = answer.kind == Kind.SOFT or (answer.kind == Kind.BLOCK and not answer.permanent)
    if answer.kind == Kind.HARD:
        _bounce(task, message, now)
    elif answer.kind == Kind.CONFIG and answer.scope == Scope.MESSAGE:
        _give_up(task, message, EnrollmentState.FINISHED, now)
    elif passing and answer.stage in BEFORE_RECIPIENT:
        _hold_mailbox(task, message, outcome.sentence, now)
    elif passing:
        _later(task, message, now)
    else:
        _stop_mailbox(task, message, answer, outcome.sentence, now)


def _bounce(task: Task, message: Message, now: datetime) -> None:
    _suppress(message, now)
    _give_up(task, message, EnrollmentState.BOUNCED, now)


def _suppress(message: Message, now: datetime) -> None:
    suppress_address(
        message.to_address, reason=SuppressionReason.BOUNCED, source=message.answer_code, at=now
    )


def _hold_mailbox(task: Task, message: Message, sentence: str, now: datetime) -> None:
    """The server was not ready before it heard of any recipient: nobody's ladder is used up."""
    task.attempts -= 1
    _again(task, message, now + RETRIES[0])
    _let_mailbox_wait(message, sentence or message.answer_code, now)


def _let_mailbox_wait(message: Message, trouble: str, now: datetime) -> None:
    """Leave its server alone for a while; one that was stopped meanwhile keeps its own reason."""
    mailbox = Mailbox.objects.filter(messages=message)
    mailbox.update(next_send_at=now + RETRIES[0])
    mailbox.filter(status=MailboxStatus.ACTIVE).update(status_reason=trouble)


def _stop_mailbox(
    task: Task, message: Message, answer: Answer, sentence: str, now: datetime
) -> None:
    """Our settings or our reputation: the mailbox stops, and its mails wait for it."""
    task.attempts -= 1
    _again(task, message, now)
    if message.mailbox is not None:
        stopped = MailboxStatus.BROKEN if answer.kind == Kind.CONFIG else MailboxStatus.PAUSED
        move_mailbox(message.mailbox, stopped, reason=sentence or message.answer_code)


def _later(task: Task, message: Message, now: datetime) -> None:
    """Up the ladder of pauses, and off it after the last."""
    if task.attempts <= len(RETRIES):
        _again(task, message, now + RETRIES[task.attempts - 1])
    else:
        _give_up(task, message, EnrollmentState.FINISHED, now)


def _give_up(task: Task, message: Message, state: EnrollmentState, now: datetime) -> None:
    """Nothing more comes after a mail that could not be delivered."""
    move(task, "status", TaskStatus.FAILED, Task.MOVES)
    move(message, "status", MessageStatus.FAILED, Message.MOVES)
    stop(task.enrollment, state, reason=message.answer_code, at=now)


def _again(task: Task, message: Message, hour: datetime) -> None:
    """It has certainly not left: the same bytes may go later, inside the windows.

    Not at all where the sequence or the campaign has ended meanwhile.
    """
    move(task, "status", TaskStatus.DEFERRED, Task.MOVES)
    if _is_over(task):
        move(task, "status", TaskStatus.CANCELLED, Task.MOVES)
        move(message, "status", MessageStatus.FAILED, Message.MOVES)
    else:
        task.scheduled_for = _opening(task, hour)


def _is_over(task: Task) -> bool:
    return task.campaign.status == CampaignStatus.ARCHIVED or task.enrollment.state not in GOING


def _opening(task: Task, hour: datetime) -> datetime:
    """The next opening; the hour itself where there is none, for the policy to hold."""
    enrollment = task.enrollment
    if enrollment.mailbox is None:
        return hour
    try:
        company = enrollment.position.company
        return next_opening(sending_hours(enrollment.mailbox, task.campaign, company), hour)
    except DomainError:
        return hour
