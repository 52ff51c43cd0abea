"""Mails that left in the time a restored database has forgotten, to people it may not know.

Their recipients were written to: until they are written down again, nobody could tell.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db.models import Q

from crm.models import Position
from outreach.inbox.reading import addresses, header, storable
from outreach.inbox.sent_folder import Head, sent_since
from outreach.mail import message_id
from outreach.models import Mailbox, Message, Task
from outreach.policy.rules import QUIET_PERIOD
from outreach.services.mailboxes import imap_account, move_mailbox
from outreach.services.reconciling import FOUND
from outreach.services.remembering import date_of
from outreach.services.restoring import mark_in_doubt
from outreach.states import WAITING, Direction, MailboxStatus, MessageStatus, TaskStatus
from outreach.tokens import digest
from prospectflow.errors import DomainError
from prospectflow.tenancy.context import tenant

MARGIN = timedelta(days=1)  # servers search by days, in their own zone
OURS = re.compile(r"<([0-9a-f]{32})@[^<>@]+>")
OUR_VERSION = 7  # of every id here (RFC 9562): other programs name mails by random hexadecimals
WAY_OUT = re.compile(r"/u/([\w-]+)>")
LONGEST_ADDRESS, LONGEST_ID = 254, 998


@dataclass
class Recalled:
    """How many forgotten mails were written down; `problems` are sentences by mailbox."""

    found: int = 0
    problems: dict[str, str] = field(default_factory=dict)


class _Sent(NamedTuple):
    """A mail of ours: the task that its Message-ID names, and the row it would be."""

    task_id: UUID | None
    message: Message


def recall(organisation_id: UUID, *, since: datetime | None, now: datetime) -> Recalled:
    """Write down what the mailboxes sent since then and this database does not know.

    Without `since`, and at most, it goes back as far as anybody asks when a person was last
    written to. A task that waits although its mail has left is put in doubt. A second time
    changes nothing. A mailbox that cannot be looked through is paused. Call it outside of a
    tenant scope: it talks to the servers.
    """
    oldest, result = now - QUIET_PERIOD, Recalled()
    begin = max(since or oldest, oldest) - MARGIN
    with tenant(organisation_id):
        mailboxes = list(Mailbox.objects.order_by("address"))
    for mailbox in mailboxes:
        try:
            for found in _look_through(organisation_id, mailbox, begin, now):
                result.found += found
        except DomainError as problem:
            sentence = f"What it sent since {begin:%Y-%m-%d} could not be looked for. {problem}"
            with tenant(organisation_id):
                paused = _pause(mailbox, f"The database was restored. {sentence}")
            result.problems[str(mailbox)] = f"{sentence}{' It is paused.' if paused else ''}"
    return result


def _pause(mailbox: Mailbox, reason: str) -> bool:
    """Whether it was active, and sends nothing now until a person says so."""
    if not Mailbox.objects.filter(pk=mailbox.pk, status=MailboxStatus.ACTIVE).exists():
        return False
    move_mailbox(mailbox, MailboxStatus.PAUSED, reason=reason)
    return True


def _look_through(
    organisation_id: UUID, mailbox: Mailbox, begin: datetime, now: datetime
) -> Iterator[int]:
    """How many were written down, batch by batch."""
    with tenant(organisation_id):
        account = imap_account(mailbox)
    for heads in sent_since(account, begin.date()):
        ours = [sent for head in heads if (sent := _ours(mailbox, head, now))]
        with tenant(organisation_id):
            written = _write_down(mailbox, ours, now) if ours else 0
        yield written


def _ours(mailbox: Mailbox, head: Head, now: datetime) -> _Sent | None:
    """The mail, where its Message-ID or its tag says that it is one of ours."""
    mail = head.message
    said = header(mail, "Message-ID").strip()
    task_id = _task_of(said, mailbox.address.rpartition("@")[2])
    recipient = next(iter(addresses(mail, "To")), "")
    if not recipient or not (task_id or header(mail, "X-ProspectFlow-Message")):
        return None
    way_out = WAY_OUT.search(header(mail, "List-Unsubscribe"))
    message = Message(
        direction=Direction.OUTBOUND,
        status=MessageStatus.SENT,
        provider="imap",
        mailbox=mailbox,
        rfc822_message_id=(said.lower() if task_id else storable(said)[:LONGEST_ID]) or None,
        unsubscribe_digest=digest(way_out[1]) if way_out else None,
        from_address=mailbox.address,
        to_address=storable(recipient)[:LONGEST_ADDRESS],
        subject=storable(header(mail, "Subject")),
        answer_code=FOUND,
        sent_at=date_of(head) or now,
    )
    return _Sent(task_id, message)


def _task_of(said: str, domain: str) -> UUID | None:
    """The task whose mail bears this Message-ID, where it is of our form and of this domain."""
    match = OURS.fullmatch(said.lower())
    task_id = UUID(hex=match[1]) if match else None
    if task_id is None or task_id.version != OUR_VERSION:
        return None
    return task_id if message_id(task_id, domain) == said.lower() else None


def _write_down(mailbox: Mailbox, ours: Sequence[_Sent], now: datetime) -> int:
    """How many of them were not known; those in doubt are looked for one by one, not here."""
    doubtful = _put_in_doubt({sent.task_id for sent in ours if sent.task_id}, now)
    messages = _unknown([sent.message for sent in ours if sent.task_id not in doubtful])
    _place(messages)
    written = Message.objects.outbound().filter(mailbox=mailbox)
    before = written.count()
    # What another organisation with the same mailbox sent is its own, and bears a digest of its.
    Message.objects.bulk_create(messages, ignore_conflicts=True)
    return written.count() - before


def _put_in_doubt(task_ids: Collection[UUID], now: datetime) -> set[UUID]:
    """Those in doubt, also because they wait here although their mail has left."""
    tasks = Task.objects.filter(pk__in=task_ids)
    mark_in_doubt(list(tasks.filter(status__in=WAITING)), since=None, now=now)
    return set(tasks.filter(status=TaskStatus.UNKNOWN).values_list("pk", flat=True))


def _unknown(messages: list[Message]) -> list[Message]:
    """Without those that a row is of already, by Message-ID or by the link to unsubscribe."""
    ids = {each.rfc822_message_id for each in messages if each.rfc822_message_id}
    digests = {each.unsubscribe_digest for each in messages if each.unsubscribe_digest}
    rows = Message.objects.outbound().filter(
        Q(rfc822_message_id__in=ids) | Q(unsubscribe_digest__in=digests)
    )
    known: set[str | bytes | None] = set()
    for identifier, mark in rows.values_list("rfc822_message_id", "unsubscribe_digest"):
        known |= {identifier, mark and bytes(mark)}
    known.discard(None)
    return [
        each
        for each in messages
        if known.isdisjoint({each.rfc822_message_id, each.unsubscribe_digest})
    ]


def _place(messages: Iterable[Message]) -> None:
    """With the person whose address it is, where one is known."""
    recipients = {each.to_address for each in messages}
    positions = Position.objects.filter(email__in=recipients).order_by("-id")
    of_address = dict(positions.values_list("email", "pk"))
    for each in messages:
        each.position_id = of_address.get(each.to_address)
