"""Whether a domain takes mail, so that answers come back (RFC 5321, 5.1; RFC 7505)."""

from dns.name import root

from outreach.domain_records.asking import SILENCE, Asker, Finding, Unanswered


def check_mx(domain: str, asker: Asker) -> Finding:
    """Whether answers to this domain can arrive."""
    try:
        return _found(domain, asker)
    except Unanswered:
        return SILENCE


def _found(domain: str, asker: Asker) -> Finding:
    servers = asker.ask(domain, "MX")
    if servers and all(each.exchange == root for each in servers):
        return Finding("fail", f"{domain} says that it takes no mail (null MX): answers are lost.")
    if servers:
        best = min(servers, key=lambda each: each.preference)
        return Finding("ok", f"Answers go to {best.exchange.to_text(True)}.")
    if asker.ask(domain, "A") or asker.ask(domain, "AAAA"):
        return Finding("warn", f"{domain} has no MX record; answers go to the host itself.")
    return Finding("fail", f"{domain} takes no mail: publish an MX record, or answers are lost.")
