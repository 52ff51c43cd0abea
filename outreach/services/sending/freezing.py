"""The mails of a group as the very bytes that leave, written down before anybody is called."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from outreach.mail import MailRefused, Outgoing, Sender, build, message_id
from outreach.models import Draft, Mailbox, Message, Task
from outreach.services.approval import UNSUBSCRIBE, Rendered, rendered, unsubscribe_url
from outreach.services.mailboxes import schedule_of
from outreach.states import Direction
from outreach.tokens import digest, token


@dataclass(frozen=True)
class Approved:
    """A task that may leave, its draft, and its mail as it was judged."""

    task: Task
    draft: Draft
    mail: Rendered
    message_id: UUID


type Threads = Mapping[UUID, Sequence[str]]


def existing(tasks: Iterable[Task]) -> dict[UUID, Message]:
    """The mails of these tasks that the server refused for now, by task."""
    outbound = Message.objects.outbound().filter(task__in=[task.pk for task in tasks])
    return {message.task_id: message for message in outbound if message.task_id}


def threads(tasks: Iterable[Task]) -> Threads:
    """The mails before, oldest first, by enrolment: a follow-up refers to all of them."""
    found: dict[UUID, list[str]] = defaultdict(list)
    before = Message.objects.outbound().filter(
        enrollment__in=[task.enrollment_id for task in tasks]
    )
    rows = before.order_by("sent_at", "created_at").values_list(
        "enrollment_id", "rfc822_message_id"
    )
    for enrollment_id, identifier in rows:
        found[enrollment_id].append(identifier)
    return found


def freeze(task: Task, *, now: datetime) -> Message:
    """Write down the mail of this task's draft as it would leave; DomainError where it cannot."""
    draft = Draft.objects.select_related("variant").get(task=task)
    draft.task = task
    mailbox = task.enrollment.mailbox
    if mailbox is None:
        raise MailRefused(f"{task} has no mailbox to leave from.")
    before = threads([task]).get(task.enrollment_id, ())
    message = frozen(Approved(task, draft, rendered(draft), new_id()), mailbox, before, now=now)
    store([message])
    return message


def frozen(
    approved: Approved, mailbox: Mailbox, before: Sequence[str], *, now: datetime
) -> Message:
    """The message of this task with its bytes, in memory; DomainError where none can be built."""
    task, draft, mail = approved.task, approved.draft, approved.mail
    message = Message(
        pk=approved.message_id,
        direction=Direction.OUTBOUND,
        task=task,
        draft=draft,
        enrollment_id=task.enrollment_id,
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
        in_reply_to=before[-1] if before else None,  # RFC 5322, 3.6.4
        references=list(before),
    )
    message.raw = build(_outgoing(message, draft, mailbox, mail, now))
    return message


def store(messages: Sequence[Message]) -> None:
    """Write these messages down, all or none."""
    Message.objects.bulk_create(messages)


def new_id() -> UUID:
    """The id of a message that is about to be written, as PostgreSQL makes them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT uuidv7()")
        identifier: UUID = cursor.fetchone()[0]
    return identifier


def _outgoing(
    message: Message, draft: Draft, mailbox: Mailbox, mail: Rendered, now: datetime
) -> Outgoing:
    task = draft.task
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
        feedback_id=f"{task.campaign_id.hex[-12:]}:step{task.step_index}:cold:prospectflow",
        tag=str(message.pk),
    )
