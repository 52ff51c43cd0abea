"""What a mailbox's row means to the calendar and to its servers, and what it must not say."""

import re
from collections.abc import Iterator
from ipaddress import ip_address
from itertools import chain
from typing import cast

from django.conf import settings
from django.db import transaction

from outreach.calendar import Schedule, ScheduleRefused
from outreach.inbox.imap import ImapAccount
from outreach.mail.signing import checked_key
from outreach.models import Mailbox
from outreach.oauth import checked_token_url
from outreach.presets import preset_of
from outreach.services.mailbox_secrets import (
    SERVER_FIELDS,
    TOKEN_FIELDS,
    Entered,
    differ,
    domain_of,
)
from outreach.services.mailbox_secrets import (
    set_password as set_password,
)
from outreach.services.mailbox_secrets import (
    signature_of as signature_of,
)
from outreach.services.signing_in import access_token_of, password_of
from outreach.smtp import Security, SmtpAccount
from outreach.states import MailboxStatus, Provider, SignIn
from prospectflow.choices import move
from prospectflow.errors import DomainError

LAST_PORT = 65535
SELECTOR = re.compile(r"[a-z0-9]+(-+[a-z0-9]+)*(\.[a-z0-9]+(-+[a-z0-9]+)*)*", re.IGNORECASE)
TYPE_AGAIN = "Type the {} again: it is not handed to another server or user by itself."


def schedule_of(mailbox: Mailbox) -> Schedule:
    """When this mailbox may send."""
    return Schedule.from_json(
        mailbox.windows,
        time_zone=mailbox.time_zone,
        country=mailbox.country,
        subdivision=mailbox.subdivision,
        blackout=mailbox.blackout_dates,
    )


def smtp_account(mailbox: Mailbox) -> SmtpAccount:
    """Where and as whom this mailbox sends."""
    return SmtpAccount(
        host=mailbox.smtp_host,
        port=mailbox.smtp_port,
        security=cast(Security, mailbox.smtp_security),
        username=mailbox.username,
        password=password_of(mailbox),
        access_token=access_token_of(mailbox),
    )


def imap_account(mailbox: Mailbox) -> ImapAccount:
    """Where and as whom this mailbox is read."""
    return ImapAccount(
        host=mailbox.imap_host,
        port=mailbox.imap_port,
        security=mailbox.imap_security,
        username=mailbox.username,
        password=password_of(mailbox),
        access_token=access_token_of(mailbox),
    )


def fill_in(mailbox: Mailbox, entered: Entered) -> None:
    """Put what the provider is known for where nothing was said; in memory, until it is saved."""
    if preset := preset_of(mailbox.provider):
        for protocol, server in (("smtp", preset.smtp), ("imap", preset.imap)):
            if not getattr(mailbox, f"{protocol}_host"):
                setattr(mailbox, f"{protocol}_host", server.host)
                setattr(mailbox, f"{protocol}_port", server.port)
                setattr(mailbox, f"{protocol}_security", server.security)
        if mailbox.sign_in == SignIn.OAUTH and not mailbox.oauth_token_url:
            mailbox.oauth_token_url = preset.oauth_token_url
    if entered.dkim_key and not mailbox.dkim_domain:
        mailbox.dkim_domain = domain_of(mailbox)


def faults_of(
    mailbox: Mailbox, entered: Entered, *, before: Mailbox | None = None
) -> dict[str, str]:
    """What forbids these settings: field -> sentence. `before` is the row as it is stored.

    A secret that is kept goes only where whoever typed it sent it.
    """
    return dict(
        chain(
            _server_faults(mailbox),
            _schedule_faults(mailbox),
            _provider_faults(mailbox),
            _sign_in_faults(mailbox, entered, before),
            _dkim_faults(mailbox, entered),
        )
    )


def _server_faults(mailbox: Mailbox) -> Iterator[tuple[str, str]]:
    for protocol in ("smtp", "imap"):
        if not 0 < getattr(mailbox, f"{protocol}_port") <= LAST_PORT:
            yield f"{protocol}_port", f"A port is a number from 1 to {LAST_PORT}."
        plain = getattr(mailbox, f"{protocol}_security") == Mailbox.Security.PLAIN
        host = getattr(mailbox, f"{protocol}_host")
        if not host:
            yield f"{protocol}_host", "Name the server, or choose a provider that is known."
        if plain and not (settings.DEBUG and _is_this_machine(host)):
            yield (
                f"{protocol}_security",
                "Choose TLS or STARTTLS: without them the password can be read on its way.",
            )


def _schedule_faults(mailbox: Mailbox) -> Iterator[tuple[str, str]]:
    if mailbox.pace_max_seconds < mailbox.pace_min_seconds:
        yield "pace_max_seconds", "The longest pause must not be shorter than the shortest."
    try:
        schedule_of(mailbox)
    except ScheduleRefused as refusal:
        yield refusal.field, str(refusal)


def _provider_faults(mailbox: Mailbox) -> Iterator[tuple[str, str]]:
    """What goes beyond the provider's own limits."""
    preset = preset_of(mailbox.provider)
    if preset is None:
        return
    name, ceiling = Provider(mailbox.provider).label, preset.daily_ceiling
    if mailbox.daily_limit > ceiling:
        yield "daily_limit", f"{name} lets a mailbox send {ceiling:,} mails a day at most."
    if mailbox.pace_min_seconds < preset.shortest_pause:
        pause = preset.shortest_pause
        yield "pace_min_seconds", f"{name} wants {pause} seconds between two mails at least."


def _sign_in_faults(
    mailbox: Mailbox, entered: Entered, before: Mailbox | None
) -> Iterator[tuple[str, str]]:
    elsewhere = differ(before, mailbox, SERVER_FIELDS)
    if mailbox.sign_in == SignIn.PASSWORD:
        if elsewhere and mailbox.sealed_password and not entered.password:
            yield "password", TYPE_AGAIN.format("password")
        return
    try:
        checked_token_url(mailbox.oauth_token_url)
    except DomainError as refusal:
        yield "oauth_token_url", str(refusal)
    if not mailbox.oauth_client_id:
        yield "oauth_client_id", "Enter the client ID that the provider gave your application."
    if entered.oauth_refresh_token:
        return
    if not mailbox.sealed_oauth:
        yield "oauth_refresh_token", "Enter the refresh token that the provider gave out."
    elif elsewhere or differ(before, mailbox, TOKEN_FIELDS):
        yield "oauth_refresh_token", TYPE_AGAIN.format("refresh token")


def _dkim_faults(mailbox: Mailbox, entered: Entered) -> Iterator[tuple[str, str]]:
    domain, selector = mailbox.dkim_domain, mailbox.dkim_selector
    if selector and not SELECTOR.fullmatch(selector):
        yield "dkim_selector", "A selector has letters, digits, hyphens and dots alone."
    if domain and domain != domain_of(mailbox) and not domain_of(mailbox).endswith(f".{domain}"):
        yield "dkim_domain", "Sign for the domain of the mailbox's address, or one above it."
    if (entered.dkim_key or mailbox.sealed_dkim_key) and not selector:
        yield "dkim_selector", "Name the selector under which the key is published."
    if entered.dkim_key:
        try:
            checked_key(entered.dkim_key)
        except DomainError as refusal:
            yield "dkim_key", str(refusal)


def _is_this_machine(host: str) -> bool:
    """Whether the host is a loopback address, or the name that stands for one (RFC 6761, 6.3)."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


@transaction.atomic
def move_mailbox(mailbox: Mailbox, to: str, *, reason: str = "") -> Mailbox:
    """Activate, pause or break a mailbox, and say why; an active one tells its troubles alone."""
    mailbox = Mailbox.objects.select_for_update().get(pk=mailbox.pk)
    if mailbox.status != to:
        move(mailbox, "status", to, Mailbox.MOVES)
    mailbox.status_reason = "" if to == MailboxStatus.ACTIVE else reason
    mailbox.save(update_fields=["status", "status_reason"])
    return mailbox
