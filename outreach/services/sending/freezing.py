"""The mails of a group as the very bytes that leave, written down before anybody is called."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection

from outreach.mail import MailRefused, Outgoing, Sender, build, message_id
from outreach.models import Draft, Mailbox, Message, Task, Variant
from outreach.services.approval import Rendered, rendered
from outreach.services.mailbox_secrets import signature_of
from outreach.states import Direction
from outreach.tokens import digest
from prospectflow.statements import bound_by_server
from prospectflow.tenancy.among import Ids


class Approved(NamedTuple):
    """A task that may leave, its draft, and its mail as it was judged."""

    task: Task
    draft: Draft
    mail: Rendered
    message_id: UUID


type Threads = Mapping[UUID, Sequence[str]]


def written_before(tasks: Iterable[Task]) -> tuple[dict[UUID, Message], Threads]:
    """The mails of these tasks that the server refused for now, by task; and their threads.

    A thread is what was sent to the enrolment before, oldest first: a follow-up refers to all.
    """
    of_task = {task.pk: task for task in tasks}
    outbound = Message.objects.outbound()
    before = outbound.filter(enrollment__among=Ids(task.enrollment_id for task in of_task.values()))
    found: dict[UUID, list[str]] = defaultdict(list)
    again = []
    for enrollment_id, task_id, identifier in before.order_by("sent_at", "created_at").values_list(
        "enrollment_id", "task_id", "rfc822_message_id"
    ):
        if task_id in of_task:
            again.append(task_id)
        else:
            found[enrollment_id].append(identifier)
    refused = outbound.filter(task__in=again) if again else ()
    return {message.task_id: message for message in refused if message.task_id}, found


def experiments_of(approved: Iterable[Approved]) -> dict[UUID, UUID]:
    """Variant -> its experiment, for the variants that these mails were written from."""
    variants = {each.draft.variant_id for each in approved if each.draft.variant_id}
    if not variants:
        return {}
    return dict(Variant.objects.filter(pk__in=variants).values_list("pk", "step_experiment_id"))


def freeze(task: Task, *, now: datetime) -> Message:
    """Write down the mail of this task's draft as it would leave; DomainError where it cannot."""
    draft = Draft.objects.get(task=task)
    draft.task = task
    mailbox = task.enrollment.mailbox
    if mailbox is None:
        raise MailRefused(f"{task} has no mailbox to leave from.")
    approved = Approved(task, draft, rendered(draft), new_id())
    maker = Maker(mailbox, written_before([task])[1], experiments_of([approved]), now)
    message = maker.message(approved)
    store([message])
    return message


class Maker:
    """Makes the messages that leave from one mailbox at one instant."""

    def __init__(
        self, mailbox: Mailbox, threads: Threads, experiments: Mapping[UUID, UUID], now: datetime
    ) -> None:
        self.mailbox, self.threads, self.experiments, self.now = mailbox, threads, experiments, now
        self._date = now.astimezone(ZoneInfo(mailbox.time_zone))
        self._domain = mailbox.address.rpartition("@")[2]
        self._sign = signature_of(mailbox)
        # Copied for each mail, which takes half as long as to make one by so many names.
        self._blank = Message(
            direction=Direction.OUTBOUND, mailbox=mailbox, from_address=mailbox.address, sent_at=now
        )

    def message(self, approved: Approved) -> Message:
        """The message of this task with its bytes, in memory; DomainError where there is none."""
        task, draft, mail = approved.task, approved.draft, approved.mail
        before = self.threads.get(task.enrollment_id, ())
        message = copy(self._blank)
        message.pk = approved.message_id
        message.task_id, message.draft_id = task.pk, draft.pk
        message.enrollment_id = task.enrollment_id
        message.position_id = task.enrollment.position_id
        message.variant_id = draft.variant_id
        message.step_experiment_id = (
            self.experiments.get(draft.variant_id) if draft.variant_id else None
        )
        message.rfc822_message_id = message_id(task.pk, self._domain)
        message.content_hash = mail.hash
        message.unsubscribe_digest = digest(mail.unsubscribe_url.rpartition("/")[2])
        message.to_address, message.subject = mail.recipient, mail.subject
        message.body_text, message.body_html = mail.text, mail.html
        message.in_reply_to = before[-1] if before else None  # RFC 5322, 3.6.4
        message.references = list(before)
        raw = build(self._outgoing(message, draft, mail))
        message.raw = self._sign(raw) if self._sign else raw
        return message

    def _outgoing(self, message: Message, draft: Draft, mail: Rendered) -> Outgoing:
        task, address = draft.task, self.mailbox.address
        return Outgoing(
            sender=Sender(self.mailbox.display_name, address),
            recipient=mail.recipient,
            subject=mail.subject,
            text=mail.text,
            html=mail.html,
            message_id=message.rfc822_message_id or "",
            date=self._date,
            in_reply_to=message.in_reply_to or "",
            references=tuple(message.references),
            unsubscribe_url=mail.unsubscribe_url,
            unsubscribe_mailto=f"{address}?subject=unsubscribe",
            feedback_id=f"{task.campaign_id.hex[-12:]}:step{task.step_index}:cold:prospectflow",
            tag=str(message.pk),
        )


COLUMNS = {
    "id": "uuid", "task_id": "uuid", "draft_id": "uuid", "enrollment_id": "uuid",
    "position_id": "uuid", "mailbox_id": "uuid", "step_experiment_id": "uuid",
    "variant_id": "uuid", "direction": "text", "rfc822_message_id": "text",
    "in_reply_to": "text", "references": "jsonb", "from_address": "text", "to_address": "text",
    "subject": "text", "body_text": "text", "body_html": "text", "raw": "bytea",
    "content_hash": "text", "unsubscribe_digest": "bytea", "sent_at": "timestamptz",
}  # fmt: skip
BINARY = {"text", "bytea", "timestamptz"}  # nothing has to be quoted or spelled out so
STORE = "INSERT INTO outreach.messages ({}) SELECT * FROM unnest({})".format(  # noqa: S608
    ", ".join(f'"{name}"' for name in COLUMNS),
    ", ".join(f"{'%b' if kind in BINARY else '%s'}::{kind}[]" for kind in COLUMNS.values()),
)


def store(messages: Sequence[Message]) -> None:
    """Write these messages down, all or none; as arrays, which costs a third of a row each."""
    if messages:
        values = [_column(messages, *column) for column in COLUMNS.items()]
        bound_by_server().execute(STORE, values)


def _column(messages: Sequence[Message], name: str, kind: str) -> str | list[Any]:
    values = [getattr(message, name) for message in messages]
    if kind == "uuid":
        return Ids(values).array
    return [json.dumps(value) for value in values] if kind == "jsonb" else values


def new_id() -> UUID:
    """The id of a message that is about to be written, as PostgreSQL makes them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT uuidv7()")
        identifier: UUID = cursor.fetchone()[0]
    return identifier
