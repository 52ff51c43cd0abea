"""What an incoming message is: a person's answer, a machine's, a bounce, an objection …"""

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from email.message import Message

from outreach.inbox import patterns
from outreach.inbox.bounces import (
    ADDRESS,
    DELAYED,
    Bounce,
    Complaint,
    read_bounce,
    read_complaint,
)
from outreach.inbox.dates import return_date
from outreach.inbox.reading import addresses, content_type, header, headers
from outreach.inbox.replies import fold, new_text
from outreach.states import MessageKind


@dataclass(frozen=True)
class Verdict:
    """What a message is, and why (`evidence`).

    `doubtful` objections pause and wait for a person; the others suppress at once.
    `mentions` are the addresses a message names, such as a successor's.
    """

    kind: MessageKind
    evidence: str
    returns_on: date | None = None
    doubtful: bool = False
    access_request: bool = False
    bounce: Bounce | None = None
    complaint: Complaint | None = None
    mentions: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Said:
    """The folded words of a message that rules look at."""

    subject: str
    text: str
    sender: tuple[str, ...] = field(default=())

    @property
    def all(self) -> str:
        return f"{self.subject}\n{self.text}"


AUTOMATIC_ANSWERS: tuple[tuple[MessageKind, patterns.Pattern], ...] = (
    (MessageKind.CHALLENGE, patterns.CHALLENGE),
    (MessageKind.LEFT_COMPANY, patterns.LEFT_COMPANY),
    (MessageKind.ADDRESS_CHANGED, patterns.ADDRESS_CHANGED),
    (MessageKind.OUT_OF_OFFICE, patterns.ABSENCE),
    (MessageKind.ACKNOWLEDGEMENT, patterns.ACKNOWLEDGEMENT),
)
"""What an automatic answer says, in order of consequence; the first match wins."""


def classify(message: Message, *, at: datetime) -> Verdict:
    """Say what a message is that came in at `at`; the first rule that fits wins, none raises."""
    said = _said(message)
    verdict = (
        _report(message)
        or _unsubscribing_subject(said)
        or _automatic(message, said, at)
        or _objection(said.text)
        or _moved_on(said)
        or Verdict(MessageKind.REPLY, "written by a person")
    )
    return replace(verdict, mentions=_mentions(message))


def _said(message: Message) -> _Said:
    text = " ".join(fold(new_text(message)).split())
    sender = tuple(addresses(message, "From"))
    return _Said(fold(header(message, "Subject")).strip(), text[:20_000], sender)


def _report(message: Message) -> Verdict | None:
    """Delivery reports and feedback reports, told by their structure."""
    if complaint := read_complaint(message):
        kind = MessageKind.COMPLAINT if complaint.counts else MessageKind.AUTO_OTHER
        return Verdict(kind, f"feedback report: {complaint.feedback_type}", complaint=complaint)
    if bounce := read_bounce(message):
        kind = MessageKind.AUTO_OTHER if bounce.kind == DELAYED else MessageKind.BOUNCE
        recipient = bounce.recipients[0]
        evidence = f"{bounce.kind}: {recipient.status} {recipient.diagnostic}".strip()
        return Verdict(kind, evidence[:200], bounce=bounce)
    if content_type(message) == "multipart/report":
        return Verdict(MessageKind.AUTO_OTHER, "a report of something other than a failure")
    return None


def _unsubscribing_subject(said: _Said) -> Verdict | None:
    """A mail to the unsubscribe address: mail programs send it, often with an empty body."""
    if patterns.SUBJECT_OBJECTION.fullmatch(said.subject):
        return Verdict(MessageKind.OBJECTION, f"subject: {said.subject}"[:200])
    return None


def _automatic(message: Message, said: _Said, at: datetime) -> Verdict | None:
    sure = _automatic_header(message) or _match(patterns.SUBJECT_AUTOMATIC, said.subject)
    if sure:
        kind, words = _automatic_answer(said.all)
        return _dated(Verdict(kind, f"{sure}; {words}".strip("; ")[:200]), said, at)
    weak = header(message, patterns.SUPPRESSES_ANSWERS) or _match(
        patterns.SUBJECT_ABSENCE, said.subject
    )
    if weak:
        kind, words = _automatic_answer(said.text)
        if kind is not MessageKind.AUTO_OTHER:
            return _dated(Verdict(kind, f"{weak}; {words}"[:200]), said, at)
    return _challenge(said)


def _automatic_header(message: Message) -> str:
    for name, pattern in patterns.AUTOMATIC_HEADERS:
        for value in headers(message, name):
            if pattern.match(value.lower()):
                return f"{name}: {value}"
    return ""


def _automatic_answer(text: str) -> tuple[MessageKind, str]:
    text = patterns.NOT_AN_ABSENCE.sub(" ", text)
    for kind, pattern in AUTOMATIC_ANSWERS:
        if words := _match(pattern, text):
            return kind, words
    return MessageKind.AUTO_OTHER, ""


def _dated(verdict: Verdict, said: _Said, at: datetime) -> Verdict:
    if verdict.kind is not MessageKind.OUT_OF_OFFICE:
        return verdict
    return replace(verdict, returns_on=return_date(said.all, at=at.date()))


def _challenge(said: _Said) -> Verdict | None:
    """A sender check that does not say it is automatic; nobody ever answers it by machine."""
    everything = f"{' '.join(said.sender)} {said.all}"
    if words := _match(patterns.CHALLENGE_SURE, everything):
        return Verdict(MessageKind.CHALLENGE, words)
    return None


def _objection(text: str) -> Verdict | None:
    """An objection in a person's own words (GDPR, article 21), clear or doubtful."""
    text = patterns.NOT_AN_OBJECTION.sub(" ", text)
    access = _match(patterns.ACCESS_REQUEST, text)
    if words := _match(patterns.OBJECTION_CLEAR, text):
        return Verdict(MessageKind.OBJECTION, words, access_request=bool(access))
    word = _match(patterns.OBJECTION_WORD, text)
    if word and len(text.split()) <= patterns.SHORT_REPLY_WORDS and "?" not in text:
        return Verdict(MessageKind.OBJECTION, f"short reply: {word}", access_request=bool(access))
    doubt = word or access or _match(patterns.OBJECTION_TOPIC, text)
    if not doubt:
        return None
    return Verdict(MessageKind.OBJECTION, doubt, doubtful=True, access_request=bool(access))


def _moved_on(said: _Said) -> Verdict | None:
    """A colleague, or a machine without any mark of one, says that the person is gone."""
    for kind, pattern in AUTOMATIC_ANSWERS[1:3]:
        if words := _match(pattern, said.text):
            return Verdict(kind, words)
    return None


def _mentions(message: Message) -> tuple[str, ...]:
    known = {*addresses(message, "From", "To", "Cc", "Reply-To")}
    found = (address.lower() for address in ADDRESS.findall(new_text(message)))
    return tuple(address for address in dict.fromkeys(found) if address not in known)[:10]


def _match(pattern: patterns.Pattern, text: str) -> str:
    found = pattern.search(text)
    return " ".join(found[0].split()) or found[0] if found else ""
