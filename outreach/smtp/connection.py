"""Sending over SMTP: one recipient a transaction, and one honest answer for each."""

import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from outreach.certificates import certificate_refusal
from outreach.mail import MailRefused
from outreach.oauth import TokenRefused, TokenUnavailable, initial_response
from outreach.smtp.account import SmtpAccount
from outreach.smtp.outcomes import (
    Accepted,
    MailboxUnreachable,
    Outcome,
    Refused,
    SendFailure,
    ServerLeft,
    Stage,
    Unknown,
)
from outreach.smtp.wire import (
    GONE,
    NO_ANSWER,
    OK,
    Envelope,
    Smtp,
    answer_in,
    ask,
    be_patient,
    decoded,
    lines,
    passed_over,
    stuffed,
)
from prospectflow.errors import DomainError

NOT_SIGNED_IN = 535


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
    """A connection for any number of mails, which `ready` opens anew when it has ended."""

    def __init__(self, account: SmtpAccount) -> None:
        self.account = account
        self._smtp: Smtp | None = None
        self._announced: Envelope | None = None
        self._is_used = self._is_soiled = False

    def open(self) -> Smtp:
        """Connect, greet, encrypt and sign in, or raise MailboxUnreachable."""
        stage: Stage = "connect"
        try:
            self._smtp = smtp = Smtp(self.account)
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
            failure = self._failure(stage, *answer_in(error))
            sentence = _sentence(self.account, failure, certificate_refusal(error))
            raise MailboxUnreachable(sentence, failure) from None
        return smtp

    def ready(self) -> None:
        """Be signed in and clean for the next mail, or raise MailboxUnreachable."""
        self._ready()

    def close(self) -> None:
        """Say goodbye and hang up; a server that is gone already is no error."""
        if self._smtp is not None and self._announced is None:
            with suppress(OSError, smtplib.SMTPException):
                self._smtp.quit()
        self._hang_up()

    def withdraw(self) -> None:
        """Take back what was announced, if anything: no content of it has left."""
        if self._announced is not None:
            self._hang_up()

    def transmit(
        self,
        envelope: Envelope,
        raw: bytes,
        following: Envelope | None = None,
        *,
        still: Callable[[], bool] = lambda: True,
    ) -> Outcome | None:
        """Hand over one mail to one recipient; whatever happens, the answer is one of three.

        The envelope of the `following` mail goes with this one's content where the server offers
        PIPELINING; of a mail that is announced so and does not follow no content ever leaves.
        Nor does it, and there is no answer, where `still` says no once the server wants it.
        An address that no server understands raises MailRefused before anything is sent, and a
        server that had left in the meantime ServerLeft.
        """
        envelope = envelope.on_the_wire()
        if self._announced != envelope:
            self.withdraw()
        try:
            refusal = self._begin(envelope)
        except MailboxUnreachable as error:
            return Refused(error.failure, str(error))
        self._is_soiled = refusal is not None
        if refusal:
            return Refused(refusal)
        if not self._is_wanted(still):
            return None
        return self._content(self._ready(), raw, following)

    def _greet(self, smtp: smtplib.SMTP) -> None:
        smtp.ehlo_or_helo_if_needed()
        if self.account.security == "starttls":
            smtp.starttls(context=self.account.tls or ssl.create_default_context())
            smtp.ehlo_or_helo_if_needed()

    def _ready(self) -> Smtp:
        """A connection for the next mail; RSET clears what a refused one has left behind."""
        if self._smtp is not None and self._is_soiled and ask(self._smtp, "RSET")[0] != OK:
            self._hang_up()
        return self._smtp or self.open()

    def _begin(self, envelope: Envelope) -> SendFailure | None:
        """The envelope; ServerLeft where the connection had ended after an earlier mail."""
        smtp, was_used, self._is_used = self._ready(), self._is_used, True
        refusal = self._envelope(smtp, envelope)
        if was_used and refusal and refusal.stage == "mail" and refusal.code in GONE:
            raise ServerLeft
        return refusal

    def _envelope(self, smtp: smtplib.SMTP, envelope: Envelope) -> SendFailure | None:
        is_said, self._announced = self._announced is not None, None
        at_once = smtp.has_extn("pipelining")
        for number, (stage, command, expected) in enumerate(envelope.steps()):
            commands = [] if is_said else envelope.commands() if at_once else [command]
            code, text = ask(smtp, *commands)
            is_said = at_once
            if code not in expected:
                if code in GONE or (at_once and not passed_over(smtp, number)):
                    self._hang_up()
                return self._failure(stage, code, text)
        return None

    def _is_wanted(self, still: Callable[[], bool]) -> bool:
        """Whether the content is to leave; if not, the server that wants it is hung up on."""
        is_wanted = False
        try:
            is_wanted = still()
        finally:
            if not is_wanted:
                self._hang_up()
        return is_wanted

    def _content(self, smtp: Smtp, raw: bytes, following: Envelope | None) -> Outcome:
        """From the first byte of content on, anything but an answer leaves the outcome unknown."""
        ending = b".\r\n" if raw.endswith(b"\r\n") else b"\r\n.\r\n"
        announcement = self._announcement(smtp, following)
        try:
            be_patient(smtp, self.account.final_timeout)
            smtp.send(stuffed(raw) + ending + announcement)
            code, text = decoded(smtp.getreply())
            be_patient(smtp, self.account.timeout)
        except (OSError, smtplib.SMTPException) as error:
            code, text = NO_ANSWER, f"{answer_in(error)[1]} Whether it took the mail is not known."
        if 200 <= code < 300:  # noqa: PLR2004
            return Accepted(code, text, self.account.host)
        failure = self._failure("after_data", code, text)
        if 400 <= code < 600:  # noqa: PLR2004
            return Refused(failure)
        self._hang_up()
        return Unknown(failure)

    def _announcement(self, smtp: smtplib.SMTP, following: Envelope | None) -> bytes:
        """The envelope that goes with a content; its answers are read when its turn comes."""
        if following is not None and smtp.has_extn("pipelining"):
            with suppress(MailRefused):  # it is told when its own turn comes
                self._announced = following.on_the_wire()
                return lines(self._announced.commands())
        return b""

    def _hang_up(self) -> None:
        self._announced = None
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None

    def _failure(self, stage: Stage, code: int, text: str) -> SendFailure:
        return SendFailure(stage, code, text, self.account.host)


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
