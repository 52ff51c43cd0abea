"""Looking into the folder of sent mails, on real servers."""

import imaplib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from zlib import crc32

import pytest

from outreach.inbox.imap import (
    ConnectionLost,
    FolderMissing,
    HostUnreachable,
    ImapAccount,
    PasswordRefused,
)
from outreach.inbox.sent_folder import look_for, sent_since
from outreach.tests import dovecot
from outreach.tests.dovecot import Dovecot, running_dovecot
from outreach.tests.mail_server import PASSWORD, MailServer, free_port, running_mail_server

ID = "<0198c0de00007000800000000000cafe@acme.fr>"
OTHER = "<0198c0de00007000800000000000beef@acme.fr>"


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with running_dovecot() as running:
        yield running


@pytest.fixture(scope="module")
def plain_server(tmp_path_factory) -> Iterator[MailServer]:
    """One that marks no folder by its use."""
    with running_mail_server(tmp_path_factory.mktemp("mail") / "log") as running:
        yield running


@pytest.fixture
def account(server, request) -> ImapAccount:
    user = f"{request.node.originalname}@acme.fr"
    return ImapAccount("127.0.0.1", server.imap_port, "plain", user, dovecot.PASSWORD)


@pytest.fixture
def plain_account(plain_server, request) -> ImapAccount:
    user = f"box{crc32(request.node.name.encode())}@acme.fr"
    return ImapAccount("127.0.0.1", plain_server.imap_port, "plain", user, PASSWORD)


def mail(identifier: str, **headers: str) -> bytes:
    told = {"Message-ID": identifier, "Subject": "Une idée"} | headers
    return (
        "".join(f"{name}: {value}\r\n" for name, value in told.items()).encode() + b"\r\nOui.\r\n"
    )


def test_a_mail_is_found_by_its_message_id_in_the_folder_marked_as_sent(server, account):
    server.keep(account.username, mail(ID))
    server.keep(account.username, mail("<another@acme.fr>"))

    look = look_for(account, [ID, OTHER])

    assert list(look.found) == [ID]
    assert look.found[ID].raw == mail(ID)
    assert look.found[ID].received_at is not None
    assert (look.missing, look.problem) == ({OTHER}, None)


def test_a_folder_that_is_only_named_sent_does_not_count_beside_one_that_is_marked(server, account):
    server.keep(account.username, mail(ID), folder="Sent")

    assert look_for(account, [ID]).missing == {ID}


def test_a_mail_that_only_refers_to_ours_is_not_ours(server, account):
    server.keep(account.username, mail(OTHER, References=ID))
    server.keep(account.username, mail(f"<x{ID[1:]}"))

    assert look_for(account, [ID]).missing == {ID}


def test_the_mailbox_shows_no_trace_of_the_look(server, account):
    server.keep(account.username, mail(ID))

    look_for(account, [ID])

    with server.client(account.username) as client:
        client.select(f'"{dovecot.SENT}"', readonly=True)
        assert client.fetch("1", "(FLAGS)")[1] == [b"1 (FLAGS (\\Recent))"]


@pytest.mark.parametrize("name", ["Sent", "Envoy&AOk-s", '"[Gmail]/Sent Mail"', '"Sent Items"'])
def test_where_no_folder_is_marked_it_is_known_by_its_name(plain_server, plain_account, name):
    client = plain_server.client(plain_account.username)
    client.create(name)
    assert client.append(name, "", "", mail(ID))[0] == "OK"
    client.logout()

    assert list(look_for(plain_account, [ID]).found) == [ID]


def test_without_a_folder_of_sent_mails_nothing_is_missing_and_the_sentence_says_so(plain_account):
    look = look_for(plain_account, [ID])

    assert (look.found, look.missing) == ({}, set())
    assert isinstance(look.problem, FolderMissing)
    assert "no folder of sent mails" in str(look.problem)


def test_a_server_that_refuses_or_is_not_there_makes_nothing_missing(server, account):
    wrong = ImapAccount("127.0.0.1", server.imap_port, "plain", account.username, "wrong")
    nowhere = ImapAccount("127.0.0.1", free_port(), "plain", account.username, "wrong")

    refused, away = look_for(wrong, [ID]), look_for(nowhere, [ID])

    assert isinstance(refused.problem, PasswordRefused)
    assert isinstance(away.problem, HostUnreachable)
    assert refused.missing == away.missing == set()


def test_the_heads_of_what_was_sent_since_a_day_are_given_without_their_text(server, account):
    old = imaplib.Time2Internaldate(datetime(2026, 11, 20, 12, tzinfo=UTC))
    with server.client(account.username) as client:
        client.append(f'"{dovecot.SENT}"', "", old, mail(OTHER))
    server.keep(account.username, mail(ID, To="zoe@acme.fr"))

    (heads,) = sent_since(account, date(2026, 11, 22))

    (head,) = heads
    assert (head.message["Message-ID"], head.message["To"]) == (ID, "zoe@acme.fr")
    assert (head.message.get_payload(), head.received_at is not None) == ("", True)


def test_a_mailbox_without_a_folder_of_sent_mails_says_so_when_it_is_looked_through(plain_account):
    with pytest.raises(FolderMissing, match="no folder of sent mails"):
        list(sent_since(plain_account, date(2026, 11, 22)))


def test_a_server_that_does_not_give_the_heads_is_not_taken_for_one_that_has_none(
    server, account, monkeypatch
):
    server.keep(account.username, mail(ID))
    ask = imaplib.IMAP4.uid

    def refuse_heads(client, command, *arguments):
        answer = ask(client, command, *arguments)
        return ("NO", [b"Server busy."]) if command == "FETCH" else answer

    monkeypatch.setattr(imaplib.IMAP4, "uid", refuse_heads)

    with pytest.raises(ConnectionLost, match="broke off"):
        list(sent_since(account, date(2026, 11, 22)))
