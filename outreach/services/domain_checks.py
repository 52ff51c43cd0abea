"""Whether the domain that a mailbox sends for is fit for it, as far as the DNS says."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q

from crm.verifying import make_resolver
from outreach.domain_records import (
    RESERVED,
    Asker,
    Finding,
    check_dkim,
    check_dmarc,
    check_mx,
    check_spf,
    is_reserved,
)
from outreach.models import Mailbox
from outreach.presets import preset_of
from outreach.services.mailbox_secrets import (
    PUBLISHED_FIELDS,
    differ,
    dkim_record,
    domain_of,
    signs,
)
from prospectflow.errors import DomainError
from prospectflow.tenancy.context import tenant

TOGETHER = 7.0  # seconds for all questions; a worker that is told to stop has ten
FRESH_FOR = timedelta(days=1)
NAMES = {"spf": "SPF", "dkim": "DKIM", "dmarc": "DMARC", "mx": "MX"}

type Report = dict[str, dict[str, str]]


def check_domain(organisation_id: UUID, mailbox_id: UUID, *, now: datetime) -> Report:
    """Ask the DNS and keep the report, unless the mailbox was changed meanwhile.

    What does not answer is unknown, and never a failure: a key of ours that was seen goes on
    signing. So is a name reserved for examples: nothing is asked. Empty where there is no such
    mailbox.
    Call it outside of a scope: it speaks to the network.
    """
    with tenant(organisation_id):
        mailbox = Mailbox.objects.filter(pk=mailbox_id).first()
    if mailbox is None:
        return {}
    report = _asked(mailbox)
    with tenant(organisation_id):
        stored = Mailbox.objects.select_for_update().filter(pk=mailbox_id).first()
        if stored is not None and not differ(
            stored, mailbox, PUBLISHED_FIELDS | {"sealed_dkim_key"}
        ):
            if report["dkim"]["state"] == "unknown" and signs(stored):
                report["dkim"] = stored.domain_report["dkim"]
            stored.domain_report, stored.domain_checked_at = report, now
            stored.save(update_fields=["domain_report", "domain_checked_at"])
    return report


def mailboxes_to_check(*, now: datetime) -> list[UUID]:
    """Those whose domain was not looked at for a day."""
    stale = Q(domain_checked_at=None) | ~Q(domain_checked_at__range=(now - FRESH_FOR, now))
    return list(Mailbox.objects.filter(stale).order_by("id").values_list("pk", flat=True))


def failures_of(mailbox: Mailbox) -> list[str]:
    """What the last check found to be wrong, a sentence each; what is unknown is not wrong."""
    report = mailbox.domain_report
    return [
        f"{name}: {report[kind]['sentence']}"
        for kind, name in NAMES.items()
        if report.get(kind, {}).get("state") == "fail"
    ]


def _asked(mailbox: Mailbox) -> Report:
    domain, preset = domain_of(mailbox), preset_of(mailbox.provider)
    if is_reserved(domain):
        return {kind: _told(RESERVED) for kind in NAMES}
    asker = Asker(make_resolver(), seconds=TOGETHER)
    found = {
        "mx": check_mx(domain, asker),
        "spf": check_spf(domain, asker, include=preset.spf_include if preset else ""),
        "dmarc": check_dmarc(domain, asker),
        "dkim": _dkim(mailbox, asker),
    }
    return {kind: _told(found[kind]) for kind in NAMES}


def _dkim(mailbox: Mailbox, asker: Asker) -> Finding:
    """The selector that was named; else the provider's usual one, whose absence proves nothing."""
    domain = mailbox.dkim_domain or domain_of(mailbox)
    if mailbox.dkim_selector:
        return check_dkim(domain, mailbox.dkim_selector, asker, ours=_ours(mailbox))
    preset = preset_of(mailbox.provider)
    usual = check_dkim(domain, preset.dkim_selector if preset else "", asker)
    return check_dkim(domain, "", asker) if usual.state == "fail" else usual


def _ours(mailbox: Mailbox) -> str:
    try:
        record = dkim_record(mailbox)
    except DomainError:  # no key opens it; the connection test says so
        return ""
    return record.value if record else ""


def _told(finding: Finding) -> dict[str, Any]:
    return finding._asdict()
