"""Sending over SMTP: one recipient a transaction, and one honest answer for each."""

import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BufferedReader, RawIOBase
from socket import create_connection, socket
from time import monotonic
from typing import Any, ClassVar, Literal

from outreach.certificates import certificate_refusal
from outreach.mail import wire_address
from outreach.mail.message import is_loopback
from outreach.oauth import TokenRefused, TokenUnavailable, initial_response
from prospectflow.deadlines import Dial
from prospectflow.errors import DomainError

type Stage = Literal["connect", "hello", "auth", "mail", "rcpt", "data", "after_data"]
type Security = Literal["plain", "starttls", "tls"]
type Answer = tuple[int, str]

OK, WILL_FORWARD, GO_AHEAD = 250, 251, 354
NO_ANSWER, NOT_SIGNED_IN = 0, 535
GONE = (0, 421)  # no answer, or a goodbye
HUNG_UP, TOO_LATE = "The server hung up.", "The server did not answer in time."
OUR_NAME = "[127.0.0.1]"  # asking the system for a full host name can take seconds


@dataclass(frozen=True)
class SendFailure:
    """Where it failed and what was answered; code 0 means that no answer came."""

    stage: Stage
    code: int
    text: str
    host: str


@dataclass(frozen=True)
class Accepted:
    """The server took the mail over; whatever comes now is a bounce."""

    outcome: ClassVar[Literal["accepted"]] = "accepted"
    code: int
    text: str
    host: str


@dataclass(frozen=True)
class Refused:
    """The mail has certainly not been taken over: it may be sent again.

    `sentence` tells the operator what to do where the mailbox itself could not be used.
    """

    outcome: ClassVar[Literal["refused"]] = "refused"
    failure: SendFailure
    sentence: str = ""


@dataclass(frozen=True)
class Unknown:
    """The server had the whole mail and never answered: it must not be sent again by itself."""

    outcome: ClassVar[Literal["unknown"]] = "unknown"
    failure: SendFailure


type Outcome = Accepted | Refused | Unknown


class MailboxUnreachable(DomainError):
    """The mailbox's server cannot be used; `failure` says at which stage and why."""

    def __init__(self, sentence: str, failure: SendFailure) -> None:
        super().__init__(sentence)
        self.failure = failure


class PlainRefused(DomainError):
    """Mail without encryption may go to this very machine only; choose starttls or tls."""


@dataclass(frozen=True)
class SmtpAccount:
    """How to reach a mailbox's server. Times are seconds; `final_timeout` follows RFC 5321."""

    host: str
    port: int
    security: Security
    username: str = ""
    password: str = field(default="", repr=False)
    access_token: Callable[[], str] | None = field(default=None, repr=False)  # for XOAUTH2
    timeout: float = 30
    final_timeout: float = 600  # 4.5.3.2.6: giving up on the final dot early breeds duplicates
    tls: ssl.SSLContext | None = field(default=None, repr=False)  # None trusts the system's CAs
    dial: Dial = field(default=create_connection, repr=False)

    def __post_init__(self) -> None:
        if self.security == "plain" and not is_loopback(self.host):
            raise PlainRefused
        if self.security not in ("plain", "starttls", "tls"):
            raise DomainError(f'"{self.security}" is no SMTP security: use starttls, tls or plain.')


@contextmanager
def connect(account: SmtpAccount) -> "Iterator[Connection]":
    """A signed-in connection, closed at the end; MailboxUnreachable when it cannot be had."""
    connection = Connection(account)
    connection.open()
    try:
        yield connection
    finally:
        connection.close()


class Connection:
    """A connection for any number of mails; it opens itself anew when the server has hung up."""

    def __init__(self, account: SmtpAccount) -> None:
        self.account = account
        self._smtp: _Smtp | None = None
        self._is_used = self._is_soiled = False

    def open(self) -> "_Smtp":
        """Connect, greet, encrypt and sign in, or raise MailboxUnreachable."""
        stage: Stage = "connect"
        try:
            self._smtp = smtp = _Smtp(self.account)
            self._is_used = self._is_soiled = False
            stage = "hello"
            self._greet(smtp)
            stage = "auth"
            _sign_in(smtp, self.account)
        except (TokenRefused, TokenUnavailable) as error:
            self._hang_up()
            # What is refused for good stops the mailbox, as a wrong password would.
            code = NOT_SIGNED_IN if isinstance(error, TokenRefused) else NO_ANSWER
            raise MailboxUnreachable(str(error), self._failure(stage, code, str(error))) from error
        except (OSError, smtplib.SMTPException, ValueError, OverflowError) as error:
            self._hang_up()
            failure = self._failure(stage, *_answer_in(error))
            sentence = _sentence(self.account, failure, certificate_refusal(error))
            raise MailboxUnreachable(sentence, failure) from None
        return smtp

    def ready(self) -> None:
        """Be signed in and clean for the next mail, or raise MailboxUnreachable."""
        self._ready()

    def close(self) -> None:
        """Say goodbye and hang up; a server that is gone already is no error."""
        if self._smtp is not None:
            with suppress(OSError, smtplib.SMTPException):
                self._smtp.quit()
            self._hang_up()

    def transmit(self, sender: str, recipient: str, raw: bytes) -> Outcome:
        """Hand over one mail to one recipient; whatever happens, the answer is one of three.

        An address that no server understands raises MailRefused before anything is sent.
        """
        sender, recipient = wire_address(sender), wire_address(recipient)
        try:
            refusal = self._begin(sender, recipient)
        except MailboxUnreachable as error:
            return Refused(error.failure, str(error))
        self._is_soiled = refusal is not None
        return Refused(refusal) if refusal else self._content(self._ready(), raw)

    def _greet(self, smtp: smtplib.SMTP) -> None:
        smtp.ehlo_or_helo_if_needed()
        if self.account.security == "starttls":
            smtp.starttls(context=self.account.tls or ssl.create_default_context())
            smtp.ehlo_or_helo_if_needed()

    def _ready(self) -> "_Smtp":
        """A connection for the next mail; RSET clears what a refused one has left behind."""
        if self._smtp is not None and self._is_soiled and _ask(self._smtp, "RSET")[0] != OK:
            self._hang_up()
        return self._smtp or self.open()

    def _begin(self, sender: str, recipient: str) -> SendFailure | None:
        """The envelope; once more where the server had left the connection in the meantime."""
        smtp, was_used, self._is_used = self._ready(), self._is_used, True
        refusal = self._envelope(smtp, sender, recipient)
        left = refusal is not None and refusal.stage == "mail" and refusal.code in GONE
        if was_used and left:
            refusal = self._envelope(self.open(), sender, recipient)
        return refusal

    def _envelope(self, smtp: smtplib.SMTP, sender: str, recipient: str) -> SendFailure | None:
        steps: list[tuple[Stage, str, tuple[int, ...]]] = [
            ("mail", f"MAIL FROM:<{sender}>", (OK,)),
            ("rcpt", f"RCPT TO:<{recipient}>", (OK, WILL_FORWARD)),
            # No content has left before 354, so even silence here means that nothing was sent.
            ("data", "DATA", (GO_AHEAD,)),
        ]
        at_once = smtp.has_extn("pipelining")  # RFC 2920: DATA may end a group of commands
        commands = [command for _, command, _ in steps]
        for number, (stage, command, expected) in enumerate(steps):
            code, text = (
                _ask(smtp, *([] if number else commands)) if at_once else _ask(smtp, command)
            )
            if code not in expected:
                if code in GONE or (at_once and not _passed_over(smtp, number)):
                    self._hang_up()
                return self._failure(stage, code, text)
        return None

    def _content(self, smtp: "_Smtp", raw: bytes) -> Outcome:
        """From the first byte of content on, anything but an answer leaves the outcome unknown."""
        ending = b".\r\n" if raw.endswith(b"\r\n") else b"\r\n.\r\n"
        try:
            _be_patient(smtp, self.account.final_timeout)
            smtp.send(_stuffed(raw) + ending)
            code, text = _decoded(smtp.getreply())
            _be_patient(smtp, self.account.timeout)
        except (OSError, smtplib.SMTPException) as error:
            code, text = NO_ANSWER, f"{_answer_in(error)[1]} Whether it took the mail is not known."
        if 200 <= code < 300:  # noqa: PLR2004
            return Accepted(code, text, self.account.host)
        failure = self._failure("after_data", code, text)
        if 400 <= code < 600:  # noqa: PLR2004
            return Refused(failure)
        self._hang_up()
        return Unknown(failure)

    def _hang_up(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None

    def _failure(self, stage: Stage, code: int, text: str) -> SendFailure:
        return SendFailure(stage, code, text, self.account.host)


class _Answers(RawIOBase):
    """What a server says until an instant of the monotonic clock, however slowly it says it.

    A socket's own timeout begins anew with every byte, so that alone it never ends a dribble.
    """

    def __init__(self, sock: socket) -> None:
        self._sock = sock
        self.until = 0.0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        seconds = self.until - monotonic()
        if seconds <= 0:
            raise TimeoutError("It took too long.")
        self._sock.settimeout(seconds)
        return self._sock.recv_into(buffer)


class _Smtp(smtplib.SMTP):
    """Dials as the account says, and is encrypted from the first byte where it says tls.

    Every answer comes within `patience` seconds.
    """

    def __init__(self, account: SmtpAccount) -> None:
        self._account = account
        self.patience = account.timeout
        super().__init__(account.host, account.port, OUR_NAME, timeout=account.timeout)

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self._answers = _Answers(self.sock)
            self.file = BufferedReader(self._answers)
        self._answers.until = monotonic() + self.patience
        return super().getreply()

    def _get_socket(self, host: str, port: int, timeout: float) -> socket:
        dialled = self._account.dial((host, port), timeout)
        if self._account.security != "tls":
            return dialled
        context = self._account.tls or ssl.create_default_context()
        return context.wrap_socket(dialled, server_hostname=host)


def _stuffed(raw: bytes) -> bytes:
    """With a second dot wherever a line begins with one (RFC 5321, 4.5.2)."""
    return (b"\n" + raw).replace(b"\n.", b"\n..")[1:]


def _sign_in(smtp: smtplib.SMTP, account: SmtpAccount) -> None:
    if account.access_token is None:
        if account.username:
            smtp.login(account.username, account.password)
        return
    if "XOAUTH2" not in smtp.esmtp_features.get("auth", "").upper().split():
        raise smtplib.SMTPNotSupportedError("It does not offer XOAUTH2.")
    first = initial_response(account.username, account.access_token())
    # A refusal comes as a challenge; nothing is answered, and then the server says its code.
    smtp.auth("XOAUTH2", lambda challenge=None: first if challenge is None else "")


def _ask(smtp: smtplib.SMTP, *commands: str) -> Answer:
    """Send commands, if any, and read the next answer; code 0 when none came."""
    if smtp.sock is None:
        return NO_ANSWER, HUNG_UP
    try:
        if commands:
            smtp.send("".join(f"{command}\r\n" for command in commands))
        return _decoded(smtp.getreply())
    except (OSError, smtplib.SMTPException) as error:
        return NO_ANSWER, _answer_in(error)[1]


def _passed_over(smtp: smtplib.SMTP, refused: int) -> bool:
    """Read the answers to what was sent after the refused command; whether none was 354.

    A server that waits for content although it refused is hung up on: nothing at all is sent.
    """
    return all(_ask(smtp)[0] not in (*GONE, GO_AHEAD) for _ in range(refused, 2))


def _be_patient(smtp: "_Smtp", seconds: float) -> None:
    smtp.patience = seconds
    if smtp.sock is not None:
        smtp.sock.settimeout(seconds)


def _decoded(answer: tuple[int, bytes]) -> Answer:
    """The answer as text; what no SMTP server says (RFC 5321, 4.2) may be a secret, and is not."""
    code, text = answer
    if not 200 <= code < 600:  # noqa: PLR2004
        return NO_ANSWER, "What answers does not speak SMTP."
    return code, text.decode("utf-8", "replace")


def _answer_in(error: Exception) -> Answer:
    """The server's answer if the error carries one, else the error in words."""
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        said = text if isinstance(text, bytes) else str(text).encode()
        return _decoded((error.smtp_code, said))
    if refusal := certificate_refusal(error):
        return NO_ANSWER, str(refusal)
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return NO_ANSWER, TOO_LATE if isinstance(error.__context__, TimeoutError) else HUNG_UP
    if isinstance(error, UnicodeError):  # its own words would quote from the password
        return NO_ANSWER, "SMTP carries ASCII characters only"
    return NO_ANSWER, str(error) or type(error).__name__


def _sentence(account: SmtpAccount, failure: SendFailure, distrust: DomainError | None) -> str:
    server = f"{account.host}:{account.port}"
    if distrust is not None:
        return f"{server} is not trusted. {distrust}"
    answer = " ".join(f"{failure.code or ''} {failure.text}".split()).rstrip(".")
    if failure.stage == "auth" and 500 <= failure.code < 600:  # noqa: PLR2004
        if account.access_token is not None:
            return (
                f"{server} refuses the access token of {account.username} ({answer}): check that"
                " this user agreed to sending, and that the provider lets the mailbox use SMTP."
            )
        return (
            f"{server} refuses the user name or password of {account.username} ({answer}):"
            " correct them; Google and Microsoft want an app password."
        )
    if failure.stage == "auth":
        return f"{server} does not sign {account.username} in ({answer}): check its settings."
    if failure.stage == "hello":
        return f"{server} does not greet us as expected ({answer}): check the security setting."
    return f"{server} cannot be reached ({answer}): check host, port and security."
