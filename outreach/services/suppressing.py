"""Addresses and domains the organisation must not write to."""

import hmac
from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db.models import Q

from outreach.models import Suppression


def suppress_address(address: str, *, reason: str, source: str, at: datetime) -> None:
    """Never write to this address again; the first reason stands, a second time changes nothing."""
    Suppression.objects.bulk_create(
        [Suppression(address_hash=_hashes(address)[0], reason=reason, source=source, at=at)],
        ignore_conflicts=True,
    )


def suppress_domain(domain: str, *, reason: str, source: str, at: datetime) -> None:
    """Never write to anyone at this domain again."""
    Suppression.objects.bulk_create(
        [Suppression(domain=domain.strip().lower(), reason=reason, source=source, at=at)],
        ignore_conflicts=True,
    )


def suppression_of(address: str) -> Suppression | None:
    """Why this address must not be written to, or nothing."""
    return Suppression.objects.filter(_covering(address)).order_by("at").first()


def suppressed_among(addresses: Sequence[str]) -> set[str]:
    """Those of the addresses that must not be written to; two queries however many there are."""
    owners = {value: address for address in addresses for value in _hashes(address)}
    domains = {_domain(address) for address in addresses}
    hashed = set(
        Suppression.objects.filter(address_hash__in=owners).values_list("address_hash", flat=True)
    )
    barred = set(Suppression.objects.filter(domain__in=domains).values_list("domain", flat=True))
    return {owners[value] for value in hashed if value} | {
        a for a in addresses if _domain(a) in barred
    }


def _covering(address: str) -> Q:
    return Q(address_hash__in=_hashes(address)) | Q(domain=_domain(address))


def _hashes(address: str) -> list[str]:
    """The address under each key, the newest first: a list outlives the key it was begun with."""
    normal = address.strip().lower().encode()
    return [_hash(key, normal) for key in settings.TOKEN_KEYS]


def _hash(key: str, normal: bytes) -> str:
    return hmac.digest(key.encode(), b"suppression" + normal, "sha256").hex()


def _domain(address: str) -> str:
    return address.rpartition("@")[2].strip().lower()
