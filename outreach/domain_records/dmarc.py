"""What a domain asks of receivers where neither SPF nor DKIM speaks for a mail (RFC 9989)."""

from collections.abc import Iterator
from typing import NamedTuple

from outreach.domain_records.asking import SILENCE, Asker, Finding, Unanswered
from outreach.domain_records.dkim import tags

MOST_LABELS = 7  # of a longer name the walk skips the middle, so that it takes eight steps at most
POLICIES = {"none", "quarantine", "reject"}


class _Several(Exception):
    """A name has more than one DMARC record."""


class _Published(NamedTuple):
    domain: str
    said: dict[str, str]


def check_dmarc(domain: str, asker: Asker) -> Finding:
    """Whether a policy stands for the domain, its own or the one of its organisation."""
    try:
        published = _policy(domain.lower(), asker)
    except Unanswered:
        return SILENCE
    except _Several as several:
        return Finding("fail", f"There are several DMARC records at _dmarc.{several}: leave one.")
    if published is None:
        return Finding(
            "warn", f"No DMARC record: publish “v=DMARC1; p=none” as TXT at _dmarc.{domain}."
        )
    return _judged(domain, published)


def _judged(domain: str, published: _Published) -> Finding:
    inherited = published.domain != domain.lower()
    said = published.said
    policy = (said.get("sp") if inherited else None) or said.get("p", "none")
    where = f"_dmarc.{published.domain}"
    if policy.lower() not in POLICIES:
        return Finding("warn", f"The DMARC policy “{policy[:40]}” at {where} counts as none.")
    return Finding("ok", f"DMARC asks for {policy.lower()} at {where}.")


def _policy(domain: str, asker: Asker) -> _Published | None:
    """The domain's own record, else that of its organisational domain (4.10)."""
    found = list(_walk(domain, asker))
    if not found or found[0].domain == domain:
        return found[0] if found else None
    return next((each for each in reversed(found) if each.said.get("psd") != "y"), found[-1])


def _walk(domain: str, asker: Asker) -> Iterator[_Published]:
    """The records from the domain upwards; `psd` says where the organisation ends."""
    for name in _names(domain):
        records = [tags(text) for text in asker.texts(f"_dmarc.{name}") if _is_dmarc(text)]
        if len(records) > 1:
            raise _Several(name)
        if records:
            yield _Published(name, records[0])
            if records[0].get("psd") in ("n", "y"):
                return


def _names(domain: str) -> Iterator[str]:
    labels = domain.split(".")
    yield domain
    for start in range(max(1, len(labels) - MOST_LABELS), len(labels)):
        yield ".".join(labels[start:])


def _is_dmarc(text: str) -> bool:
    return text.split(";")[0].replace(" ", "") == "v=DMARC1"
