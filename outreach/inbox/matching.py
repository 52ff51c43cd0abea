"""Which of our messages an incoming one may answer: the traces to follow, strongest first."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from enum import StrEnum

from outreach.inbox.originals import ids_in, original_ids, original_tags
from outreach.inbox.patterns import DAEMON
from outreach.inbox.reading import addresses, header, headers
from outreach.inbox.replies import fold


class Trace(StrEnum):
    """How a message shows which one it answers."""

    TOKEN = "token"  # noqa: S105 - the kind of a trace, no secret
    IN_REPLY_TO = "in_reply_to"
    REFERENCE = "reference"
    ORIGINAL_ID = "original_id"
    ORIGINAL_TAG = "original_tag"
    SENDER = "sender"
    SUBJECT = "subject"


@dataclass(frozen=True)
class Candidate:
    """One thing to look up: by what kind of trace, and its value."""

    trace: Trace
    value: str


@dataclass(frozen=True)
class Candidates:
    """What to look up, in this order; sender and subject are hints that need more to be proof."""

    ordered: tuple[Candidate, ...]

    def __iter__(self) -> Iterator[Candidate]:
        return iter(self.ordered)

    def of(self, *traces: Trace) -> list[str]:
        """Return the values of these kinds of trace, strongest first."""
        return [candidate.value for candidate in self.ordered if candidate.trace in traces]

    @property
    def message_ids(self) -> list[str]:
        """Return every Message-ID to look for, strongest first."""
        return self.of(Trace.IN_REPLY_TO, Trace.REFERENCE, Trace.ORIGINAL_ID)


ADDRESSED_TO = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To", "Cc")
PLUS_TOKEN = re.compile(r"[^@+]+\+([a-z0-9_=-]{6,60})@")
SUBJECT_PREFIX = re.compile(
    r"\s*(?:(?:re|aw|tr|fw|fwd|rep|wg|sv|reponse automatique|automatic reply"
    r"|absence du bureau|out of office)(?:\s?\[\d+\])?\s?:|\[(?:ext|external|externe|spam\??)\])\s*"
)
MOST = 50


def references(message: Message) -> Candidates:
    """Collect the traces of one incoming message, each once; never raises."""
    found = dict.fromkeys(_traces(message))
    return Candidates(tuple(found)[:MOST])


def plain_subject(subject: str) -> str:
    """Return a subject as it is compared: folded, without Re:, Tr:, Fwd: and their like."""
    text = " ".join(fold(subject).split())
    while match := SUBJECT_PREFIX.match(text):
        text = text[match.end() :]
    return text


def _traces(message: Message) -> Iterator[Candidate]:
    for address in addresses(message, *ADDRESSED_TO):
        if match := PLUS_TOKEN.match(address):
            yield Candidate(Trace.TOKEN, match[1])
    for value in headers(message, "In-Reply-To"):
        yield from (Candidate(Trace.IN_REPLY_TO, found) for found in ids_in(value))
    for value in headers(message, "References"):
        newest_first = reversed(ids_in(value)[-MOST // 2 :])
        yield from (Candidate(Trace.REFERENCE, found) for found in newest_first)
    yield from (Candidate(Trace.ORIGINAL_TAG, tag) for tag in original_tags(message))
    yield from (Candidate(Trace.ORIGINAL_ID, found) for found in original_ids(message))
    for address in addresses(message, "From", "Reply-To"):
        if not DAEMON.match(address):
            yield Candidate(Trace.SENDER, address)
    if subject := plain_subject(header(message, "Subject")):
        yield Candidate(Trace.SUBJECT, subject)
