"""Which servers may send for a domain (RFC 7208)."""

import re
from dataclasses import dataclass, field

from outreach.domain_records.asking import SILENCE, Asker, Finding, Unanswered

MOST_LOOKUPS, MOST_VOID = 10, 2  # 4.6.4
TERM = re.compile(r"([+\-~?]?)([a-z][a-z0-9_.-]*)(?:[:=]([^/]*))?(?:/.*)?", re.IGNORECASE)
LOOKING_UP = {"include", "a", "mx", "ptr", "exists"}
MECHANISMS = LOOKING_UP | {"all", "ip4", "ip6"}


@dataclass
class _Seen:
    """What following the record took."""

    lookups: int = 0
    void: int = 0
    included: set[str] = field(default_factory=set)
    broken: str = ""
    last_word: str = ""


def check_spf(domain: str, asker: Asker, *, include: str = "") -> Finding:
    """Whether receivers can tell who may send for the domain, `include` among them."""
    try:
        return _judged(domain, asker, include)
    except Unanswered:
        return SILENCE


def _judged(domain: str, asker: Asker, include: str) -> Finding:
    records = _records(domain, asker)
    if not records:
        start = f"v=spf1 include:{include} ~all" if include else "v=spf1 … ~all"
        return Finding("fail", f"{domain} has no SPF record: publish a TXT record “{start}”.")
    if len(records) > 1:
        return Finding("fail", f"{domain} has {len(records)} SPF records: make them one.")
    seen = _Seen()
    _follow(domain, records[0], asker, seen)
    return _found(domain, seen, include)


def _found(domain: str, seen: _Seen, include: str) -> Finding:
    if seen.broken:
        return Finding("fail", f"The SPF record cannot be followed: {seen.broken}.")
    if seen.lookups > MOST_LOOKUPS:
        return Finding("fail", f"The SPF record takes more than {MOST_LOOKUPS} lookups.")
    if seen.void > MOST_VOID:
        return Finding("fail", f"More than {MOST_VOID} names in the SPF record are not there.")
    if seen.last_word == "+":
        return Finding("fail", "The SPF record lets everybody send (+all): end it with ~all.")
    if include and include not in seen.included:
        return Finding("warn", f"The SPF record does not name the provider: add include:{include}.")
    if seen.last_word not in ("-", "~"):
        return Finding("warn", "The SPF record forbids nobody: end it with ~all or -all.")
    return Finding("ok", f"One SPF record, {seen.lookups} of {MOST_LOOKUPS} lookups.")


def _records(domain: str, asker: Asker) -> list[str]:
    said = (text.strip() for text in asker.texts(domain))
    return [text for text in said if text.lower() == "v=spf1" or text.lower()[:7] == "v=spf1 "]


def _follow(domain: str, record: str, asker: Asker, seen: _Seen, *, inside: bool = False) -> None:
    """Walk through the record's terms and into those that it includes."""
    redirect = ""
    for term in record.split()[1:]:
        if seen.broken or seen.lookups > MOST_LOOKUPS:
            return
        match = TERM.fullmatch(term)
        if match is None or (match[2].lower() not in MECHANISMS and "=" not in term):
            seen.broken = f"“{term[:60]}” is no term of SPF"
            return
        sign, name, target = match[1] or "+", match[2].lower(), match[3] or domain
        if name == "all":
            seen.last_word = seen.last_word if inside else sign
            return  # nothing behind it counts (5.1)
        if name == "redirect":
            redirect = target
        elif name in LOOKING_UP:
            _look_up(name, target, asker, seen)
    if redirect:
        seen.lookups += 1
        _enter(redirect, asker, seen, inside=inside)


def _look_up(name: str, target: str, asker: Asker, seen: _Seen) -> None:
    seen.lookups += 1
    if seen.lookups > MOST_LOOKUPS or "%" in target:  # a macro stands for what only a mail knows
        return
    if name == "include":
        _enter(target, asker, seen, inside=True)
    elif name in ("a", "exists"):
        seen.void += not (asker.ask(target, "A") or (name == "a" and asker.ask(target, "AAAA")))
    elif name == "mx":
        seen.void += not asker.ask(target, "MX")


def _enter(target: str, asker: Asker, seen: _Seen, *, inside: bool) -> None:
    """Go on in another domain's record; without exactly one the whole is an error (5.2, 6.1)."""
    seen.included.add(target.rstrip(".").lower())
    records = _records(target, asker)
    if len(records) != 1:
        seen.broken = f"{target} has {len(records) or 'no'} SPF record{'s' if records else ''}"
        return
    _follow(target, records[0], asker, seen, inside=inside)
