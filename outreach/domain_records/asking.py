"""Questions to the DNS, all of them within one time; what does not answer is not known."""

from collections.abc import Sequence
from time import monotonic
from typing import Any, Literal, NamedTuple

from dns.exception import DNSException
from dns.name import IDNA_2008_UTS_46, from_text
from dns.resolver import NXDOMAIN, NoAnswer, Resolver

type State = Literal["ok", "warn", "fail", "unknown"]


class Finding(NamedTuple):
    """What was found, in one sentence."""

    state: State
    sentence: str


class Unanswered(Exception):
    """The nameservers did not say in time."""


SILENCE = Finding("unknown", "The nameservers did not answer in time: check again later.")


class Asker:
    """Asks each question once, until its seconds have passed."""

    def __init__(self, resolver: Resolver, *, seconds: float) -> None:
        self._resolver = resolver
        self._end = monotonic() + seconds
        self._known: dict[tuple[str, str], Sequence[Any]] = {}

    def texts(self, name: str) -> list[str]:
        """The TXT records of a name, the pieces of each joined (RFC 7208, 3.3)."""
        return [
            b"".join(record.strings).decode("utf-8", "replace") for record in self.ask(name, "TXT")
        ]

    def ask(self, name: str, kind: str) -> Sequence[Any]:
        """The records of this kind; none for a name that is not there. Raises Unanswered."""
        question = name.rstrip(".").lower(), kind
        if question not in self._known:
            self._known[question] = self._asked(*question)
        return self._known[question]

    def _asked(self, name: str, kind: str) -> Sequence[Any]:
        seconds = min(self._resolver.lifetime, self._end - monotonic())
        try:
            asked = from_text(name, idna_codec=IDNA_2008_UTS_46)
        except (DNSException, UnicodeError):
            return []
        try:
            return list(self._resolver.resolve(asked, kind, lifetime=max(seconds, 0.0)))
        except (NXDOMAIN, NoAnswer):
            return []
        except (DNSException, OSError) as error:
            raise Unanswered from error
