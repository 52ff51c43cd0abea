"""Asking the domains of all addresses whether they take mail, page by page.

Each page of positions is one transaction that moves the checkpoint along, so that whoever goes on
after a killed worker ends in the same state. Nothing is asked while a transaction is open.
"""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction
from dns.resolver import Resolver

from crm.choices import DomainState, EmailStatus
from crm.models import MailDomain, Position
from crm.verifying import Finding, ask_all, fresh, make_resolver
from iam.services import record
from outreach.models import AddressCheck
from prospectflow.queue import defer
from prospectflow.tenancy.context import tenant

if TYPE_CHECKING:
    from iam.models import User

PAGE = 2_000  # positions
SOURCE = "mx"
TASK = "outreach.verify_addresses"
FIRST = UUID(int=0)
REPORTED = (
    *("syntax", *DomainState.values, "role", "free", "disposable", "catch_all"),
    *("domains_asked", "made_invalid", "given_back"),
)
CATCH_ALL = {EmailStatus.CATCH_ALL, EmailStatus.CATCH_ALL_LIKELY}
# What a person said stands, and “do not contact” says more than “invalid”.
MAKE_INVALID = """
UPDATE crm.positions SET email_status = 'invalid', provenance = provenance || jsonb_build_object(
    'email_status',
    jsonb_build_object('source', %(source)s, 'at', %(at)s, 'before', email_status))
WHERE id > %(after)s AND id <= %(last)s AND split_part(email, '@', -1) = ANY(%(domains)s)
    AND email_status NOT IN ('invalid', 'do_not_contact')
    AND provenance #>> '{email_status,source}' IS DISTINCT FROM 'hand'
"""
GIVE_BACK = """
UPDATE crm.positions SET email_status = provenance #>> '{email_status,before}',
    provenance = provenance || jsonb_build_object(
        'email_status', jsonb_build_object('source', %(source)s, 'at', %(at)s))
WHERE id > %(after)s AND id <= %(last)s AND split_part(email, '@', -1) = ANY(%(domains)s)
    AND email_status = 'invalid' AND provenance #>> '{email_status,source}' = %(source)s
    AND provenance #>> '{email_status,before}' IS NOT NULL
"""


class Address(NamedTuple):
    """What a check reads of a position."""

    id: UUID
    email: str
    status: str
    is_role: bool
    is_free: bool
    is_disposable: bool

    @property
    def domain(self) -> str:
        return self.email.rpartition("@")[2]


@dataclass(frozen=True)
class Page:
    """Some positions in the order of their ids, and what is known of their domains already."""

    after: UUID | None
    addresses: list[Address]
    known: dict[str, str]

    @property
    def unasked(self) -> list[str]:
        return sorted({each.domain for each in self.addresses} - self.known.keys())

    @property
    def last(self) -> UUID:
        return self.addresses[-1].id


@transaction.atomic
def start_check(*, at: datetime, user: "User | None" = None) -> AddressCheck:
    """Begin to check all addresses; where an earlier check has not finished, that one goes on."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtext('address_checks'),"
            " hashtext(iam.current_organisation_id()::text))"
        )
    unfinished = AddressCheck.objects.filter(finished_at=None).order_by("-asked_at", "id").first()
    nothing = dict.fromkeys(REPORTED, 0)
    return unfinished or AddressCheck.objects.create(asked_by=user, asked_at=at, report=nothing)


@transaction.atomic
def ask_for_check(*, at: datetime, user: "User | None" = None) -> AddressCheck:
    """Have a worker check all addresses, or go on with the check that has not finished."""
    check = start_check(at=at, user=user)
    defer(TASK, organisation_id=check.organisation_id, check_id=check.pk)
    return check


def run_check(
    organisation_id: UUID,
    check_id: UUID,
    *,
    clock: Callable[[], datetime],
    stopping: Callable[[], bool] = lambda: False,
    resolver: Resolver | None = None,
) -> bool:
    """Go on with a check where it stands; returns whether it has finished.

    Once `stopping` says so, what was learnt is kept, and the page is left to whoever goes on.
    Call it outside of a scope.
    """
    resolver = resolver or make_resolver()
    while not stopping():
        page = _next_page(organisation_id, check_id, now=clock())
        if page is None:
            return True
        found = ask_all(page.unasked, resolver, stopping=stopping)
        _settle(organisation_id, check_id, page, found, at=clock())
    return False


def _next_page(organisation_id: UUID, check_id: UUID, *, now: datetime) -> Page | None:
    """The positions behind the checkpoint; after the last of them the check has finished."""
    with tenant(organisation_id):
        check = AddressCheck.objects.get(pk=check_id)
        if check.finished_at is not None:
            return None
        addresses = _addresses(check.last_position)
        if not addresses:
            _finish(check_id, at=now)
            return None
        domains = MailDomain.objects.filter(fresh(now), domain__in={a.domain for a in addresses})
        known = dict(domains.values_list("domain", "state"))
        return Page(check.last_position, addresses, known)


def _addresses(after: UUID | None) -> list[Address]:
    rows = Position.objects.filter(id__gt=after or FIRST, email__gt="").order_by("id")
    flags = ("email_is_role", "email_is_free", "email_is_disposable")
    return [Address(*row) for row in rows.values_list("id", "email", "email_status", *flags)[:PAGE]]


def _finish(check_id: UUID, *, at: datetime) -> None:
    """Say when the check ended, once, and write it down."""
    check = _locked(check_id)
    if check.finished_at is not None:
        return
    check.finished_at = at
    check.save(update_fields=["finished_at"])
    text = f"{check.report['syntax']} addresses, {check.report['made_invalid']} made invalid"
    record("checked", at=at, user=check.asked_by, target=check, text=text)


def _settle(
    organisation_id: UUID, check_id: UUID, page: Page, found: dict[str, Finding], *, at: datetime
) -> None:
    """Keep what was learnt; once all of the page is, let it tell on its positions and go on."""
    with tenant(organisation_id):
        check = _locked(check_id)
        _remember(found, at)
        states = page.known | {domain: finding.state for domain, finding in found.items()}
        if check.last_position != page.after or not states.keys() >= set(page.unasked):
            return  # another worker was faster, or this one is to stop
        counts = _levels(page, states)
        counts["domains_asked"] = len(found)
        counts["made_invalid"] = _tell(MAKE_INVALID, page, _those(states, "refuses"), at)
        counts["given_back"] = _tell(GIVE_BACK, page, _those(states, "accepts"), at)
        check.report = {name: count + counts[name] for name, count in check.report.items()}
        check.last_position = page.last
        check.save(update_fields=["report", "last_position"])


def _remember(found: dict[str, Finding], at: datetime) -> None:
    MailDomain.objects.bulk_create(
        [
            MailDomain(domain=domain, state=state, evidence=evidence, checked_at=at)
            for domain, (state, evidence) in sorted(found.items())
        ],
        update_conflicts=True,
        unique_fields=["organisation", "domain"],
        update_fields=["state", "evidence", "checked_at"],
    )


def _levels(page: Page, states: dict[str, str]) -> Counter[str]:
    """How many addresses of the page reach each level; one may count in several."""
    counts = Counter[str](syntax=len(page.addresses))
    for each in page.addresses:
        counts[states[each.domain]] += 1
        counts["role"] += each.is_role
        counts["free"] += each.is_free
        counts["disposable"] += each.is_disposable
        counts["catch_all"] += each.status in CATCH_ALL
    return counts


def _those(states: dict[str, str], state: str) -> list[str]:
    return [domain for domain, said in states.items() if said == state]


def _tell(statement: str, page: Page, domains: Collection[str], at: datetime) -> int:
    """Let what these domains said tell on their positions; returns on how many."""
    given: dict[str, Any] = {"source": SOURCE, "at": at.isoformat(), "domains": list(domains)}
    given |= {"after": page.after or FIRST, "last": page.last}
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return cursor.rowcount


def _locked(check_id: UUID) -> AddressCheck:
    return AddressCheck.objects.select_for_update(no_key=True).get(pk=check_id)
