"""What a mailbox keeps sealed: it goes in, is used here, and is never shown again."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from outreach.credentials import seal, unseal
from outreach.mail.signing import Signature, checked_key, make_key, public_record, signature
from outreach.models import Mailbox
from outreach.services.signing_in import oauth_secrets, seal_oauth
from outreach.states import SignIn

SERVER_FIELDS = frozenset(
    {"username", "smtp_host", "smtp_port", "smtp_security"}
    | {"imap_host", "imap_port", "imap_security"}
)
TOKEN_FIELDS = frozenset({"oauth_token_url", "oauth_client_id"})
PUBLISHED_FIELDS = frozenset({"address", "provider", "dkim_domain", "dkim_selector"})


@dataclass(frozen=True)
class Entered:
    """Secrets as somebody typed them; a blank one leaves the one there is."""

    password: str = field(default="", repr=False)
    oauth_client_secret: str = field(default="", repr=False)
    oauth_refresh_token: str = field(default="", repr=False)
    dkim_key: str = field(default="", repr=False)


class Record(NamedTuple):
    """A TXT record to publish."""

    name: str
    value: str


def differ(before: Mailbox | None, mailbox: Mailbox, names: frozenset[str]) -> bool:
    """Whether the row, as it is stored, has another value of any of these."""
    return before is not None and any(getattr(before, n) != getattr(mailbox, n) for n in names)


def keep(mailbox: Mailbox, entered: Entered, *, before: Mailbox | None) -> None:
    """Seal what was entered and forget what no longer serves; in memory, until the caller saves."""
    if entered.password:
        set_password(mailbox, entered.password)
    _keep_oauth(mailbox, entered, before)
    # What the mailbox does not sign in by would only wait to be stolen.
    if mailbox.sign_in == SignIn.OAUTH:
        mailbox.sealed_password = ""
    else:
        mailbox.sealed_oauth = ""
    if entered.dkim_key:
        mailbox.sealed_dkim_key = seal(checked_key(entered.dkim_key))
    if entered.dkim_key or differ(before, mailbox, PUBLISHED_FIELDS):
        _forget_check(mailbox)


def set_password(mailbox: Mailbox, password: str) -> None:
    """Keep the password, sealed; in memory only until the caller saves."""
    mailbox.sealed_password = seal(password)


def renew_dkim_key(mailbox: Mailbox, *, at: datetime) -> Record:
    """Another key under another selector; mails bear it once a check finds its record."""
    mailbox.dkim_domain = mailbox.dkim_domain or domain_of(mailbox)
    mailbox.dkim_selector = f"pf{at:%Y%m%d}"
    pem = make_key()
    mailbox.sealed_dkim_key = seal(pem)
    _forget_check(mailbox)
    mailbox.save(
        update_fields=["dkim_domain", "dkim_selector", "sealed_dkim_key"]
        + ["domain_report", "domain_checked_at"]
    )
    return _record(mailbox, pem)


def dkim_record(mailbox: Mailbox) -> Record | None:
    """What the domain has to publish for the mailbox's own key; nothing where it has none."""
    if not mailbox.sealed_dkim_key:
        return None
    return _record(mailbox, unseal(mailbox.sealed_dkim_key))


def signs(mailbox: Mailbox) -> bool:
    """Whether mails are signed here: not before the domain was seen to publish the key."""
    found = mailbox.domain_report.get("dkim", {}).get("state")
    return bool(mailbox.sealed_dkim_key and mailbox.dkim_selector) and found in ("ok", "warn")


def signature_of(mailbox: Mailbox) -> Signature | None:
    """What puts the mailbox's DKIM signature before a mail; None where its provider signs."""
    if not signs(mailbox):
        return None
    key = unseal(mailbox.sealed_dkim_key)
    return signature(domain=mailbox.dkim_domain, selector=mailbox.dkim_selector, key=key)


def domain_of(mailbox: Mailbox) -> str:
    """What stands behind the @ of the mailbox's address."""
    return mailbox.address.rpartition("@")[2]


def _keep_oauth(mailbox: Mailbox, entered: Entered, before: Mailbox | None) -> None:
    if not (entered.oauth_client_secret or entered.oauth_refresh_token):
        return
    elsewhere = before is None or differ(before, mailbox, TOKEN_FIELDS)
    blank = {"client_secret": "", "refresh_token": ""}
    secrets = blank if elsewhere else oauth_secrets(mailbox)
    typed = {
        "client_secret": entered.oauth_client_secret,
        "refresh_token": entered.oauth_refresh_token,
    }
    secrets |= {name: value for name, value in typed.items() if value}
    mailbox.sealed_oauth = seal_oauth(**secrets)


def _forget_check(mailbox: Mailbox) -> None:
    mailbox.domain_report, mailbox.domain_checked_at = {}, None


def _record(mailbox: Mailbox, pem: str) -> Record:
    name = f"{mailbox.dkim_selector}._domainkey.{mailbox.dkim_domain}"
    return Record(name, public_record(pem))
