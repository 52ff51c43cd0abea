"""Trying a mailbox's two servers, as whoever set it up would."""

import smtplib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from outreach.certificates import certificate_refusal
from outreach.inbox.imap import HostUnreachable, TlsFailed, check_account
from outreach.models import Mailbox
from outreach.oauth import TokenRefused, TokenUnavailable
from outreach.services.mailboxes import imap_account, smtp_account
from outreach.smtp import MailboxUnreachable, Stage, connect
from outreach.states import SignIn
from outreach.unreachable import reason_unreachable
from prospectflow.deadlines import Deadline
from prospectflow.errors import DomainError

PATIENCE = 10.0  # seconds that each step may take while somebody waits
TOGETHER = 30.0  # and all of them, since a step begins anew with each byte
ABOUT_TOKENS = (TokenRefused, TokenUnavailable)

type Server = Literal["smtp", "imap"]


class ServersTooSlow(DomainError):
    """The mailbox's servers take too long to answer: try again later, or ask who runs them."""


class SmtpUnreachable(DomainError):
    """The SMTP server cannot be reached: check host, port and security."""


class NoSmtpServer(DomainError):
    """What listens there does not greet as an SMTP server does: check host, port and security."""


class SmtpGreetingFailed(DomainError):
    """The SMTP server does not greet us as expected: check port and security."""


class SmtpSignInRefused(DomainError):
    """The SMTP server refuses this user name or password; some providers want an app password."""


class SmtpTokenRefused(DomainError):
    """The SMTP server refuses the access token: this user must agree to sending, by this client."""


@dataclass(frozen=True)
class Tried:
    """What signing in at one of the servers led to."""

    server: Server
    folders: list[str] = field(default_factory=list)
    refusal: DomainError | None = None

    @property
    def sentence(self) -> str:
        """What is wrong in our words alone: the refusal's own text may quote the server."""
        return (type(self.refusal).__doc__ or "").strip() if self.refusal else ""


def check(mailbox: Mailbox) -> list[str]:
    """Sign in at the mailbox's servers and return the folders that are read there.

    Nothing is sent and nothing is marked. Call it outside of a scope: it speaks to the network.
    """
    folders: list[str] = []
    for tried in trials(mailbox):
        if tried.refusal:
            raise tried.refusal
        folders = tried.folders
    return folders


def trials(mailbox: Mailbox) -> Iterator[Tried]:
    """What `check` does, one server after the other, whatever becomes of the first."""
    attempts: dict[Server, Callable[[Mailbox, Deadline], list[str]]] = {
        "smtp": _try_smtp,
        "imap": _try_imap,
    }
    for server, attempt in attempts.items():
        try:
            yield Tried(server, _in_time(attempt, mailbox))
        except DomainError as refusal:
            yield Tried(server, refusal=refusal)


def _in_time(attempt: Callable[[Mailbox, Deadline], list[str]], mailbox: Mailbox) -> list[str]:
    try:
        with Deadline(TOGETHER / 2) as deadline:
            return attempt(mailbox, deadline)
    except TimeoutError as error:
        raise ServersTooSlow from error


def _try_smtp(mailbox: Mailbox, deadline: Deadline) -> list[str]:
    try:
        with connect(replace(smtp_account(mailbox), timeout=PATIENCE, dial=deadline.dial)):
            return []
    except MailboxUnreachable as error:
        raise _smtp_refusal(error, mailbox) from error


def _smtp_refusal(error: MailboxUnreachable, mailbox: Mailbox) -> DomainError:
    if refusal := certificate_refusal(error):
        return refusal
    if isinstance(error.__cause__, ABOUT_TOKENS):
        return error.__cause__
    refusals: dict[Stage, type[DomainError]] = {
        "connect": _why_unreachable(error),
        "hello": SmtpGreetingFailed,
        "auth": SmtpTokenRefused if mailbox.sign_in == SignIn.OAUTH else SmtpSignInRefused,
    }
    return refusals[error.failure.stage](str(error))


def _why_unreachable(error: MailboxUnreachable) -> type[DomainError]:
    if not error.failure.code and isinstance(error.__context__, smtplib.SMTPException):
        return NoSmtpServer
    return reason_unreachable(error) or SmtpUnreachable


def _try_imap(mailbox: Mailbox, deadline: Deadline) -> list[str]:
    try:
        return check_account(replace(imap_account(mailbox), timeout=PATIENCE, dial=deadline.dial))
    except DomainError as error:
        if isinstance(error.__cause__, ABOUT_TOKENS):
            raise error.__cause__ from error
        if refusal := certificate_refusal(error):
            raise refusal from error
        reason = isinstance(error, HostUnreachable | TlsFailed) and reason_unreachable(error)
        if reason:
            raise reason(str(error)) from error
        raise
