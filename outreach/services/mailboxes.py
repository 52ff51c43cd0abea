"""What a mailbox's row means to the calendar and to its servers, and what it must not say."""

from collections.abc import Iterator
from datetime import datetime
from ipaddress import ip_address
from typing import cast

from django.conf import settings
from django.db import transaction

from outreach.calendar import Schedule, midnight_before
from outreach.credentials import seal
from outreach.inbox.imap import ImapAccount
from outreach.models import Mailbox, Message
from outreach.services.signing_in import access_token_of, password_of
from outreach.smtp import Security, SmtpAccount
from prospectflow.choices import move
from prospectflow.errors import DomainError

SERVER_FIELDS = frozenset(
    {"username", "smtp_host", "smtp_port", "smtp_security"}
    | {"imap_host", "imap_port", "imap_security"}
)
LAST_PORT = 65535
TYPE_AGAIN = "Type the password again: it is not handed to another server or user by itself."


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


def set_password(mailbox: Mailbox, password: str) -> None:
    """Keep the password, sealed; in memory only until the caller saves."""
    mailbox.sealed_password = seal(password)


def faults_of(mailbox: Mailbox, *, password: str, before: Mailbox | None = None) -> dict[str, str]:
    """What forbids these settings: field -> sentence. `before` is the row as it is stored.

    A password that is kept goes only where whoever typed it sent it.
    """
    faults = dict(_server_faults(mailbox)) | dict(_schedule_faults(mailbox))
    elsewhere = before and any(
        getattr(before, name) != getattr(mailbox, name) for name in SERVER_FIELDS
    )
    if elsewhere and mailbox.sealed_password and not password:
        faults |= {"password": TYPE_AGAIN}
    return faults


def _server_faults(mailbox: Mailbox) -> Iterator[tuple[str, str]]:
    for protocol in ("smtp", "imap"):
        if not 0 < getattr(mailbox, f"{protocol}_port") <= LAST_PORT:
            yield f"{protocol}_port", f"A port is a number from 1 to {LAST_PORT}."
        plain = getattr(mailbox, f"{protocol}_security") == Mailbox.Security.PLAIN
        host = getattr(mailbox, f"{protocol}_host")
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
    except DomainError as refusal:
        yield "windows", str(refusal)


def _is_this_machine(host: str) -> bool:
    """Whether the host is a loopback address, or the name that stands for one (RFC 6761, 6.3)."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


@transaction.atomic
def move_mailbox(mailbox: Mailbox, to: str, *, reason: str = "") -> Mailbox:
    """Activate, pause or break a mailbox, and say why."""
    mailbox = Mailbox.objects.select_for_update().get(pk=mailbox.pk)
    if mailbox.status != to:
        move(mailbox, "status", to, Mailbox.MOVES)
    mailbox.status_reason = reason
    mailbox.save(update_fields=["status", "status_reason"])
    return mailbox


def sent_today(mailbox: Mailbox, *, now: datetime) -> int:
    """How many mails left (or are leaving) since the mailbox's own midnight."""
    since = midnight_before(schedule_of(mailbox), now)
    return Message.objects.outbound().filter(mailbox=mailbox, sent_at__gte=since).count()
