"""One message as an IMAP server gives it (RFC 3501)."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import Message
from typing import Any

from imap_tools import BaseMailBox
from imap_tools.errors import MailboxFetchError
from imap_tools.utils import check_command_status

LARGEST_BYTES = 5 * 1024 * 1024
"""Above this size only the headers of a message are fetched."""

TOO_LARGE = "It is larger than 5 MB: only its headers were read."

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Fetched:
    """One message as the server has it; `message` is None when it could not be parsed.

    `received_at` is the server's own time of arrival (INTERNALDATE). A `truncated` message has
    its headers only. `problem` says in words what is missing.
    """

    folder: str
    uidvalidity: int
    uid: int
    received_at: datetime | None
    size: int
    raw: bytes
    message: Message | None
    truncated: bool = False
    problem: str = ""


def fetch(mailbox: BaseMailBox, folder: str, uidvalidity: int, uid: int) -> Fetched | None:
    """Fetch one message without marking it as read; None when it has gone in the meantime.

    Of a message whose content the server refuses there are the headers; raises MailboxFetchError
    where it refuses them too: what it holds is not known then, which is not the same as gone.
    """
    head, _ = _asked(mailbox, uid, "UID RFC822.SIZE INTERNALDATE")
    if not head:
        return None
    found = re.search(rb"RFC822\.SIZE (\d+)", head)
    size = int(found[1]) if found else 0
    raw, refusal = _content(mailbox, uid) if size <= LARGEST_BYTES else (None, TOO_LARGE)
    truncated = raw is None
    if raw is None:
        _, raw = _asked(mailbox, uid, "BODY.PEEK[HEADER]")
    message, problem = parse(raw)
    at = internal_date(head)
    return Fetched(folder, uidvalidity, uid, at, size, raw, message, truncated, problem or refusal)


def _content(mailbox: BaseMailBox, uid: int) -> tuple[bytes | None, str]:
    """The whole message, or why the server does not give it: some cannot convert what they keep."""
    try:
        return _asked(mailbox, uid, "BODY.PEEK[]")[1], ""
    except MailboxFetchError as error:
        return None, f"The server gives the headers only ({reason(error)})."


def _asked(mailbox: BaseMailBox, uid: int, what: str) -> tuple[bytes, bytes]:
    """What the server says about one message: the words, and the literal if any."""
    told = mailbox.client.uid("FETCH", str(uid), f"({what})")
    check_command_status(told, MailboxFetchError)
    words, literal = b"", b""
    for item in told[1] or ():
        if isinstance(item, tuple):
            words, literal = words + item[0], item[1]
        elif isinstance(item, bytes):
            words += item
    return words, literal


def parse(raw: bytes) -> tuple[Message | None, str]:
    """The message, or the sentence why there is none."""
    try:
        message = message_from_bytes(raw, policy=policy.default)
    except Exception as error:  # a broken message must never stop the folder
        return None, f"The message could not be parsed ({reason(error)})."
    if not message.keys():
        return None, "The message has no headers."
    return message, ""


def internal_date(words: bytes) -> datetime | None:
    """When the server got a message, as it says when one is fetched (INTERNALDATE)."""
    found = re.search(rb'INTERNALDATE "([ \d]?\d)-(\w{3})-(\d{4}) ([\d:]{8}) ([+-]\d{4})"', words)
    if not found:
        return None
    day, month, year, time, zone = (part.decode().strip() for part in found.groups())
    try:
        number = MONTHS.index(month.title()) + 1
        moment = datetime.strptime(f"{year}-{number}-{day} {time} {zone}", "%Y-%m-%d %H:%M:%S %z")
    except ValueError:
        return None
    return moment.astimezone(UTC)


def reason(error: Any) -> str:
    """Return the innermost words of an error on one line."""
    words = error.args[-1] if getattr(error, "args", ()) else error
    result = getattr(error, "command_result", None)
    if result:
        words = b" ".join(part for part in result[1] if isinstance(part, bytes))
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
    return " ".join(text.split())[:200] or type(error).__name__
