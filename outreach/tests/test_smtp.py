"""Sending against a real server that refuses, stalls and hangs up as it is told."""

import socket
import ssl
import threading
from ipaddress import IPv4Address

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509

from outreach.mail import MailRefused
from outreach.smtp import (
    Accepted,
    MailboxUnreachable,
    PlainRefused,
    Refused,
    SmtpAccount,
    Unknown,
    connect,
)
from outreach.tests.certificates import make_certificate

RAW = b"Subject: Bonjour\r\n\r\n.une ligne avec un point\r\n.\r\nfin\r\n"
SENDER, RECIPIENT = "zoe@atelier.example.com", "jean@client.example.com"


class Server(Controller):
    """A server on a free port of the loopback."""

    def __init__(self, script, **options):
        super().__init__(script, hostname="127.0.0.1", port=0, **options)

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class Script:
    """A server's answers, stage by stage; what it took over stays in `mails`."""

    def __init__(self):
        self.mails, self.sessions = [], 0
        self.answers, self.hang_up_at, self.passwords = {}, set(), {"zoe": "sesame"}

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        self.sessions += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(self, server, session, envelope, address, options):
        return self._answer("MAIL", server) or self._keep(envelope, "mail_from", address)

    async def handle_RCPT(self, server, session, envelope, address, options):
        if refusal := self._answer("RCPT", server):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        refusal = self._answer("DATA", server)
        if refusal is None:
            self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.original_content))
        return refusal or "250 2.0.0 Queued as 42"

    def _answer(self, stage, server):
        if stage in self.hang_up_at:
            server.transport.abort()
            return "421 never seen"
        return self.answers.pop(stage, None)

    def _keep(self, envelope, name, value):
        setattr(envelope, name, value)
        return "250 2.1.0 OK"

    def authenticate(self, server, session, envelope, mechanism, data):
        known = self.passwords.get(data.login.decode()) == data.password.decode()
        return AuthResult(success=known, handled=False)


@pytest.fixture
def script():
    return Script()


@pytest.fixture
def serve(script):
    """Start the server and give back an account for it."""
    controllers = []

    def start(account=None, **options) -> SmtpAccount:
        options |= {"authenticator": script.authenticate}
        controller = Server(script, **options)
        controllers.append(controller)
        controller.start()
        given = {"host": "127.0.0.1", "port": controller.port, "security": "plain", "timeout": 5}
        return SmtpAccount(**given | (account or {}))

    yield start
    for controller in controllers:
        controller.stop()


@pytest.fixture
def raw_server():
    """A server that says exactly these bytes, one piece after each command, then hangs up."""
    listeners = []

    def start(*pieces: bytes) -> SmtpAccount:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def talk():
            peer, _ = listener.accept()
            with peer:
                for piece in pieces:
                    peer.sendall(piece)
                    if not peer.recv(65536):
                        return

        threading.Thread(target=talk, daemon=True).start()
        port = listener.getsockname()[1]
        return SmtpAccount("127.0.0.1", port, "plain", timeout=5, final_timeout=5)

    yield start
    for listener in listeners:
        listener.close()


def send(account: SmtpAccount, recipient=RECIPIENT):
    with connect(account) as connection:
        return connection.transmit(SENDER, recipient, RAW)


def test_an_accepted_mail_arrives_byte_for_byte_dots_included(serve, script):
    outcome = send(serve())

    assert outcome == Accepted(250, "2.0.0 Queued as 42", "127.0.0.1")
    assert script.mails == [(SENDER, [RECIPIENT], RAW)]


def test_a_mail_without_a_last_line_end_arrives_with_one(serve, script):
    with connect(serve()) as connection:
        connection.transmit(SENDER, RECIPIENT, RAW.removesuffix(b"\r\n"))

    assert script.mails[0][2] == RAW


@pytest.mark.parametrize(
    ("command", "answer", "stage"),
    [
        ("MAIL", "550 5.7.1 Sender refused", "mail"),
        ("RCPT", "550 5.1.1 User unknown", "rcpt"),
        ("RCPT", "450 4.2.0 Greylisted", "rcpt"),
        ("DATA", "451 4.3.0 Try again later", "after_data"),
        ("DATA", "554 5.7.1 Spam", "after_data"),
    ],
)
def test_a_refusal_keeps_its_stage_code_text_and_host(serve, script, command, answer, stage):
    script.answers[command] = answer

    outcome = send(serve())

    assert isinstance(outcome, Refused)
    failure = outcome.failure
    assert (failure.stage, failure.host) == (stage, "127.0.0.1")
    assert f"{failure.code} {failure.text}" == answer
    assert script.mails == []


def test_a_refused_recipient_does_not_spoil_the_next_mail_on_the_same_connection(serve, script):
    script.answers["RCPT"] = "550 5.1.1 User unknown"
    with connect(serve()) as connection:
        outcomes = [connection.transmit(SENDER, f"p{n}@b.example", RAW).outcome for n in range(3)]

    assert outcomes == ["refused", "accepted", "accepted"]
    assert [recipients for _, recipients, _ in script.mails] == [["p1@b.example"], ["p2@b.example"]]
    assert script.sessions == 1


def test_a_connection_that_was_hung_up_while_idle_is_opened_anew(serve, script):
    script.answers["RCPT"] = "421 4.7.0 Too many mails on this connection"
    with connect(serve()) as connection:
        first = connection.transmit(SENDER, RECIPIENT, RAW)
        second = connection.transmit(SENDER, RECIPIENT, RAW)

    assert isinstance(first, Refused)
    assert first.failure.code == 421
    assert second.outcome == "accepted"
    assert script.sessions == 2


@pytest.mark.parametrize(("command", "stage"), [("MAIL", "mail"), ("RCPT", "rcpt")])
def test_a_server_that_hangs_up_before_the_content_has_not_taken_the_mail(
    serve, script, command, stage
):
    script.hang_up_at = {command}

    outcome = send(serve())

    assert isinstance(outcome, Refused)
    assert (outcome.failure.stage, outcome.failure.code) == (stage, 0)
    assert outcome.failure.text == "The server hung up."


def test_a_server_that_hangs_up_after_the_content_leaves_the_outcome_unknown(serve, script):
    script.hang_up_at = {"DATA"}
    account = serve()

    with connect(account) as connection:
        lost = connection.transmit(SENDER, RECIPIENT, RAW)
        script.hang_up_at = set()
        next_one = connection.transmit(SENDER, RECIPIENT, RAW)

    assert isinstance(lost, Unknown)
    assert (lost.failure.stage, lost.failure.code) == ("after_data", 0)
    assert lost.failure.text == "The server hung up. Whether it took the mail is not known."
    assert next_one.outcome == "accepted"


OPENING = (b"220 ready\r\n", b"250 hello\r\n", b"250 sender\r\n", b"250 to\r\n")


def test_a_server_that_says_nothing_after_the_content_leaves_the_outcome_unknown(raw_server):
    account = raw_server(*OPENING, b"354 go\r\n", b"")
    hasty = SmtpAccount("127.0.0.1", account.port, "plain", timeout=5, final_timeout=0.2)

    outcome = send(hasty)

    assert isinstance(outcome, Unknown)
    assert outcome.failure.text.startswith("The server did not answer in time. Whether")


@pytest.mark.parametrize("garbage", [b"what?\r\n", b"999 what\r\n", b"354 more\r\n", b"2" * 9999])
def test_an_answer_that_is_none_leaves_the_outcome_unknown(raw_server, garbage):
    assert send(raw_server(*OPENING, b"354 go\r\n", garbage, b"")).outcome == "unknown"


def test_a_server_that_hangs_up_instead_of_354_has_not_taken_the_mail(raw_server):
    outcome = send(raw_server(*OPENING))

    assert isinstance(outcome, Refused)
    assert (outcome.failure.stage, outcome.failure.code) == ("data", 0)


def test_an_answer_of_several_lines_and_odd_bytes_is_kept_readable(raw_server):
    outcome = send(raw_server(*OPENING[:3], b"550-5.1.1 Bo\xc3\xaete\r\n550 inconnue \xff\r\n"))

    assert outcome.failure.text == "5.1.1 Boîte\ninconnue \ufffd"


GREETING = (b"220 ready\r\n", b"250-hello\r\n250 PIPELINING\r\n")
TAKEN = (b"250 sender\r\n250 to\r\n354 go\r\n", b"250 taken\r\n")


def test_a_server_that_pipelines_hears_the_envelope_at_once(raw_server):
    account = raw_server(*GREETING, *TAKEN, *TAKEN, b"221 bye\r\n")

    with connect(account) as connection:
        outcomes = [connection.transmit(SENDER, RECIPIENT, RAW).outcome for _ in range(2)]

    assert outcomes == ["accepted", "accepted"]


@pytest.mark.parametrize(
    ("answers", "stage", "code"),
    [
        (b"553 no\r\n503 order\r\n503 order\r\n", "mail", 553),
        (b"250 sender\r\n550 unknown\r\n503 order\r\n", "rcpt", 550),
        (b"250 sender\r\n250 to\r\n451 later\r\n", "data", 451),
    ],
)
def test_a_refusal_within_a_pipeline_leaves_the_connection_to_the_next_mail(
    raw_server, answers, stage, code
):
    account = raw_server(*GREETING, answers, b"250 reset\r\n", *TAKEN, b"221 bye\r\n")

    with connect(account) as connection:
        refused = connection.transmit(SENDER, RECIPIENT, RAW)
        accepted = connection.transmit(SENDER, RECIPIENT, RAW)

    assert (refused.failure.stage, refused.failure.code) == (stage, code)
    assert accepted.outcome == "accepted"


def test_a_server_that_waits_for_content_though_it_refused_is_given_none(raw_server):
    account = raw_server(*GREETING, b"250 sender\r\n550 unknown\r\n354 go\r\n", b"250 taken\r\n")

    with connect(account) as connection:
        outcome = connection.transmit(SENDER, RECIPIENT, RAW)
        assert connection._smtp is None

    assert (outcome.failure.stage, outcome.failure.code) == ("rcpt", 550)


def test_a_password_that_is_taken_signs_in(serve, script):
    account = serve({"username": "zoe", "password": "sesame"}, auth_require_tls=False)

    assert send(account).outcome == "accepted"


def test_a_password_that_is_refused_is_told_in_one_sentence_without_showing_it(serve):
    account = serve({"username": "zoe", "password": "wr0ng"}, auth_require_tls=False)

    with pytest.raises(MailboxUnreachable) as refusal:
        send(account)

    assert str(refusal.value) == (
        f"127.0.0.1:{account.port} refuses the user name or password of zoe"
        " (535 5.7.8 Authentication credentials invalid):"
        " correct them; Google and Microsoft want an app password."
    )
    assert (refusal.value.failure.stage, refusal.value.failure.code) == ("auth", 535)
    assert "wr0ng" not in repr(account)


def test_a_password_that_smtp_cannot_carry_is_told_without_quoting_it(serve):
    account = serve({"username": "zoe", "password": "é"}, auth_require_tls=False)

    with pytest.raises(MailboxUnreachable, match="does not sign zoe in .*ASCII") as refusal:
        send(account)

    assert "é" not in str(refusal.value)
    assert "xe9" not in str(refusal.value)


def test_a_server_without_sign_in_is_told(serve):
    with pytest.raises(MailboxUnreachable, match="does not sign zoe in") as refusal:
        send(serve({"username": "zoe", "password": "sesame"}))  # it offers AUTH under TLS only

    assert refusal.value.failure.stage == "auth"


def test_a_server_that_is_not_there_is_told_with_host_and_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    account = SmtpAccount("127.0.0.1", port, "plain")

    with pytest.raises(MailboxUnreachable, match=f"127.0.0.1:{port} cannot be reached") as refusal:
        send(account)

    assert refusal.value.failure.stage == "connect"


@pytest.mark.parametrize(
    ("pieces", "stage", "code"),
    [
        ((b"554 5.7.1 Not you\r\n", b""), "connect", 554),
        ((b"220 ready\r\n", b"421 busy\r\n", b"421 busy\r\n"), "hello", 421),
    ],
)
def test_a_server_that_turns_us_away_is_told_with_its_words(raw_server, pieces, stage, code):
    with pytest.raises(MailboxUnreachable) as refusal:
        send(raw_server(*pieces))

    assert (refusal.value.failure.stage, refusal.value.failure.code) == (stage, code)


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 sesame\r\n", b"999 sesame\r\n"])
@pytest.mark.parametrize("before", [(), (b"220 ready\r\n", b"502 what?\r\n")])
def test_what_no_smtp_server_says_is_not_repeated(raw_server, before, said):
    with pytest.raises(MailboxUnreachable, match="does not speak SMTP") as refusal:
        send(raw_server(*before, said, b""))

    assert "sesame" not in f"{refusal.value} {refusal.value.failure}"


def test_nor_is_it_in_the_middle_of_a_conversation(raw_server):
    outcome = send(raw_server(*GREETING, b"HTTP/1.1 400 sesame\r\n"))

    assert outcome.failure.text == "What answers does not speak SMTP."


def test_a_server_that_stops_while_a_connection_waits_refuses_the_next_mail(script):
    controller = Server(script)
    controller.start()
    with connect(SmtpAccount("127.0.0.1", controller.port, "plain", timeout=5)) as connection:
        first = connection.transmit(SENDER, RECIPIENT, RAW)
        controller.stop()
        script.hang_up_at = {"MAIL"}
        second = connection.transmit(SENDER, RECIPIENT, RAW)
        third = connection.transmit(SENDER, RECIPIENT, RAW)

    assert first.outcome == "accepted"
    assert second.outcome == third.outcome == "refused"
    assert third.failure.stage == "connect"


@pytest.mark.parametrize("recipient", ["jérôme@b.example", "a@b.example\r\nRCPT TO:<c@d>", "a"])
def test_an_address_that_cannot_be_mailed_is_refused_before_anything_is_sent(
    serve, script, recipient
):
    with pytest.raises(MailRefused):
        send(serve(), recipient)

    assert script.mails == []


@pytest.mark.parametrize("host", ["smtp.example.com", "192.0.2.1", "localhost.example.com"])
def test_plain_text_is_spoken_to_this_machine_only(host):
    with pytest.raises(PlainRefused, match="choose starttls or tls"):
        SmtpAccount(host, 25, "plain")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """The contexts of a server that has signed for itself and of a client that trusts it."""
    name = x509.IPAddress(IPv4Address("127.0.0.1"))
    path = make_certificate(tmp_path_factory.mktemp("tls"), name)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=str(path))


def test_starttls_encrypts_and_signs_in(serve, certificate):
    server, client = certificate
    account = {"security": "starttls", "tls": client, "username": "zoe", "password": "sesame"}

    assert send(serve(account, tls_context=server, require_starttls=True)).outcome == "accepted"


def test_a_certificate_that_nobody_vouches_for_is_refused(serve, certificate):
    server, _ = certificate

    with pytest.raises(MailboxUnreachable, match="certificate") as refusal:
        send(serve({"security": "starttls"}, tls_context=server))

    assert refusal.value.failure.stage == "hello"


def test_starttls_is_not_skipped_when_the_server_does_not_offer_it(serve, script):
    with pytest.raises(MailboxUnreachable, match="check the security setting"):
        send(serve({"security": "starttls"}))

    assert script.mails == []


def test_tls_from_the_first_byte_encrypts(serve, script, certificate):
    server, client = certificate

    account = serve({"security": "tls", "tls": client}, ssl_context=server)

    assert send(account).outcome == "accepted"
