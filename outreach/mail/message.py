"""One mail to one recipient as the bytes that go over the wire; the same input, the same bytes.

The serialiser is our own: the standard library's policies fold long header values into encoded
words, which kills one-click unsubscribe and threading, and they take many times as long.
"""

import binascii
import json
import re
from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import idna

from prospectflow.errors import DomainError

LINE_LIMIT = 998  # RFC 5322, 2.1.1
VALUE_LIMIT = 900  # leaves room for the header's name
REFERENCES_KEPT = 20  # the first and the latest; a thread needs no more

CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
DOMAIN = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")
ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
MESSAGE_ID = re.compile(r"<[!-;=?-~]+@[!-;=?-~]+>")
REPLY = re.compile(r"re\s*:", re.IGNORECASE)
WORD = 39  # octets: the word's base64 and the header's name fit on one line of 76


class MailRefused(DomainError):
    """This mail cannot be built as it stands."""


class Sender(NamedTuple):
    """Who the mail is from, as the recipient sees it."""

    name: str
    address: str


class Outgoing(NamedTuple):
    """Everything one mail says; `date` is aware and fixed when the mail is frozen."""

    sender: Sender | tuple[str, str]
    recipient: str
    subject: str
    text: str
    html: str
    message_id: str
    date: datetime
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    unsubscribe_url: str = ""
    unsubscribe_mailto: str = ""
    feedback_id: str = ""
    tag: str = ""


def build(outgoing: Outgoing) -> bytes:
    """The mail as RFC 5322 bytes: text and html, CRLF line ends, no line over 998 octets."""
    head = "".join(f"{name}: {value}\r\n" for name, value in _headers(outgoing))
    # "=_" cannot stand in a quoted-printable body, so the boundary needs no search.
    boundary = f"=_{sha256(outgoing.message_id.encode()).hexdigest()[:32]}"
    return b"".join(
        [
            f"{head}MIME-Version: 1.0\r\n".encode("ascii"),
            f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n'.encode("ascii"),
            _part("plain", outgoing.text, boundary),
            _part("html", outgoing.html, boundary),
            f"--{boundary}--\r\n".encode("ascii"),
        ]
    )


def message_id(identifier: UUID, domain: str) -> str:
    """The Message-ID of a row, without a trace of recipient or tenant in it."""
    return f"<{identifier.hex}@{wire_domain(domain)}>"


def thread_subject(first_subject: str) -> str:
    """The subject of a follow-up: "Re: " once, then the first subject unchanged."""
    return first_subject if REPLY.match(first_subject) else f"Re: {first_subject}"


def content_hash(*, sender: str, recipient: str, subject: str, text: str, html: str) -> str:
    """The SHA-256 of exactly what will be seen; only the kind of line end makes no difference."""
    seen = [part.replace("\r\n", "\n") for part in (sender, recipient, subject, text, html)]
    return sha256(json.dumps(seen).encode("ascii")).hexdigest()


def wire_address(address: str) -> str:
    """The address in the ASCII form that every server understands (international domains too)."""
    local, at, domain = address.rpartition("@")
    if not at or not LOCAL_PART.fullmatch(local) or len(local) > 64:  # noqa: PLR2004
        raise MailRefused(
            f"{address!r} is no address that can be mailed:"
            " write it as name@example.com, the name without accents or spaces."
        )
    return f"{local}@{wire_domain(domain, address)}"


@lru_cache(maxsize=1_000)
def wire_domain(domain: str, shown: str = "") -> str:
    """The domain in ASCII (IDNA 2008); MailRefused names what was `shown` where there is none."""
    try:
        wire = domain if domain.isascii() else idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        wire = ""
    if len(wire) > 253 or not DOMAIN.fullmatch(wire):  # noqa: PLR2004
        raise MailRefused(
            f"{shown or domain!r} has no valid domain after the @; correct the address."
        )
    return wire


def _headers(outgoing: Outgoing) -> Iterator[tuple[str, str]]:
    name, address = outgoing.sender
    if outgoing.date.tzinfo is None:
        raise ValueError("The date of a mail is an aware datetime.")
    yield "From", _mailbox(_clean("sender's name", name), wire_address(address))
    yield "To", wire_address(outgoing.recipient)
    yield "Subject", _unstructured(_clean("subject", outgoing.subject))
    yield "Date", format_datetime(outgoing.date)
    yield "Message-ID", _identifier(outgoing.message_id)
    yield from _thread(outgoing)
    yield from _unsubscribe(outgoing)
    if outgoing.feedback_id:
        yield "Feedback-ID", _token("Feedback-ID", outgoing.feedback_id)
    if outgoing.tag:
        yield "X-ProspectFlow-Message", _token("tag", outgoing.tag)


def _thread(outgoing: Outgoing) -> Iterator[tuple[str, str]]:
    if outgoing.in_reply_to:
        yield "In-Reply-To", _identifier(outgoing.in_reply_to)
    references = [_identifier(reference) for reference in outgoing.references]
    if len(references) > REFERENCES_KEPT:
        references = [references[0], *references[1 - REFERENCES_KEPT :]]
    if references:
        yield "References", "\r\n ".join(references)


def _unsubscribe(outgoing: Outgoing) -> Iterator[tuple[str, str]]:
    """The pair of RFC 8058; the POST header only beside a web address."""
    ways = []
    if outgoing.unsubscribe_url:
        ways.append(f"<{_web_address(outgoing.unsubscribe_url)}>")
    if outgoing.unsubscribe_mailto:
        mailto = outgoing.unsubscribe_mailto.removeprefix("mailto:")
        ways.append(f"<mailto:{_token('unsubscribe address', mailto)}>")
    if ways:
        yield "List-Unsubscribe", ",\r\n ".join(ways)
    if outgoing.unsubscribe_url:
        yield "List-Unsubscribe-Post", "List-Unsubscribe=One-Click"


def _clean(what: str, value: str) -> str:
    if CONTROLS.search(value):
        raise MailRefused(f"The {what} {value!r} holds a line break or a control character.")
    return value


def _token(what: str, value: str) -> str:
    """A value that stays in one piece on one line."""
    if not value.isascii() or re.search(r"[\x00-\x20\x7f<>]", value) or len(value) > VALUE_LIMIT:
        raise MailRefused(
            f"The {what} {value[:80]!r} must be plain ASCII without blanks or angle brackets,"
            f" {VALUE_LIMIT} characters at most."
        )
    return value


def _identifier(value: str) -> str:
    if not MESSAGE_ID.fullmatch(value) or len(value) > VALUE_LIMIT:
        raise MailRefused(f"{value[:80]!r} is no Message-ID; it looks like <id@example.com>.")
    return value


def _web_address(url: str) -> str:
    """An address for one-click unsubscribe: https, or anything on this very machine."""
    parts = urlsplit(_token("unsubscribe address", url))
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        return url
    raise MailRefused(f"One-click unsubscribe needs an https address (RFC 8058), not {url[:80]!r}.")


@lru_cache(maxsize=100)
def is_loopback(host: str) -> bool:
    """Whether the host is this very machine, told without asking any name server."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _mailbox(name: str, address: str) -> str:
    if not name:
        return address
    if not name.isascii() or "=?" in name or len(name) > 200:  # noqa: PLR2004
        name = _encoded(name)
    elif not ATOMS.fullmatch(name):
        escaped = re.sub(r'(["\\])', r"\\\1", name)
        name = f'"{escaped}"'
    return f"{name}\r\n <{address}>" if len(name) + len(address) > 66 else f"{name} <{address}>"  # noqa: PLR2004


def _unstructured(value: str) -> str:
    if value.isascii() and "=?" not in value and len(value) <= VALUE_LIMIT:
        return value
    return _encoded(value)


def _encoded(value: str) -> str:
    """The text as encoded words of whole characters, one on a line (RFC 2047, 2 and 5)."""
    words = [value.encode()]
    while len(words[-1]) > WORD:
        end = WORD
        while words[-1][end] & 0xC0 == 0x80:  # in the middle of a character  # noqa: PLR2004
            end -= 1
        words[-1:] = words[-1][:end], words[-1][end:]
    return "\r\n ".join(f"=?utf-8?b?{b64encode(word).decode()}?=" for word in words)


def _part(subtype: str, content: str, boundary: str) -> bytes:
    # The last line end belongs to the boundary; it also tells b2a_qp which kind to use.
    lines = content.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n") + "\r\n"
    body = binascii.b2a_qp(lines.encode())
    head = (
        f"--{boundary}\r\n"
        f'Content-Type: text/{subtype}; charset="utf-8"\r\n'
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    )
    return head.encode("ascii") + body
