"""Whether a domain takes mail, as far as DNS says (RFC 5321 5.1, RFC 7505).

No mail server is asked. What cannot be found out is unknown and speaks against nobody.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models import (
    Case,
    CharField,
    Expression,
    F,
    Func,
    OuterRef,
    Q,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from dns.exception import DNSException
from dns.name import IDNA_2008_UTS_46, Name, from_text, root
from dns.nameserver import Do53Nameserver
from dns.resolver import NXDOMAIN, LifetimeTimeout, NoAnswer, NoResolverConfiguration, Resolver

from crm.choices import DomainState
from crm.models import MailDomain, Position

AT_ONCE = 16  # questions that wait for their answers at the same time
STEP_SECONDS = 2.0  # until the same question is asked again
SHOWN = 3  # servers that the evidence names
KEPT = {
    DomainState.ACCEPTS: timedelta(days=30),
    DomainState.REFUSES: timedelta(days=30),
    DomainState.UNKNOWN: timedelta(hours=1),
}

LEVELS = {  # how far an address was verified, as people read it
    "syntax": "can be an address",
    "domain": "its domain takes mail",
    "refused": "its domain takes none",
    "unknown": "its domain did not say",
}


class Finding(NamedTuple):
    """What was learnt of a domain, and by what."""

    state: DomainState
    evidence: str


NO_NAME = Finding(DomainState.REFUSES, "no name that a domain can have")
NO_DOMAIN = Finding(DomainState.REFUSES, "no such domain")
NULL_MX = Finding(DomainState.REFUSES, "takes no mail (null MX, RFC 7505)")
NO_SERVER = Finding(DomainState.REFUSES, "neither a mail server nor an address")
TOO_SLOW = Finding(DomainState.UNKNOWN, "no answer in time")
NO_ANSWER = Finding(DomainState.UNKNOWN, "the nameservers did not say")


def make_resolver() -> Resolver:
    """Asks the nameservers of the settings, else the system's; where there are none, nobody."""
    resolver = Resolver(configure=False)
    if given := settings.VERIFICATION_NAMESERVERS:
        resolver.nameservers = [Do53Nameserver(address, port) for address, port in given]
    else:
        with suppress(NoResolverConfiguration, ValueError):
            resolver = Resolver()
    resolver.lifetime = float(settings.VERIFICATION_DNS_SECONDS)
    resolver.timeout = min(STEP_SECONDS, resolver.lifetime)
    return resolver


def ask(domain: str, resolver: Resolver) -> Finding:
    """Whether the domain takes mail; takes `resolver.lifetime` seconds at most, raises nothing."""
    try:
        name = from_text(domain, idna_codec=IDNA_2008_UTS_46)
    except (DNSException, UnicodeError):
        return NO_NAME
    if name == root:
        return NO_NAME
    try:
        return _asked(name, resolver)
    except NXDOMAIN:
        return NO_DOMAIN
    except LifetimeTimeout:
        return TOO_SLOW
    except (DNSException, OSError):
        return NO_ANSWER


def ask_all(
    domains: Iterable[str], resolver: Resolver, *, stopping: Callable[[], bool] = lambda: False
) -> dict[str, Finding]:
    """What each domain says, a few asked at a time; once `stopping` says so, what is known so far.

    Call it outside of a scope: it speaks to the network.
    """
    found = {}
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="verifying") as pool:
        asked = {pool.submit(ask, domain, resolver): domain for domain in domains}
        for answered in as_completed(asked):
            found[asked[answered]] = answered.result()
            if stopping():
                pool.shutdown(cancel_futures=True)
                break
    return found


def fresh(now: datetime) -> Q:
    """The domains that need not be asked again yet."""
    return Q.create(
        [Q(state=state, checked_at__gt=now - kept) for state, kept in KEPT.items()], connector=Q.OR
    )


def domain_of(email: str | Expression | F | OuterRef) -> Func:
    """What stands behind the @ of an address, in the database."""
    return Func(email, Value("@"), Value(-1), function="split_part", output_field=CharField())


def verification() -> Case:
    """How far a position's address was verified, to be annotated.

    `syntax`: it can be an address; `domain`: its domain takes mail; `refused`: it takes none;
    `unknown`: the domain did not say; empty where there is no address.
    """
    said = {
        DomainState.ACCEPTS: "domain",
        DomainState.REFUSES: "refused",
        DomainState.UNKNOWN: "unknown",
    }
    level = Case(*(When(state=state, then=Value(word)) for state, word in said.items()))
    domains = MailDomain.objects.filter(domain=domain_of(OuterRef("email")))
    known = Subquery(domains.values(level=level), output_field=CharField())
    return Case(
        When(email__gt="", then=Coalesce(known, Value("syntax"))),
        default=Value(""),
        output_field=CharField(),
    )


def level_of(position_id: UUID) -> str:
    """How far this position's address was verified, as `verification` says it."""
    found = Position.objects.filter(pk=position_id).annotate(level=verification())
    return str(found.values_list("level", flat=True).get())


def _asked(name: Name, resolver: Resolver) -> Finding:
    end = monotonic() + resolver.lifetime
    if servers := _records(name, "MX", resolver, end):
        return _mail_servers(servers)
    for kind in ("A", "AAAA"):  # without MX the domain's own address takes its mail
        if addresses := _records(name, kind, resolver, end):
            return Finding(DomainState.ACCEPTS, f"no MX, {kind} {addresses[0]}")
    return NO_SERVER


def _records(name: Name, kind: str, resolver: Resolver, end: float) -> Sequence[Any]:
    """The domain's records of this kind, aliases followed; none where it has others only."""
    try:
        return list(resolver.resolve(name, kind, lifetime=max(end - monotonic(), 0.0)))
    except NoAnswer:
        return []


def _mail_servers(servers: Sequence[Any]) -> Finding:
    real = sorted((each.preference, each.exchange) for each in servers if each.exchange != root)
    if not real:
        return NULL_MX
    names = ", ".join(f"{preference} {host.to_text(True)}" for preference, host in real[:SHOWN])
    return Finding(DomainState.ACCEPTS, f"MX {names}")
