"""Reading mail that may be broken: every function here answers something, whatever the bytes."""

import base64
import binascii
from collections.abc import Callable, Iterator
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses

LONGEST_TEXT = 100_000
"""Characters of a part that are looked at; people and mail servers say it sooner."""

DEEPEST = 30
"""Levels of parts within parts that are followed."""


def header(message: Message, name: str) -> str:
    """Return the first header of this name, decoded and unfolded, or an empty string."""
    return next(headers(message, name), "")


def headers(message: Message, name: str) -> Iterator[str]:
    """Yield every header of this name, decoded and unfolded."""
    # raw_items: the parsing policy raises on some malformed addresses, the raw value never does.
    for key, value in message.raw_items():
        if key.lower() == name.lower():
            yield _decoded(value)


def addresses(message: Message, *names: str) -> list[str]:
    """Return the addresses in these headers, lower-case, in order, each once."""
    values = [value for name in names for value in headers(message, name)]
    found = (address.strip().lower() for _, address in getaddresses(values, strict=False))
    return list(dict.fromkeys(address for address in found if "@" in address))


def content_type(part: Message) -> str:
    """Return the content type in lower case; text/plain when it cannot be understood."""
    return _quietly(part.get_content_type, "text/plain")


def is_attachment(part: Message) -> bool:
    """Tell whether a part is meant to be saved rather than read."""
    return _quietly(part.get_content_disposition, None) == "attachment"


def inner_messages(part: Message) -> list[Message]:
    """Return the messages that the parser found directly inside a part, if any."""
    payload = part.get_payload()
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []


def outer_parts(message: Message, *, depth: int = DEEPEST) -> Iterator[Message]:
    """Yield the parts of a message, without entering messages that are attached to it."""
    inner = inner_messages(message)
    if not content_type(message).startswith("multipart/") or not inner or not depth:
        yield message
        return
    for part in inner:
        yield from outer_parts(part, depth=depth - 1)


def text_of(part: Message) -> str:
    """Return the decoded text of a part, guessing the charset where it is wrong or missing."""
    payload = _quietly(lambda: part.get_payload(decode=True), None)
    if not isinstance(payload, bytes):
        return ""
    charset = _quietly(part.get_content_charset, None) or "utf-8"
    return storable(_text(payload, charset)[:LONGEST_TEXT])


def storable(text: str) -> str:
    """Return the text without what a database refuses: NUL and halves of characters."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def plain(text: str) -> str:
    """Return the text with Unix line ends, and with ordinary spaces for the invisible ones."""
    for odd in ("\u00a0", "\u202f", "\u2007"):
        text = text.replace(odd, " ")
    for invisible in ("\u200b", "\ufeff", "\u2060", "\u00ad"):
        text = text.replace(invisible, "")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def base64_text(text: str) -> str:
    """Return what base64 text says, or an empty string when it is none."""
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""


def _decoded(value: object) -> str:
    text = _text(str(value).encode("utf-8", "surrogateescape"), "utf-8")
    decoded = _quietly(lambda: str(make_header(decode_header(text))), text)
    return " ".join(plain(storable(decoded)).split())


def _text(payload: bytes, charset: str) -> str:
    errors = "strict" if len(payload) <= LONGEST_TEXT * 4 else "replace"
    payload = payload[: LONGEST_TEXT * 4]
    for name in (charset, "utf-8", "cp1252"):
        try:
            return payload.decode(name, errors)
        except (LookupError, ValueError):
            continue
    return payload.decode("latin-1")


def _quietly[T](read: Callable[[], T], otherwise: T) -> T:
    """Call the standard library, which raises all kinds of errors on malformed mail."""
    try:
        return read()
    except Exception:  # AttributeError, IndexError, LookupError, ValueError: all were seen
        return otherwise
