"""Fetching from a real IMAP server, which other people's mail programs read as well."""

import imaplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from ipaddress import IPv4Address

import pytest
from cryptography import x509

from outreach.inbox import fetching, imap
from outreach.inbox.imap import ImapAccount, check_account, fetch_new
from outreach.tests.certificates import make_certificate
from outreach.tests.mail_server import PASSWORD, MailServer, free_port, running_mail_server


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[MailServer]:
    with running_mail_server(tmp_path_factory.mktemp("mail") / "log") as running:
        yield running


@pytest.fixture
def account(server, request) -> ImapAccount:
    """Give every test a mailbox of its own."""
    return ImapAccount(
        "127.0.0.1", server.imap_port, "plain", f"{request.node.name}@a.fr", PASSWORD
    )


def letter(account: ImapAccount, subject: str, body: bytes = b"Oui.") -> bytes:
    head = f"From: jean@exemple.fr\r\nTo: {account.username}\r\nSubject: {subject}\r\n\r\n"
    return head.encode() + body + b"\r\n"


def subjects(fetched) -> list[str]:
    return [one.message["Subject"] for one in fetched]


def test_new_mail_is_fetched_once_and_in_order(server, account):
    state = {}
    server.deliver(account.username, letter(account, "one"), letter(account, "two"))

    first = subjects(fetch_new(account, state=state))
    again = subjects(fetch_new(account, state=state))
    server.deliver(account.username, letter(account, "three"))
    later = subjects(fetch_new(account, state=state))

    assert (first, again, later) == (["one", "two"], [], ["three"])


def test_the_mailbox_shows_no_trace_of_the_reading(server, account):
    server.deliver(account.username, letter(account, "one"))

    list(fetch_new(account, state={}))

    client = server.client(account.username)
    client.select("INBOX", readonly=True)
    assert client.fetch("1", "(FLAGS)")[1] == [b"1 (FLAGS ())"]
    client.logout()


def test_the_state_moves_on_with_every_message_not_at_the_end(server, account):
    state = {}
    server.deliver(account.username, letter(account, "one"), letter(account, "two"))

    reading = fetch_new(account, state=state)
    assert next(reading).message["Subject"] == "one"
    reading.close()  # as when the process dies here

    assert subjects(fetch_new(account, state=state)) == ["two"]


def test_a_changed_uidvalidity_makes_the_folder_read_again(server, account):
    state = {}
    server.deliver(account.username, letter(account, "one"))
    list(fetch_new(account, state=state))
    known = dict(state["INBOX"])
    state["INBOX"] = {"uidvalidity": known["uidvalidity"] - 1, "last_uid": 9_999_999}

    again = subjects(fetch_new(account, state=state))

    assert again == ["one"]
    assert state["INBOX"] == known


def test_a_uid_beyond_the_last_returns_nothing(server, account):
    """`UID 10000:*` names the last message even when its UID is 101."""
    state = {}
    server.deliver(account.username, letter(account, "one"))
    list(fetch_new(account, state=state))
    state["INBOX"]["last_uid"] = 9_999

    assert list(fetch_new(account, state=state)) == []


def test_the_first_reading_can_leave_old_mail_alone(server, account):
    server.deliver(account.username, letter(account, "today"))
    tomorrow = datetime.now(UTC).date() + timedelta(days=2)

    assert list(fetch_new(account, state={}, since=tomorrow)) == []
    assert subjects(fetch_new(account, state={}, since=date(2020, 1, 31))) == ["today"]


def test_junk_is_read_as_well(server, account):
    client = server.client(account.username)
    client.create("Junk")
    client.append("Junk", None, None, letter(account, "lost"))
    client.logout()
    state = {}

    fetched = list(fetch_new(account, state=state))

    assert [(one.folder, one.message["Subject"]) for one in fetched] == [("Junk", "lost")]
    assert check_account(account) == ["INBOX", "Junk"]
    assert set(state) == {"INBOX", "Junk"}


def test_of_a_huge_message_only_the_headers_are_fetched(server, account, monkeypatch):
    monkeypatch.setattr(fetching, "LARGEST_BYTES", 2_000)
    server.deliver(account.username, letter(account, "huge", b"yyy yyy\r\n" * 300))

    (fetched,) = fetch_new(account, state={})

    assert (fetched.truncated, fetched.message["Subject"]) == (True, "huge")
    assert fetched.problem == "It is larger than 5 MB: only its headers were read."
    assert fetched.size > 2_000
    assert b"yyy" not in fetched.raw


def refuse(monkeypatch, *, what):
    """Have the server refuse to give this part of any message."""
    ask = imaplib.IMAP4.uid

    def answer(client, command, *arguments):
        told = ask(client, command, *arguments)
        refused = command == "FETCH" and what in arguments[-1]
        return ("NO", [b"Cannot convert it."]) if refused else told

    monkeypatch.setattr(imaplib.IMAP4, "uid", answer)


def test_of_a_message_that_is_refused_the_headers_count(server, account, monkeypatch):
    server.deliver(account.username, letter(account, "odd"))
    refuse(monkeypatch, what="BODY.PEEK[]")

    (fetched,) = fetch_new(account, state={})

    assert (fetched.truncated, fetched.message["Subject"]) == (True, "odd")
    assert fetched.problem == "The server gives the headers only (Cannot convert it.)."


def test_a_message_that_is_refused_is_not_passed_over(server, account, monkeypatch):
    """It may be an answer: the mailbox stays unread, so that nothing more is sent."""
    server.deliver(account.username, letter(account, "before"))
    state = {}
    list(fetch_new(account, state=state))
    read = deepcopy(state)
    server.deliver(account.username, letter(account, "refused"))

    for what in ("INTERNALDATE", "BODY.PEEK"):
        with monkeypatch.context() as refusing:
            refuse(refusing, what=what)
            with pytest.raises(imap.ConnectionLost, match="Cannot convert it"):
                list(fetch_new(account, state=state))
        assert state["INBOX"] == read["INBOX"]

    assert subjects(fetch_new(account, state=state)) == ["refused"]


def test_a_broken_message_does_not_stop_the_folder(server, account):
    client = server.client(account.username)
    for raw in (b"no headers at all\r\n", b"From: \xff\xfe\r\nSubject: \xff\r\n\r\n\xff\x00\r\n"):
        client.append("INBOX", None, None, raw)
    client.logout()
    server.deliver(account.username, letter(account, "after"))

    broken, odd, after = fetch_new(account, state={})

    assert (broken.message, broken.problem) == (None, "The message has no headers.")
    assert broken.raw.strip() == b"no headers at all"
    assert odd.message is not None
    assert after.message["Subject"] == "after"


def test_the_time_of_arrival_is_the_servers(server, account):
    server.deliver(account.username, letter(account, "one"))

    (fetched,) = fetch_new(account, state={})

    assert fetched.received_at.tzinfo is UTC
    assert abs(fetched.received_at - datetime.now(UTC)) < timedelta(days=1)


def test_a_wrong_password_is_named(account):
    wrong = replace(account, password="wrong")

    with pytest.raises(imap.PasswordRefused, match="127.0.0.1 refuses the password of") as refusal:
        check_account(wrong)

    assert "\n" not in str(refusal.value)


def test_a_password_with_a_line_break_is_never_sent(account):
    with pytest.raises(imap.PasswordRefused, match="control character"):
        check_account(replace(account, password="x\r\nA1 DELETE INBOX"))


@pytest.mark.parametrize(
    ("host", "port"), [("127.0.0.1", None), ("127.0.0.1", 0), ("nowhere.invalid", 993)]
)
def test_a_host_that_cannot_be_reached_is_named(account, host, port):
    nowhere = replace(
        account, host=host, port=free_port() if port is None else port, security="tls"
    )

    with pytest.raises(imap.HostUnreachable, match=f"The IMAP server {host}:.*cannot be reached"):
        check_account(nowhere)


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_server_without_the_encryption_asked_for_is_named(account, security):
    with pytest.raises(imap.TlsFailed, match=f"does not speak {security} as asked"):
        check_account(replace(account, security=security))


@pytest.mark.parametrize("host", ["mail.exemple.fr", "192.0.2.1", "127.0.0.1.exemple.fr"])
def test_a_password_never_travels_unencrypted_over_a_network(account, host):
    with pytest.raises(imap.InsecureConnection, match="choose tls or starttls"):
        check_account(replace(account, host=host))


@contextmanager
def server_that_answers(tls: ssl.SSLContext | None = None, **answers: str) -> Iterator[int]:
    """A server that answers OK, or what is given for a command; "" makes it hang up."""

    def serve() -> None:
        connection, _ = listener.accept()
        if tls:
            connection = tls.wrap_socket(connection, server_side=True)
        with connection, connection.makefile("rwb", buffering=0) as wire:
            wire.write(b"* OK [CAPABILITY IMAP4rev1] hello\r\n")
            for line in wire:
                tag, command, *_ = line.decode().split()
                said = answers.get(command, "OK done")
                if not said or command == "LOGOUT":
                    return
                listing = b'* LIST () "/" INBOX\r\n* CAPABILITY IMAP4rev1\r\n'
                wire.write(listing + f"{tag} {said}\r\n".encode())

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@pytest.mark.parametrize(
    ("answers", "error", "sentence"),
    [
        ({"LOGIN": ""}, imap.ConnectionLost, "127.0.0.1 broke off during sign-in"),
        ({"LIST": ""}, imap.ConnectionLost, "127.0.0.1 broke off while"),
        ({"EXAMINE": ""}, imap.ConnectionLost, "what was read is kept"),
        ({"EXAMINE": "NO gone"}, imap.FolderMissing, r"folder INBOX cannot be opened \(gone\)"),
        ({"LOGIN": "NO wrong"}, imap.PasswordRefused, "refuses the password"),
        ({"LOGIN": "NO [UNAVAILABLE] Down"}, imap.ConnectionLost, "does not sign camille in for"),
        ({"LOGIN": "NO [ALERT] Too many simultaneous connections."}, imap.SignInDelayed, "later"),
        ({"LOGIN": "NO Server Unavailable. 15"}, imap.SignInDelayed, "tried again"),
        ({"UID": "NO busy"}, imap.ConnectionLost, "the rest comes next time"),
    ],
)
def test_what_goes_wrong_is_said_in_one_sentence(answers, error, sentence):
    with server_that_answers(**answers) as port:
        account = ImapAccount("127.0.0.1", port, "plain", "camille", "secret")

        with pytest.raises(error, match=sentence):
            list(fetch_new(account, state={}))


def test_tls_from_the_first_byte_encrypts(tmp_path, monkeypatch):
    certificate = make_certificate(tmp_path, x509.IPAddress(IPv4Address("127.0.0.1")))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    with server_that_answers(context) as port:
        account = ImapAccount("127.0.0.1", port, "tls", "camille", "secret")
        assert check_account(account) == ["INBOX"]


def test_an_account_never_shows_its_password(account):
    assert PASSWORD not in repr(account)
