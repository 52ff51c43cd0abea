"""What is said to a mail server, and what it answers (RFC 5321; commands in groups: RFC 2920)."""

import smtplib
import ssl
from collections.abc import Iterable
from io import BufferedReader, RawIOBase
from socket import socket
from time import monotonic
from typing import Any, NamedTuple

from outreach.certificates import certificate_refusal
from outreach.mail import wire_address
from outreach.smtp.account import SmtpAccount
from outreach.smtp.outcomes import Stage

type Answer = tuple[int, str]

OK, WILL_FORWARD, GO_AHEAD = 250, 251, 354
NO_ANSWER = 0
GONE = (NO_ANSWER, 421)  # no answer, or a goodbye
HUNG_UP, TOO_LATE = "The server hung up.", "The server did not answer in time."
OUR_NAME = "[127.0.0.1]"  # asking the system for a full host name can take seconds


class Envelope(NamedTuple):
    """Whom a mail is from, and whom it is for."""

    sender: str
    recipient: str

    def on_the_wire(self) -> "Envelope":
        """Both in ASCII; MailRefused for an address that no server understands."""
        return Envelope(wire_address(self.sender), wire_address(self.recipient))

    def steps(self) -> "list[tuple[Stage, str, tuple[int, ...]]]":
        """What is said before the content, and which answers mean yes."""
        return [
            ("mail", f"MAIL FROM:<{self.sender}>", (OK,)),
            ("rcpt", f"RCPT TO:<{self.recipient}>", (OK, WILL_FORWARD)),
            # No content has left before 354, so even silence here means that nothing was sent.
            ("data", "DATA", (GO_AHEAD,)),
        ]

    def commands(self) -> list[str]:
        """The same as a group of commands, which DATA may end (RFC 2920, 3.1)."""
        return [command for _, command, _ in self.steps()]


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


class Smtp(smtplib.SMTP):
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


def stuffed(raw: bytes) -> bytes:
    """With a second dot wherever a line begins with one (RFC 5321, 4.5.2)."""
    return (b"\n" + raw).replace(b"\n.", b"\n..")[1:]


def ask(smtp: smtplib.SMTP, *commands: str) -> Answer:
    """Send commands, if any, and read the next answer; code 0 when none came."""
    if smtp.sock is None:
        return NO_ANSWER, HUNG_UP
    try:
        if commands:
            smtp.send(lines(commands))
        return decoded(smtp.getreply())
    except (OSError, smtplib.SMTPException) as error:
        return NO_ANSWER, answer_in(error)[1]


def lines(commands: Iterable[str]) -> bytes:
    """The commands as they are sent."""
    return "".join(f"{command}\r\n" for command in commands).encode("ascii")


def passed_over(smtp: smtplib.SMTP, refused: int) -> bool:
    """Read the answers to what was sent after the refused command; whether none was 354.

    A server that waits for content although it refused is hung up on: nothing at all is sent.
    """
    return all(ask(smtp)[0] not in (*GONE, GO_AHEAD) for _ in range(refused, 2))


def be_patient(smtp: Smtp, seconds: float) -> None:
    """Wait so long for each answer from here on."""
    smtp.patience = seconds
    if smtp.sock is not None:
        smtp.sock.settimeout(seconds)


def decoded(answer: tuple[int, bytes]) -> Answer:
    """The answer as text; what no SMTP server says (RFC 5321, 4.2) may be a secret, and is not."""
    code, text = answer
    if not 200 <= code < 600:  # noqa: PLR2004
        return NO_ANSWER, "What answers does not speak SMTP."
    return code, text.decode("utf-8", "replace")


def answer_in(error: Exception) -> Answer:
    """The server's answer if the error carries one, else the error in words."""
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        said = text if isinstance(text, bytes) else str(text).encode()
        return decoded((error.smtp_code, said))
    if refusal := certificate_refusal(error):
        return NO_ANSWER, str(refusal)
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return NO_ANSWER, TOO_LATE if isinstance(error.__context__, TimeoutError) else HUNG_UP
    if isinstance(error, UnicodeError):  # its own words would quote from the password
        return NO_ANSWER, "SMTP carries ASCII characters only"
    return NO_ANSWER, str(error) or type(error).__name__
