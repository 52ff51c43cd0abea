"""Reports of mail servers and providers about mail that we sent: bounces and complaints."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_string, policy
from email.message import Message

from flufl.bounce import all_failures

from outreach.answers import Answer, Kind, classify_answer
from outreach.inbox import patterns
from outreach.inbox.originals import original_ids, original_tags
from outreach.inbox.reading import (
    addresses,
    base64_text,
    content_type,
    header,
    headers,
    inner_messages,
    outer_parts,
    plain,
    text_of,
)
from outreach.inbox.replies import fold, full_text

DELAYED = "delayed"
GRAVEST_FIRST = (Kind.HARD, Kind.CONFIG, Kind.BLOCK, Kind.SOFT, DELAYED)

ADDRESS = re.compile(r"[\w.+&'=-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+", re.IGNORECASE)
REPLY_CODE = re.compile(r"(?<![\d.#-])([45]\d\d)(?=[ \-#,;:])")


@dataclass(frozen=True)
class FailedRecipient:
    """One address that a bounce speaks of, and what it says."""

    address: str
    status: str
    diagnostic: str
    kind: str


@dataclass(frozen=True)
class Bounce:
    """A mail that did not arrive, or (kind "delayed", which is no bounce) has not arrived yet.

    `kind` is the gravest among the recipients; whoever suppresses reads each recipient's own.
    """

    kind: str
    recipients: tuple[FailedRecipient, ...]
    original_message_ids: tuple[str, ...]
    original_tags: tuple[str, ...]
    standard: bool


@dataclass(frozen=True)
class Complaint:
    """A feedback report (RFC 5965); `counts` is false when it says that the mail was welcome."""

    feedback_type: str
    recipients: tuple[str, ...]
    original_message_ids: tuple[str, ...]
    original_tags: tuple[str, ...]
    counts: bool


def read_bounce(message: Message) -> Bounce | None:
    """Read a delivery status notification (RFC 3464, RFC 6533) or a bounce of any other shape."""
    for part in outer_parts(message):
        if content_type(part) in ("message/delivery-status", "message/global-delivery-status"):
            recipients = [one for one in map(_recipient, _blocks(part)) if one]
            return _bounce(message, recipients, standard=True)
    if content_type(message) == "multipart/report" or not _looks_like_a_bounce(message):
        return None
    return _bounce(message, _recipients_without_standard(message), standard=False)


def read_complaint(message: Message) -> Complaint | None:
    """Read an abuse report (ARF, RFC 5965)."""
    for part in outer_parts(message):
        if content_type(part) == "message/feedback-report":
            fields = next(_blocks(part), {})
            kind = fields.get("feedback-type", "other").lower()
            named = (ADDRESS.search(fields.get("original-rcpt-to", "")),)
            return Complaint(
                feedback_type=kind,
                recipients=tuple(match[0].lower() for match in named if match),
                original_message_ids=original_ids(message),
                original_tags=original_tags(message),
                counts=kind != "not-spam",
            )
    return None


def _bounce(
    message: Message, recipients: list[FailedRecipient], *, standard: bool
) -> Bounce | None:
    if not recipients:
        return None
    kinds = [recipient.kind for recipient in recipients]
    gravest = next(str(kind) for kind in GRAVEST_FIRST if kind in kinds)
    ids, tags = original_ids(message), original_tags(message)
    return Bounce(gravest, tuple(recipients), ids, tags, standard)


def _blocks(part: Message) -> Iterator[dict[str, str]]:
    """Yield the groups of fields in a report, the first of them about the whole message."""
    parsed = inner_messages(part)
    for inner in parsed:
        yield _fields(inner)
        # The parser knows nothing of global-delivery-status: the rest is left in the body.
        yield from _blocks_in(text_of(inner))
    if not parsed:
        yield from _blocks_in(text_of(part))


def _blocks_in(text: str) -> Iterator[dict[str, str]]:
    text = plain(text)
    if ":" not in text:
        text = plain(base64_text(text))
    for block in re.split(r"\n\s*\n", text):
        if block.strip():
            yield _fields(message_from_string(block.strip(), policy=policy.compat32))


def _fields(block: Message) -> dict[str, str]:
    return {name.lower(): header(block, name) for name in reversed(block.keys())}


def _recipient(fields: dict[str, str]) -> FailedRecipient | None:
    """Read one recipient's block; None when it reports success or names nobody."""
    action = fields.get("action", "failed").lower()
    named = fields.get("original-recipient") or fields.get("final-recipient", "")
    address = named.partition(";")[2].strip().strip("<>").lower() or named.strip().lower()
    if "@" not in address or action in ("delivered", "relayed", "expanded"):
        return None
    status = next(iter(re.findall(r"[245]\.\d{1,3}\.\d{1,3}", fields.get("status", ""))), "")
    diagnostic = fields.get("diagnostic-code", "").partition(";")[2].strip()
    if action == "delayed":
        return FailedRecipient(address, status, diagnostic, DELAYED)
    host = fields.get("remote-mta", "").partition(";")[2].strip()
    answer = _answer(status, diagnostic, host)
    return FailedRecipient(address, status or answer.enhanced, diagnostic, answer.kind)


def _answer(status: str, diagnostic: str, host: str = "") -> Answer:
    """Classify a diagnostic; without a reply code in it, the status says how bad it is."""
    found = REPLY_CODE.search(diagnostic)
    code = int(found[1]) if found else 450 if status.startswith("4") else 550
    specific = "" if re.fullmatch(r"[45]\.0\.0", status) else status
    own = re.search(r"(?<![\d.])[45]\.\d{1,3}\.\d{1,3}(?![\d.])", diagnostic)
    text = diagnostic if own else f"{specific} {diagnostic}"
    return classify_answer("rcpt", code, text, host.partition(" ")[0])


def _looks_like_a_bounce(message: Message) -> bool:
    """Ask for two signs, one of them a daemon's address or a bounce's subject."""
    daemon = any(patterns.DAEMON.match(address) for address in addresses(message, "From"))
    subject = bool(patterns.SUBJECT_BOUNCE.match(fold(header(message, "Subject"))))
    nobody = any(value.replace(" ", "") == "<>" for value in headers(message, "Return-Path"))
    named = bool(header(message, "X-Failed-Recipients"))
    report = _report_text(message)
    coded = bool(re.search(r"(?<![\d.])[45]\.\d{1,2}\.\d{1,3}(?![\d.])", report))
    return (daemon or subject) and sum((daemon, subject, nobody, named, coded)) >= 2


def _recipients_without_standard(message: Message) -> list[FailedRecipient]:
    report = _report_text(message)
    temporary, permanent = _second_opinion(message)
    delayed = _is_delayed(message, report)
    named = addresses(message, "X-Failed-Recipients") or sorted(permanent)
    if not named:
        named = sorted(temporary) or _addresses_in(report, message)[:1]
        delayed = delayed or bool(temporary)
    answer = _answer("", report)
    kind = DELAYED if delayed else answer.kind
    short = " ".join(report.split())[:500]
    return [FailedRecipient(address, answer.enhanced, short, kind) for address in named]


def _is_delayed(message: Message, report: str) -> bool:
    return bool(
        patterns.SUBJECT_DELAYED.match(fold(header(message, "Subject")))
        or patterns.BODY_DELAYED.search(fold(report))
    )


def _report_text(message: Message) -> str:
    """Return what the mail server wrote, up to the headers of our message that it quotes."""
    text = full_text(message)
    quoted = patterns.QUOTED_HEADERS.search(fold(text)[:20_000])
    return text[: quoted.start() if quoted else 3000][:3000]


def _addresses_in(report: str, message: Message) -> list[str]:
    ours = {*addresses(message, "To", "Cc", "From", "Delivered-To", "X-Original-To")}
    found = (address.lower().rstrip(".") for address in ADDRESS.findall(report))
    return [
        address
        for address in dict.fromkeys(found)
        if address not in ours and not patterns.DAEMON.match(address)
    ]


def _second_opinion(message: Message) -> tuple[set[str], set[str]]:
    """Ask flufl.bounce, which knows many old shapes, for temporary and permanent failures."""
    try:
        temporary, permanent = all_failures(message)
    except Exception:  # its detectors trust the message to be well-formed
        return set(), set()
    return _as_addresses(temporary), _as_addresses(permanent)


def _as_addresses(found: frozenset[bytes]) -> set[str]:
    texts = {value.decode("utf-8", "replace").strip().lower() for value in found}
    return {text for text in texts if ADDRESS.fullmatch(text)}
