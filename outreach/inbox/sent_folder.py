"""Looking for mails in the folder where a mailbox keeps what it sent (RFC 6154)."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from email.message import Message
from itertools import batched
from typing import NamedTuple

from imap_tools import BaseMailBox
from imap_tools.errors import MailboxFetchError
from imap_tools.utils import check_command_status

from outreach.inbox.fetching import Fetched, fetch, internal_date, parse
from outreach.inbox.imap import (
    FolderMissing,
    ImapAccount,
    ImapError,
    arrived_since,
    broken_off,
    examine,
    signed_in,
)
from outreach.inbox.replies import fold

SENT_NAMES = (
    "sent", "sent mail", "sent items", "sent messages", "envoyes", "elements envoyes",
    "messages envoyes", "objets envoyes",
)  # fmt: skip
HEADS_AT_ONCE = 200
WANTED = (
    "(UID INTERNALDATE BODY.PEEK[HEADER.FIELDS"
    " (MESSAGE-ID DATE TO SUBJECT LIST-UNSUBSCRIBE X-PROSPECTFLOW-MESSAGE)])"
)


class Head(NamedTuple):
    """What a sent mail says before its text, and when the server got it."""

    message: Message
    received_at: datetime | None


@dataclass
class Look:
    """What a look for sent mails found, by Message-ID, and which are certainly not there."""

    found: dict[str, Fetched] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    problem: ImapError | None = None


def look_for(account: ImapAccount, message_ids: Collection[str]) -> Look:
    """Look for these mails, in this order, without leaving a trace in the mailbox.

    What was found before the server broke off counts; `problem` then says in words what happened.
    """
    look = Look()
    try:
        with signed_in(account) as mailbox, broken_off(account):
            *others, last = _folders(mailbox, account)
            for folder in others:
                _look_in(mailbox, folder, message_ids, look)
            _look_in(mailbox, last, message_ids, look, is_last=True)
    except ImapError as problem:
        look.problem = problem
    return look


def sent_since(account: ImapAccount, day: date) -> Iterator[list[Head]]:
    """The heads of all that was sent since that day, so many at once, without leaving a trace.

    Raises an ImapError that says what is wrong; what was given before counts.
    """
    with signed_in(account) as mailbox, broken_off(account):
        for folder in _folders(mailbox, account):
            examine(mailbox, folder)
            uids = mailbox.uids(arrived_since(day), charset=None)
            for some in batched(uids, HEADS_AT_ONCE):
                yield list(_heads(mailbox, some))


def _heads(mailbox: BaseMailBox, uids: Iterable[str]) -> Iterator[Head]:
    told = mailbox.client.uid("FETCH", ",".join(uids), WANTED)
    check_command_status(told, MailboxFetchError)  # or whom it wrote to would be left unknown
    for words, literal in _answers(told[1] or ()):
        if message := parse(literal)[0]:
            yield Head(message, internal_date(words))


def _answers(data: Iterable[object]) -> list[tuple[bytes, bytes]]:
    """The server's words about each message, which may go on after the literal, and that."""
    answers: list[tuple[bytes, bytes]] = []
    for item in data:
        if isinstance(item, tuple):
            answers.append(item)
        elif isinstance(item, bytes) and answers:
            words, literal = answers[-1]
            answers[-1] = words + item, literal
    return answers


def _folders(mailbox: BaseMailBox, account: ImapAccount) -> list[str]:
    if folders := sent_folders(mailbox):
        return folders
    raise FolderMissing(
        f"{account.username} has no folder of sent mails at {account.host}; "
        "make one there with the name “Sent”, or decide by hand."
    )


def _look_in(
    mailbox: BaseMailBox,
    folder: str,
    message_ids: Collection[str],
    look: Look,
    *,
    is_last: bool = False,
) -> None:
    uidvalidity = examine(mailbox, folder)
    for message_id in message_ids:
        if message_id in look.found:
            continue
        if fetched := _newest(mailbox, folder, uidvalidity, message_id):
            look.found[message_id] = fetched
        elif is_last:
            look.missing.add(message_id)


def _newest(mailbox: BaseMailBox, folder: str, uidvalidity: int, message_id: str) -> Fetched | None:
    """The mail of this very Message-ID; servers search for a part of it, some for words alone."""
    uids = mailbox.uids(f'HEADER Message-ID "{message_id}"', charset=None)
    for uid in sorted(map(int, uids), reverse=True):
        fetched = fetch(mailbox, folder, uidvalidity, uid)
        if fetched and fetched.message and _is(fetched, message_id):
            return fetched
    return None


def _is(fetched: Fetched, message_id: str) -> bool:
    """Whether the mail says so itself; domains and hexadecimal ids are the same in any case."""
    said = str(fetched.message["Message-ID"] or "") if fetched.message else ""
    return said.strip().lower() == message_id.lower()


def sent_folders(mailbox: BaseMailBox) -> list[str]:
    """The folders marked as sent mail; where the server marks none, those of a usual name."""
    marked, named = [], []
    for folder in mailbox.folder.list():
        flags = {flag.lower() for flag in folder.flags}
        name = fold(folder.name.rsplit(folder.delim or "/", 1)[-1])
        if flags & {"\\noselect", "\\nonexistent"}:
            continue
        if "\\sent" in flags:
            marked.append(folder.name)
        elif name in SENT_NAMES:
            named.append(folder.name)
    return marked or named
