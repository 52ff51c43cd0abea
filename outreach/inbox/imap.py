"""Fetching new mail over IMAP, without leaving a trace in the mailbox (RFC 3501, RFC 6154)."""

import imaplib
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from socket import create_connection, socket

from imap_tools import BaseMailBox
from imap_tools.errors import ImapToolsError, MailboxFolderSelectError, MailboxLoginError

from outreach.certificates import certificate_refusal
from outreach.inbox.fetching import MONTHS, Fetched, fetch, reason
from outreach.inbox.replies import fold
from outreach.oauth import TokenRefused, TokenUnavailable, initial_response
from prospectflow.deadlines import Dial
from prospectflow.errors import DomainError

TIMEOUT_SECONDS = 30
NOT_NOW = re.compile(  # RFC 5530, 3; what Google says; what Microsoft says
    r"\[(unavailable|inuse|limit|serverbug)\b"
    r"|too many (simultaneous )?connections|server unavailable",
    re.IGNORECASE,
)
LOOPBACK = ("127.0.0.1", "::1", "localhost")
JUNK_NAMES = (
    "junk", "junk e-mail", "junk email", "spam", "bulk mail", "indesirables",
    "courrier indesirable", "pourriel", "pourriels",
)  # fmt: skip


class ImapError(DomainError):
    """The mailbox could not be read over IMAP."""


class HostUnreachable(ImapError):
    """The IMAP server cannot be reached: check host, port and security."""


class NoImapServer(ImapError):
    """What listens there does not greet as an IMAP server does: check host, port and security."""


class TlsFailed(ImapError):
    """The IMAP server does not speak the encryption that was asked for: check port and security."""


class PasswordRefused(ImapError):
    """The IMAP server refuses this user name and password."""


class AccessRefused(PasswordRefused):
    """The IMAP server refuses the access token: this user must agree to reading, by this client."""


class FolderMissing(ImapError):
    """A folder of the mailbox cannot be opened."""


class ConnectionLost(ImapError):
    """The IMAP server broke off."""


class SignInDelayed(ConnectionLost):
    """The IMAP server signs nobody in for now: try again later."""


class InsecureConnection(ImapError):
    """A password is never sent unencrypted over a network."""


@dataclass(frozen=True)
class ImapAccount:
    """Where a mailbox is read; `security` is tls, starttls or, on this machine only, plain.

    Each step of the conversation may take `timeout` seconds.
    """

    host: str
    port: int
    security: str
    username: str
    password: str
    access_token: Callable[[], str] | None = None  # for XOAUTH2, in the place of the password
    timeout: float = TIMEOUT_SECONDS
    dial: Dial = create_connection

    def __repr__(self) -> str:
        return f"ImapAccount({self.username} at {self.host}:{self.port}, {self.security})"


def fetch_new(
    account: ImapAccount, *, state: dict[str, dict[str, int]], since: date | None = None
) -> Iterator[Fetched]:
    """Yield the messages of Inbox and Junk that `state` has not seen, and move `state` on.

    `state` maps a folder to its `uidvalidity` and `last_uid`; it already counts a message when
    that message is yielded, so saving both in one transaction neither loses nor repeats one.
    When a folder's UIDVALIDITY changes it is read again (the caller drops known Message-IDs),
    from `since` on if given. Raises an `ImapError` that says what is wrong.
    """
    with signed_in(account) as mailbox, broken_off(account):
        for folder in _folders(mailbox):
            yield from _fetch_folder(mailbox, folder, state, since)


def check_account(account: ImapAccount) -> list[str]:
    """Sign in and return the folders that would be read; raises what `fetch_new` would raise."""
    with signed_in(account) as mailbox, broken_off(account):
        return _folders(mailbox)


@contextmanager
def signed_in(account: ImapAccount) -> Iterator[BaseMailBox]:
    """A session at the account's server; raises an `ImapError` that says why there is none."""
    mailbox = _connect(account)
    try:
        _sign_in(mailbox, account)
        yield mailbox
    finally:
        _leave(mailbox)


def _connect(account: ImapAccount) -> BaseMailBox:
    where = f"The IMAP server {account.host}:{account.port}"
    if account.security == "plain" and account.host.lower() not in LOOPBACK:
        raise InsecureConnection(
            f"{where} would get the password unencrypted; choose tls or starttls."
        )
    try:
        return _open(account)
    except (ssl.SSLError, imaplib.IMAP4.error, ImapToolsError) as error:
        if refusal := certificate_refusal(error):
            raise TlsFailed(f"{where} is not trusted. {refusal}") from error
        raise TlsFailed(
            f"{where} does not speak {account.security} as asked; "
            f"check the port and the security setting ({reason(error)})."
        ) from error
    except (OSError, ValueError) as error:
        raise HostUnreachable(
            f"{where} cannot be reached; check the host and the port ({reason(error)})."
        ) from error


def _open(account: ImapAccount) -> BaseMailBox:
    try:
        mailbox = _Mailbox(account)
    except imaplib.IMAP4.abort as error:
        raise NoImapServer(
            f"What listens at {account.host}:{account.port} does not greet as an IMAP server does;"
            " check the host, the port and the security setting."
        ) from error
    if account.security not in ("tls", "plain"):
        try:
            mailbox.client.starttls(ssl.create_default_context())
        except Exception:
            mailbox.client.shutdown()
            raise
    return mailbox


class _Mailbox(BaseMailBox):
    """A mailbox that is spoken to as the account says."""

    def __init__(self, account: ImapAccount) -> None:
        self._account = account
        super().__init__()

    def _get_mailbox_client(self) -> imaplib.IMAP4:
        return _Client(self._account)


class _Client(imaplib.IMAP4):
    """Dials as the account says, and is encrypted from the first byte where it says tls."""

    def __init__(self, account: ImapAccount) -> None:
        self._account = account
        super().__init__(account.host, account.port, timeout=account.timeout)

    def _create_socket(self, timeout: float) -> socket:
        dialled = self._account.dial((self.host, self.port), timeout)
        if self._account.security != "tls":
            return dialled
        return ssl.create_default_context().wrap_socket(dialled, server_hostname=self.host)


def _sign_in(mailbox: BaseMailBox, account: ImapAccount) -> None:
    if account.access_token is not None:
        _sign_in_by_token(mailbox, account, account.access_token)
        return
    # SASL PLAIN carries every character; LOGIN is for servers that do not offer it.
    sasl = "AUTH=PLAIN" in mailbox.client.capabilities
    sign_in = mailbox.login_utf8 if sasl else mailbox.login
    if not (account.username + account.password).isprintable():
        raise PasswordRefused(f"{_refusal(account)} One of them contains a control character.")
    try:
        sign_in(account.username, account.password, initial_folder=None)
    except (imaplib.IMAP4.abort, OSError) as error:
        raise ConnectionLost(f"{account.host} broke off during sign-in.") from error
    except (imaplib.IMAP4.error, MailboxLoginError, ValueError) as error:
        _pass_over(account, error)
        raise PasswordRefused(_refusal(account)) from error


def _sign_in_by_token(
    mailbox: BaseMailBox, account: ImapAccount, access_token: Callable[[], str]
) -> None:
    """By XOAUTH2, which imap-tools speaks as well; but it answers a refusal by the token again."""
    try:
        words = iter([initial_response(account.username, access_token())])
        mailbox.client.authenticate("XOAUTH2", lambda _: next(words, "").encode("ascii"))
    except TokenRefused as error:
        raise PasswordRefused(str(error)) from error
    except TokenUnavailable as error:
        raise ConnectionLost(str(error)) from error
    except (imaplib.IMAP4.abort, OSError) as error:
        raise ConnectionLost(f"{account.host} broke off during sign-in.") from error
    except (imaplib.IMAP4.error, ValueError) as error:
        _pass_over(account, error)
        raise AccessRefused(
            f"{account.host} refuses the access token of {account.username}; check that this user"
            " agreed to reading mail, and that the provider lets the mailbox use IMAP."
        ) from error


def _pass_over(account: ImapAccount, error: Exception) -> None:
    """Raise SignInDelayed where the server has trouble of its own, so that nobody is blamed."""
    if NOT_NOW.search(str(error)):
        raise SignInDelayed(
            f"{account.host} does not sign {account.username} in for now;"
            " it is tried again later. Perhaps too many programs are signed in."
        ) from error


def _refusal(account: ImapAccount) -> str:
    return (
        f"{account.host} refuses the password of {account.username}; "
        "check both, or use an app password where the provider asks for one."
    )


def _leave(mailbox: BaseMailBox) -> None:
    with suppress(ImapToolsError, imaplib.IMAP4.error, OSError):
        mailbox.logout()
    with suppress(OSError):
        mailbox.client.shutdown()


@contextmanager
def broken_off(account: ImapAccount) -> Iterator[None]:
    """Turn the ways in which a connection breaks into one sentence."""
    try:
        yield
    except (imaplib.IMAP4.error, ImapToolsError, OSError) as error:
        raise ConnectionLost(
            f"{account.host} broke off while {account.username} was read; "
            f"what was read is kept, the rest comes next time ({reason(error)})."
        ) from error


def _folders(mailbox: BaseMailBox) -> list[str]:
    """Return the Inbox, and Junk where the server has one."""
    junk = []
    for folder in mailbox.folder.list():
        flags = {flag.lower() for flag in folder.flags}
        name = fold(folder.name.rsplit(folder.delim or "/", 1)[-1])
        if ("\\junk" in flags or name in JUNK_NAMES) and "\\noselect" not in flags:
            junk.append(folder.name)
    return ["INBOX", *junk]


def _fetch_folder(
    mailbox: BaseMailBox, folder: str, state: dict[str, dict[str, int]], since: date | None
) -> Iterator[Fetched]:
    uidvalidity = examine(mailbox, folder)
    known = state.get(folder, {})
    last = known.get("last_uid", 0) if known.get("uidvalidity") == uidvalidity else 0
    state[folder] = {"uidvalidity": uidvalidity, "last_uid": last}
    for uid in _new_uids(mailbox, last, since):
        fetched = fetch(mailbox, folder, uidvalidity, uid)
        state[folder] = {"uidvalidity": uidvalidity, "last_uid": uid}
        if fetched:
            yield fetched


def examine(mailbox: BaseMailBox, folder: str) -> int:
    """Open a folder for reading only and return its UIDVALIDITY."""
    try:
        mailbox.folder.set(folder, readonly=True)
    except MailboxFolderSelectError as error:
        raise FolderMissing(
            f"The folder {folder} cannot be opened ({reason(error)}); "
            "check that it exists and that this account may read it."
        ) from error
    _, values = mailbox.client.response("UIDVALIDITY")
    return int(values[0]) if values and values[0] else 0


def _new_uids(mailbox: BaseMailBox, last: int, since: date | None) -> list[int]:
    criteria = arrived_since(since) if since and not last else f"UID {last + 1}:*"
    # `n:*` means "up to the last": it returns that one even when its UID is below n.
    return sorted(uid for uid in map(int, mailbox.uids(criteria, charset=None)) if uid > last)


def arrived_since(day: date) -> str:
    """What to search for; servers compare days, in a zone of their own."""
    return f"SINCE {day.day}-{MONTHS[day.month - 1]}-{day.year}"
