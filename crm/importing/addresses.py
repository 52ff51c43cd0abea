"""E-mail addresses: cleaned, checked for syntax, and known for what they are."""

import re

from disposable_email_domains import blocklist
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from crm.importing.normalising import Unusable, cleaned

ROLES = frozenset(
    [
        "contact",
        "info",
        "infos",
        "accueil",
        "bonjour",
        "hello",
        "bureau",
        "standard",
        "secretariat",
        "direction",
        "administration",
        "admin",
        "compta",
        "comptabilite",
        "facturation",
        "commercial",
        "commerciale",
        "vente",
        "ventes",
        "achat",
        "achats",
        "rh",
        "recrutement",
        "emploi",
        "emplois",
        "candidature",
        "candidatures",
        "stage",
        "marketing",
        "communication",
        "presse",
        "support",
        "sav",
        "service-client",
        "service-clients",
        "serviceclient",
        "serviceclients",
        "technique",
        "mairie",
        "boutique",
        "agence",
    ]
)
NEVER_WRITE_TO = frozenset(
    [
        "abuse",
        "postmaster",
        "hostmaster",
        "security",
        "spam",
        "dpo",
        "rgpd",
        "privacy",
        "cnil",
        "noreply",
        "no-reply",
        "nepasrepondre",
        "ne-pas-repondre",
        "mailer-daemon",
        "unsubscribe",
        "desinscription",
    ]
)
FREE_MAIL = frozenset(
    [
        "gmail.com",
        "googlemail.com",
        "msn.com",
        "ymail.com",
        "icloud.com",
        "me.com",
        "mac.com",
        "aol.com",
        "proton.me",
        "protonmail.com",
        "orange.fr",
        "wanadoo.fr",
        "free.fr",
        "sfr.fr",
        "neuf.fr",
        "cegetel.net",
        "club-internet.fr",
        "numericable.fr",
        "noos.fr",
        "laposte.net",
        "bbox.fr",
        "aliceadsl.fr",
        "voila.fr",
    ]
)
FREE_MAIL_BRANDS = frozenset(["hotmail", "outlook", "live", "yahoo", "gmx", "aol"])
TOP_LEVEL = re.compile(r"[a-z]{2,3}(\.[a-z]{2})?")
# What nearly every address looks like. No domain here is long enough for a label to be too long,
# none holds the two hyphens of punycode.
PLAIN_ADDRESS = re.compile(
    r"([a-z0-9_+-]++(?:\.[a-z0-9_+-]++)*+)"
    r"@(?=.{1,63}$)(?:[a-z0-9]++(?:-[a-z0-9]++)*+\.)++([a-z]{2,63})"
)
LOCAL_LIMIT = 64  # RFC 5321 4.5.3.1.1
RESERVED = frozenset(name.rpartition(".")[2] for name in SPECIAL_USE_DOMAIN_NAMES)


def address(text: str) -> str | None:
    """The address in lower case, its domain in punycode; None for an empty cell.

    Raises Unusable: `email_invalid`, or `email_not_ascii` for letters that mail servers refuse
    before the @ (RFC 6531 is not spoken everywhere).
    """
    if text.isascii():
        value = text.lower()
        found = PLAIN_ADDRESS.fullmatch(value)
        if found and found[2] not in RESERVED and len(found[1]) <= LOCAL_LIMIT:
            return value
    return validated_address(text)


def validated_address(text: str) -> str | None:
    """What `address` promises, by the library alone."""
    value = _bare(text)
    if not value:
        return None
    local, at, _domain = value.rpartition("@")
    if at and not local.isascii():
        raise Unusable("email_not_ascii")
    try:
        checked = validate_email(
            value,
            allow_smtputf8=False,
            allow_quoted_local=False,
            strict=True,
            check_deliverability=False,
        )
    except EmailNotValidError as error:
        raise Unusable("email_invalid") from error
    return checked.ascii_email.lower() if checked.ascii_email else None


def _bare(text: str) -> str:
    """The address alone, out of “mailto:…”, “Name <…>” or a trailing dot."""
    value = cleaned(text)
    if found := re.fullmatch(r"[^<>]*<([^<>]+)>", value):
        value = found[1].strip()
    value = re.sub(r"^mailto:", "", value, flags=re.IGNORECASE)
    return value.strip().rstrip(".;,")


def is_role(email: str) -> bool:
    """Whether a function reads this mailbox, not a person."""
    return email.partition("@")[0] in ROLES


def is_never_written_to(email: str) -> bool:
    """Whether the mailbox exists for complaints or for machines."""
    return email.partition("@")[0] in NEVER_WRITE_TO


def is_free_mail(email: str) -> bool:
    """Whether the domain belongs to a mail provider and says nothing about the company."""
    return is_free_domain(email.rpartition("@")[2])


def is_free_domain(domain: str) -> bool:
    """Whether a mail provider lends its customers addresses of this domain."""
    brand, _, rest = domain.partition(".")
    return domain in FREE_MAIL or (
        brand in FREE_MAIL_BRANDS and TOP_LEVEL.fullmatch(rest) is not None
    )


def is_disposable_domain(domain: str) -> bool:
    """Whether addresses of this domain, or of one above it, live for minutes only."""
    while domain:
        if domain in blocklist:
            return True
        domain = domain.partition(".")[2]
    return False


def company_domain(email: str) -> str | None:
    """The company's domain, where the address has one of its own."""
    domain = email.rpartition("@")[2]
    return None if is_free_domain(domain) else domain
