"""What must not stand in the log, nor leave for an error tracker."""

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "[hidden]"
ENDINGS = ("password", "token", "authorization", "cookie", "apikey", "secret", "creditcard")
WHOLE = frozenset({"ssn", "cookies"})
WORDS = r"password|token|authorization|cookie|api[_-]?key|secret|credit[_-]?card"
IN_TEXT = [
    (re.compile(r"\b(bearer|basic) +[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), HIDDEN),  # a JSON Web Token
    (re.compile(r"(://[^\s/:@]*):[^\s/@]+@"), rf"\1:{HIDDEN}@"),  # a password within a URL
    (re.compile(rf"\b([\w-]*(?:{WORDS}))=[^\s&,;]+", re.IGNORECASE), rf"\1={HIDDEN}"),
    (
        re.compile(rf"([\"'][\w-]*(?:{WORDS})[\"']: *)([\"']).*?\2", re.IGNORECASE),
        rf"\1\2{HIDDEN}\2",
    ),
    (re.compile(r"\b((?:set-)?cookie|authorization): .*", re.IGNORECASE), rf"\1: {HIDDEN}"),
]
# Links in mails bear a token, which says who was written to and lets one act as them.
LINKS = re.compile(r"/(u|t)/[\w.~=-]{12,}")


def is_hidden(key: str) -> bool:
    """Whether what stands under this name is a secret, however the name is written."""
    plain = re.sub(r"[^a-z]", "", key.lower())
    return plain in WHOLE or plain.endswith(ENDINGS)


def hidden(value: Any) -> Any:
    """The value without its secrets, however deep they lie."""
    if isinstance(value, str):
        return hidden_text(value)
    if isinstance(value, Mapping):
        return {
            key: HIDDEN if isinstance(key, str) and is_hidden(key) else hidden(inner)
            for key, inner in value.items()
        }
    return [hidden(each) for each in value] if isinstance(value, list | tuple) else value


def hidden_text(text: str) -> str:
    """The text without passwords, tokens and cookies that are recognisable as such."""
    for pattern, instead in IN_TEXT:
        text = pattern.sub(instead, text)
    return LINKS.sub(rf"/\1/{HIDDEN}", text)
