"""A mailbox is tried against its real servers, and a refused password is one sentence."""

import pytest
from django.core.management import CommandError, call_command

from outreach.services import checking
from outreach.services.mailboxes import set_password
from outreach.tests.dribbling import Dribbler
from outreach.tests.mail_server import PASSWORD, running_mail_server
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_mailbox, make_organisation


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_mail_server(tmp_path_factory.mktemp("mail") / "log") as running:
        yield running


@pytest.fixture
def acme(committed, server):
    return make_organisation(slug="acme")


def add(organisation, server, password=PASSWORD, **fields):
    ports = {"smtp_port": server.smtp_port, "imap_port": server.imap_port}
    account = {"address": "ada@acme.example.com", "username": "ada@acme.example.com"}
    with tenant(organisation.pk):
        mailbox = make_mailbox(**(account | ports | fields))
        set_password(mailbox, password)
        mailbox.save()
    return mailbox


def test_a_mailbox_that_works_says_so(acme, server, capsys):
    add(acme, server)

    call_command("check_mailbox", "Ada@acme.example.com", "--organisation", "acme")

    assert "ada@acme.example.com sends and is read" in capsys.readouterr().out


def test_a_refused_password_is_one_sentence_and_code_2(acme, server):
    add(acme, server, "wrong")

    with pytest.raises(CommandError, match="password") as refusal:
        call_command("check_mailbox", "ada@acme.example.com", "--organisation", "acme")

    assert refusal.value.returncode == 2
    assert "\n" not in str(refusal.value)


def test_an_unknown_mailbox_is_named(acme):
    with pytest.raises(CommandError, match="acme has no mailbox x@y.fr") as refusal:
        call_command("check_mailbox", "x@y.fr", "--organisation", "acme")

    assert refusal.value.returncode == 2


@pytest.mark.parametrize(
    ("port", "greeting"), [("smtp_port", b"220 " + 60 * b"."), ("imap_port", b"* OK " + 60 * b".")]
)
def test_servers_that_dribble_are_left(acme, server, monkeypatch, port, greeting):
    monkeypatch.setattr(checking, "TOGETHER", 0.6)
    dribbler = Dribbler(greeting)
    mailbox = add(acme, server, **{port: dribbler.port})

    with pytest.raises(checking.ServersTooSlow):
        checking.check(mailbox)

    dribbler.join()
    assert dribbler.was_left
