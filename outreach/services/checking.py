"""Trying a mailbox's two servers, as whoever set it up would."""

from dataclasses import replace

from outreach.inbox.imap import check_account
from outreach.models import Mailbox
from outreach.services.mailboxes import imap_account, smtp_account
from outreach.smtp import MailboxUnreachable, Stage, connect
from prospectflow.deadlines import Deadline
from prospectflow.errors import DomainError

PATIENCE = 10.0  # seconds that each step may take while somebody waits
TOGETHER = 30.0  # and all of them, since a step begins anew with each byte


class ServersTooSlow(DomainError):
    """The mailbox's servers take too long to answer: try again later, or ask who runs them."""


class SmtpUnreachable(DomainError):
    """The SMTP server cannot be reached: check host, port and security."""


class SmtpGreetingFailed(DomainError):
    """The SMTP server does not greet us as expected: check port and security."""


class SmtpSignInRefused(DomainError):
    """The SMTP server refuses this user name or password; some providers want an app password."""


REFUSALS: dict[Stage, type[DomainError]] = {
    "connect": SmtpUnreachable,
    "hello": SmtpGreetingFailed,
    "auth": SmtpSignInRefused,
}


def check(mailbox: Mailbox) -> list[str]:
    """Sign in at the mailbox's servers and return the folders that are read there.

    Nothing is sent and nothing is marked. Call it outside of a scope: it speaks to the network.
    The class of a refusal says what is wrong in our words alone; its text may quote the server.
    """
    try:
        with Deadline(TOGETHER) as deadline:
            smtp = replace(smtp_account(mailbox), timeout=PATIENCE, dial=deadline.dial)
            imap = replace(imap_account(mailbox), timeout=PATIENCE, dial=deadline.dial)
            with connect(smtp):
                return check_account(imap)
    except TimeoutError as error:
        raise ServersTooSlow from error
    except MailboxUnreachable as error:
        raise REFUSALS[error.failure.stage](str(error)) from error
