"""Addresses and domains the organisation must not write to."""

import hmac
from collections.abc import Collection
from datetime import datetime
from itertools import pairwise
from operator import attrgetter

from django.conf import settings
from django.db.models import Q

from crm.importing.normalising import ascii_domain
from outreach.models import Suppression
from outreach.services.stop_lines import write_line
from prospectflow.errors import DomainError
from prospectflow.tenancy.among import Words


class SuppressionsUnreadable(DomainError):
    """Addresses were suppressed under a key that TOKEN_KEYS has lost: put it back at its end."""


class NothingToSuppress(DomainError):
    """Write an address such as name@example.com, or a domain such as example.com."""


def address_or_domain(text: str) -> str:
    """What somebody typed, in the form it is compared in; NothingToSuppress for anything else."""
    text = text.strip().lower()
    name, at, domain = text.rpartition("@")
    if text.split() != [text] or "." not in domain or (at and not name):
        raise NothingToSuppress
    try:
        return f"{name}{at}{_wire(domain)}"
    except ValueError as error:
        raise NothingToSuppress from error


def suppress_address(address: str, *, reason: str, source: str, at: datetime) -> None:
    """Never write to this address again; the first reason stands, a second time changes nothing."""
    key, value = settings.TOKEN_KEYS[0], _hashes(address)[0]
    _suppress(
        Suppression(address_hash=value, key_mark=_mark(key), reason=reason, source=source, at=at)
    )


def suppress_domain(domain: str, *, reason: str, source: str, at: datetime) -> None:
    """Never write to anyone at this domain again."""
    _suppress(Suppression(domain=_domain(domain), reason=reason, source=source, at=at))


def _suppress(entry: Suppression) -> None:
    Suppression.objects.bulk_create([entry], ignore_conflicts=True)
    write_line(entry)


def suppression_of(address: str) -> Suppression | None:
    """Why this address must not be written to, or nothing. Raises SuppressionsUnreadable."""
    return suppressions_among([address]).get(address)


def entry_of(what: str) -> Suppression | None:
    """The entry of this very address or domain, if there is one."""
    hashed = Q(address_hash__in=_hashes(what)) if "@" in what else Q(domain=what)
    return Suppression.objects.filter(hashed).order_by("at").first()


def suppressed_among(addresses: Collection[str]) -> set[str]:
    """Those of the addresses that must not be written to, however many, in three queries.

    Raises SuppressionsUnreadable, as `suppression_of` does: better no mail than one too many.
    """
    return set(suppressions_among(addresses))


def suppressions_among(addresses: Collection[str]) -> dict[str, Suppression]:
    """The same, each with the first entry that covers it."""
    _refuse_unreadable()
    owners = {value: address for address in addresses for value in _hashes(address)}
    domains = {_domain(address) for address in addresses}
    barred = Suppression.objects.filter(domain__among=Words(domains))
    of_domain = {entry.domain: entry for entry in barred}
    found = {a: of_domain[_domain(a)] for a in addresses if _domain(a) in of_domain}
    for entry in Suppression.objects.filter(address_hash__among=Words(owners)):
        address = owners[entry.address_hash or ""]
        found[address] = min(found.get(address, entry), entry, key=attrgetter("at"))
    return found


def marks_of(address: str) -> tuple[list[str], str]:
    """What suppressions know an address by: its hashes under each key, and its domain."""
    return _hashes(address), _domain(address)


def _refuse_unreadable() -> None:
    if Suppression.objects.filter(_under_other_keys()).exists():
        raise SuppressionsUnreadable


def _under_other_keys() -> Q:
    """Marks between those of our keys: ranges, which an index finds empty at once."""
    known = sorted(_mark(key) for key in settings.TOKEN_KEYS)
    others = Q(key_mark__lt=known[0]) | Q(key_mark__gt=known[-1])
    for lower, higher in pairwise(known):
        others |= Q(key_mark__gt=lower, key_mark__lt=higher)
    return others


def _mark(key: str) -> str:
    """Tells one key from another, and nothing of either."""
    return hmac.digest(key.encode(), b"mark", "sha256").hex()[:8]


def _hashes(address: str) -> list[str]:
    """The address under each key, the newest first: a list outlives the key it was begun with."""
    normal = _normal(address).encode()
    return [_hash(key, normal) for key in settings.TOKEN_KEYS]


def _hash(key: str, normal: bytes) -> str:
    return hmac.digest(key.encode(), b"suppression" + normal, "sha256").hex()


def _domain(address: str) -> str:
    return _normal(address).rpartition("@")[2]


def _normal(address: str) -> str:
    """The address, or the domain, as prospects' are stored; what can be none as it is written."""
    text = address.strip().lower()
    if text.isascii():
        return text
    name, at, domain = text.rpartition("@")
    try:
        return f"{name}{at}{_wire(domain)}"
    except ValueError:
        return text


def _wire(domain: str) -> str:
    """The domain in ASCII; ValueError where an international one is none."""
    return domain if domain.isascii() else ascii_domain(domain)
