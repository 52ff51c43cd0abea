"""What is wrong with a mailbox's servers is named: their certificates, above all."""

import socket
import ssl
from contextlib import ExitStack, contextmanager, suppress
from ipaddress import IPv4Address
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest
from aiosmtpd.controller import Controller
from cryptography import x509

from outreach.certificates import (
    CertificateExpired,
    CertificateForAnotherName,
    CertificateUntrusted,
)
from outreach.inbox.imap import TlsFailed, check_account
from outreach.models import Mailbox
from outreach.services.checking import check, trials
from outreach.services.mailboxes import imap_account, smtp_account
from outreach.smtp import MailboxUnreachable, connect
from outreach.tests.certificates import make_certificate
from outreach.tests.making import MORNING
from outreach.tests.postbox import World
from outreach.tests.token_peers import ImapPeer

HERE = x509.IPAddress(IPv4Address("127.0.0.1"))
ELSEWHERE = x509.DNSName("mail.elsewhere.example")
SENTENCES = {
    CertificateExpired: "is not valid today",
    CertificateForAnotherName: "is for another host",
    CertificateUntrusted: "Nobody this machine trusts",
}


class Smtp(Controller):
    """An SMTP server on a free port, whose certificate is what it is."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        try:
            super()._trigger_server()  # asks for a greeting, without the trust that it takes
        except ssl.SSLError:
            return


@pytest.fixture
def certified(tmp_path, monkeypatch):
    """Makes a certificate for both servers; trusted, unless it is said not to be."""

    def made(name: x509.GeneralName, *, days: int = 1, trusted: bool = True) -> Path:
        path = make_certificate(tmp_path, name, days=days)
        if trusted:
            monkeypatch.setenv("SSL_CERT_FILE", str(path))
        return path

    return made


@contextmanager
def serving(certificate: Path, security: str):
    """A mailbox at an SMTP and an IMAP server with this certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    how = {"ssl_context": context} if security == "tls" else {"tls_context": context}
    with ExitStack() as stack:
        smtp = Smtp(object(), hostname="127.0.0.1", port=0, **how)
        smtp.start()
        stack.callback(smtp.stop)
        imap = stack.enter_context(ImapPeer(context))
        yield Mailbox(
            username="",
            smtp_host="127.0.0.1",
            smtp_port=smtp.port,
            smtp_security=security,
            imap_host="127.0.0.1",
            imap_port=imap.port,
            imap_security="tls",
        )


WRONG = [
    ((HERE, {"days": 0}), CertificateExpired),
    ((ELSEWHERE, {}), CertificateForAnotherName),
    ((HERE, {"trusted": False}), CertificateUntrusted),
]


@pytest.mark.parametrize("security", ["tls", "starttls"])
@pytest.mark.parametrize(("wrong", "refusal"), WRONG)
def test_what_is_wrong_with_a_certificate_is_named(certified, wrong, refusal, security):
    name, how = wrong
    with serving(certified(name, **how), security) as mailbox:
        tried = list(trials(mailbox))

    assert [type(each.refusal) for each in tried] == [refusal, refusal]
    assert all(SENTENCES[refusal] in each.sentence for each in tried)


@pytest.mark.parametrize(("wrong", "refusal"), WRONG)
def test_the_operator_reads_it_in_one_sentence_with_the_server(certified, wrong, refusal):
    name, how = wrong
    with serving(certified(name, **how), "tls") as mailbox:
        with pytest.raises(MailboxUnreachable) as smtp:
            connect(smtp_account(mailbox)).__enter__()
        with pytest.raises(TlsFailed) as imap:
            check_account(imap_account(mailbox))

    for refused, port in ((smtp, mailbox.smtp_port), (imap, mailbox.imap_port)):
        assert f"127.0.0.1:{port} is not trusted. {refusal.__doc__}" in str(refused.value)
    assert (smtp.value.failure.stage, smtp.value.failure.code) == ("connect", 0)


def test_a_mail_waits_while_the_certificate_is_wrong_and_nobody_is_blamed(committed, certified):
    with serving(certified(ELSEWHERE), "tls") as mailbox:
        world = World(SimpleNamespace(port=mailbox.smtp_port), smtp_security="tls")
        task = world.queue()

        world.send(MORNING)

    task, _, enrollment, held = world.state(task)
    assert (task.status, enrollment.state, held.status) == ("deferred", "active", "active")
    assert "is for another host" in held.status_reason
    assert held.next_send_at > MORNING


def test_a_certificate_that_is_right_is_no_trouble(certified):
    with serving(certified(HERE), "tls") as mailbox:
        assert check(mailbox) == ["INBOX"]


@contextmanager
def talking(words: bytes):
    """The port of a service that says this to whoever comes, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk() -> None:
            with suppress(OSError):
                while True:
                    peer, _ = listener.accept()
                    with peer, suppress(OSError):
                        peer.sendall(words)
                        if words:  # whatever is said in answer, it hangs up
                            peer.recv(1)

        Thread(target=talk, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def codes(security: str, port: int, host: str = "127.0.0.1") -> list[str]:
    """What trying this address for both servers leads to."""
    mailbox = Mailbox(username="")
    for protocol in ("smtp", "imap"):
        setattr(mailbox, f"{protocol}_host", host)
        setattr(mailbox, f"{protocol}_port", port)
        setattr(mailbox, f"{protocol}_security", security)
    return [type(each.refusal).__name__ for each in trials(mailbox)]


@pytest.mark.parametrize("host", ["nowhere.invalid", "nowhere..invalid"])
def test_a_host_name_that_nobody_has_is_named(host):
    assert codes("tls", 465, host) == ["HostUnknown"] * 2


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_port_at_which_nobody_listens_is_named(security):
    with talking(b"") as port:
        pass

    assert codes(security, port) == ["NobodyListens"] * 2


def test_tls_where_a_server_speaks_plainly_is_named():
    with talking(b"220 ready\r\n") as port:
        assert codes("tls", port) == ["TlsNotSpoken"] * 2


@pytest.mark.parametrize("words", [b"", b"E secret of a database\r\n"])
def test_another_service_is_told_from_a_mail_server(words):
    with talking(words) as port:
        assert codes("starttls", port) == ["NoSmtpServer", "NoImapServer"]
