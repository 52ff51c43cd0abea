"""The message of ours that a report, a bounce or a forward carries inside."""

import re
from collections.abc import Iterable, Iterator
from email import message_from_string, policy
from email.message import Message

from outreach.inbox.reading import (
    base64_text,
    content_type,
    header,
    inner_messages,
    outer_parts,
    text_of,
)

TAG_HEADER = "X-ProspectFlow-Message"

MESSAGE_ID = re.compile(r"<[^<>\s@]{1,400}@[^<>\s]{1,400}>")
WRITTEN_ID = re.compile(
    r"^[> \t]*Message-ID\s*:\s*(<[^<>\s]{3,800}>)", re.IGNORECASE | re.MULTILINE
)
WRITTEN_TAG = re.compile(rf"^[> \t]*{TAG_HEADER}\s*:\s*(\S{{1,200}})", re.IGNORECASE | re.MULTILINE)
WHOLE = ("message/rfc822", "message/global")
HEADERS_ONLY = ("text/rfc822-headers", "message/global-headers", "message/rfc822-headers")
MOST = 20


def original_ids(message: Message) -> tuple[str, ...]:
    """Return the Message-IDs of the messages inside, attached ones before written-out ones."""
    attached = [found for one in _attached(message) for found in ids_in(header(one, "Message-ID"))]
    return _each_once([*attached, *WRITTEN_ID.findall(_written(message))])


def original_tags(message: Message) -> tuple[str, ...]:
    """Return our own tags (`X-ProspectFlow-Message`) found in the messages inside."""
    attached = [header(one, TAG_HEADER) for one in _attached(message)]
    return _each_once([*attached, *WRITTEN_TAG.findall(_written(message))])


def ids_in(value: str) -> list[str]:
    """Return the message ids in a header value, in order; one without brackets gets them."""
    found = MESSAGE_ID.findall(value)
    bare = value.strip()
    if not found and re.fullmatch(r"[^<>\s@]{1,400}@[^<>\s@]{1,400}", bare):
        return [f"<{bare}>"]
    return found


def _attached(message: Message) -> Iterator[Message]:
    for part in outer_parts(message):
        kind = content_type(part)
        if kind in WHOLE:
            yield from inner_messages(part)
        elif kind in HEADERS_ONLY:
            yield _headers_only(part)


def _headers_only(part: Message) -> Message:
    """Parse a part that holds the headers of a message, whichever way the parser left them."""
    text = text_of(part)
    for inner in inner_messages(part):  # the parser takes message/global-headers for a message
        if inner.keys():
            return inner
        text = base64_text(text_of(inner))
    return message_from_string(text.lstrip(), policy=policy.compat32)


def _written(message: Message) -> str:
    parts = (part for part in outer_parts(message) if content_type(part) == "text/plain")
    return "\n".join(text_of(part) for part in parts)


def _each_once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))[:MOST]
