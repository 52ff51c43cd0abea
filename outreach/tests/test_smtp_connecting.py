"""Reaching a server: signing in, encryption, and what is told where either fails."""

import socket
import ssl
from ipaddress import IPv4Address

import pytest
from cryptography import x509

from outreach.smtp import MailboxUnreachable, PlainRefused, SmtpAccount
from outreach.tests.certificates import make_certificate
from outreach.tests.smtp_server import send


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
