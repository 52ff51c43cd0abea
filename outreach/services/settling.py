"""What becomes of a mail once the server has spoken, and what follows for its sequence."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import F

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

RETRIES = tuple(timedelta(minutes=minutes) for minutes in (15, 60, 240, 720, 1440))

TAKEN_OVER = """
WITH told AS (
    SELECT * FROM unnest(%(tasks)s::uuid[], %(messages)s::uuid[], %(answers)s::text[])
        AS told (task_id, message_id, answer)
), left_for_good AS (
    UPDATE outreach.tasks t
    SET status = 'sent', last_error = NULL, locked_at = NULL, locked_by = NULL, leased_until = NULL
    FROM told
    WHERE t.organisation_id = iam.current_organisation_id() AND t.id = told.task_id
        AND t.status IN ('transmitting', 'unknown')
    RETURNING t.id
)
UPDATE outreach.messages m SET status = 'sent', answer_code = told.answer
FROM told JOIN left_for_good ON left_for_good.id = told.task_id
WHERE m.organisation_id = iam.current_organisation_id() AND m.id = told.message_id
    AND m.status = 'queued'
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
        "tasks": [each.task.pk for each in taken],
        "messages": [each.message.pk for each in taken],
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
    others = [  # whose task or person was deleted meanwhile
        settle(each.task.pk, each.message.pk, each.outcome, now=now)
        for each in taken
        if each.message.pk not in written
    ]
    return [each.message for each in together] + [each for each in others if each is not None]


def take_back(unbegun: Mapping[UUID, datetime | None]) -> None:
    """Let mails that were never begun wait again; each message with when it was tried before.

    One that was never tried is forgotten. Those whose sequence has ended are cancelled.
    """
    messages = Message.objects.filter(pk__in=unbegun)
    hold_enrollments(each for each in messages.values_list("enrollment_id", flat=True) if each)
    begun = Task.objects.filter(messages__in=messages, status=TaskStatus.TRANSMITTING)
    tasks = list(begun.select_related("enrollment", "campaign"))
    for message in messages:
        if unbegun[message.pk] is None:
            message.delete()
        else:
            message.sent_at = unbegun[message.pk]
            message.save(update_fields=["sent_at"])
    tried = set(messages.values_list("task_id", flat=True))
    for task in tasks:
        _wait_again(task, TaskStatus.DEFERRED if task.pk in tried else TaskStatus.SCHEDULED)


def _wait_again(task: Task, status: TaskStatus) -> None:
    fields = {"locked_at": None, "locked_by": None, "leased_until": None}
    if _is_over(task):
        status = TaskStatus.CANCELLED
        Message.objects.outbound().filter(task=task).update(status=MessageStatus.FAILED)
    Task.objects.filter(pk=task.pk, status=TaskStatus.TRANSMITTING).update(
        status=status, attempts=F("attempts") - 1, **fields
    )


def settle(task_id: UUID, message_id: UUID, outcome: Outcome, *, now: datetime) -> Message | None:
    """Write down what became of the mail, and what follows for its sequence.

    A task that was deleted meanwhile leaves its message to tell; None when that is gone as well.
    """
    task = _held(task_id)
    message = Message.objects.select_for_update().filter(pk=message_id).first()
    if message is None:
        return None
    if _is_settled(task, message):
        return message
    if task is None:
        _settle_alone(message, outcome, now)
    else:
        task.locked_at = task.locked_by = task.leased_until = None
        _settle_both(task, message, outcome, now)
        task.save()
    message.save()
    return message


def _is_settled(task: Task | None, message: Message) -> bool:
    """Whether the outcome is known already: to be told it twice changes nothing."""
    in_the_air = (TaskStatus.TRANSMITTING, TaskStatus.UNKNOWN)
    return message.status != MessageStatus.QUEUED or (
        task is not None and task.status not in in_the_air
    )


def _held(task_id: UUID) -> Task | None:
    """The task, locked after its enrolment as everywhere."""
    locked = Enrollment.objects.select_for_update(no_key=True, of=["self"])
    locked.filter(tasks=task_id).first()
    return (
        Task.objects.select_for_update(of=["self"])
        .select_related("enrollment__mailbox", "campaign", "workflow_step")
        .filter(pk=task_id)
        .first()
    )


def _settle_both(task: Task, message: Message, outcome: Outcome, now: datetime) -> None:
    if isinstance(outcome, Accepted):
        _accepted(task, message, outcome, now)
    elif isinstance(outcome, Refused):
        _refused(task, message, outcome, now)
    else:
        _unknown(task, message, outcome.failure.text, now)


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


def _answer_of(outcome: Refused) -> Answer:
    failure = outcome.failure
    return classify_answer(failure.stage, failure.code, failure.text, failure.host)


def _word_of(said: Accepted | Answer) -> str:
    """The server's last word, as it is kept."""
    return f"{said.code} {said.text}".strip()[:500]


def _accepted(task: Task, message: Message, outcome: Accepted, now: datetime) -> None:
    move(task, "status", TaskStatus.SENT, Task.MOVES)
    move(message, "status", MessageStatus.SENT, Message.MOVES)
    task.last_error = None
    message.answer_code = _word_of(outcome)
    _clear_trouble([message])
    plan_next(task, now=now)


def _clear_trouble(messages: Sequence[Message]) -> None:
    """A mailbox whose server takes mails is in no trouble any more."""
    senders = {message.mailbox_id for message in messages if message.mailbox_id}
    troubled = Mailbox.objects.filter(pk__in=senders, status=MailboxStatus.ACTIVE)
    troubled.exclude(status_reason="").update(status_reason="")


def _unknown(task: Task, message: Message, text: str, now: datetime) -> None:
    """It may have arrived: nothing is sent again, and the sequence goes on as if it had.

    The mailbox waits, so that a server that never answers puts few mails in doubt.
    """
    if task.status != TaskStatus.UNKNOWN:
        move(task, "status", TaskStatus.UNKNOWN, Task.MOVES)
    message.answer_code = task.last_error = text[:500]
    Mailbox.objects.filter(messages=message).update(next_send_at=now + RETRIES[0])
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
    Mailbox.objects.filter(messages=message).update(
        next_send_at=now + RETRIES[0], status_reason=sentence or message.answer_code
    )


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
