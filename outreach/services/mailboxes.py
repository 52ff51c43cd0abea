"""What a mailbox's row means to the calendar and to its servers."""

from datetime import datetime
from typing import cast

from django.db import transaction

from outreach.calendar import Schedule, midnight_before
from outreach.credentials import seal, unseal
from outreach.inbox.imap import ImapAccount
from outreach.models import Mailbox, Message
from outreach.smtp import Security, SmtpAccount
from prospectflow.choices import move


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
        password=_password(mailbox),
    )


def imap_account(mailbox: Mailbox) -> ImapAccount:
    """Where and as whom this mailbox is read."""
    return ImapAccount(
        host=mailbox.imap_host,
        port=mailbox.imap_port,
        security=mailbox.imap_security,
        username=mailbox.username,
        password=_password(mailbox),
    )


def _password(mailbox: Mailbox) -> str:
    """CredentialUnreadable when no key opens it; blank while none was entered."""
    return unseal(mailbox.sealed_password) if mailbox.sealed_password else ""


def set_password(mailbox: Mailbox, password: str) -> None:
    """Keep the password, sealed; in memory only until the caller saves."""
    mailbox.sealed_password = seal(password)


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
