"""A mailbox signs in by an access token: at a real SMTP server, and a real IMAP server."""

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from time import sleep

import pytest
from django.db import connection

from iam.models import AuditEvent
from outreach.inbox.imap import (
    AccessRefused,
    ConnectionLost,
    PasswordRefused,
    SignInDelayed,
    check_account,
)
from outreach.models import Mailbox
from outreach.oauth import SignInWithdrawn, TokenRefused, TokenUnavailable
from outreach.services import checking, signing_in
from outreach.services.mailboxes import imap_account, smtp_account
from outreach.services.signing_in import access_token_of, oauth_secrets, seal_oauth
from outreach.smtp import Envelope, MailboxUnreachable, connect
from outreach.tests.token_peers import ImapPeer, SmtpPeer
from outreach.tests.token_server import GOOD, TokenServer
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_mailbox, make_organisation

RAW = b"Subject: Bonjour\r\n\r\nOui.\r\n"


@pytest.fixture
def provider(settings):
    settings.DEBUG = True
    with TokenServer() as server:
        yield server


@pytest.fixture
def smtp():
    with SmtpPeer() as peer:
        yield peer


@pytest.fixture
def imap():
    with ImapPeer() as peer:
        yield peer


@pytest.fixture
def mailbox(committed, provider, smtp, imap) -> Mailbox:
    organisation = make_organisation()
    with tenant(organisation.pk):
        return make_mailbox(
            username="zoe",
            sign_in="oauth",
            oauth_token_url=provider.url,
            oauth_client_id="us",
            sealed_oauth=seal_oauth(client_secret="secret", refresh_token="renew-me"),
            smtp_port=smtp.port,
            imap_port=imap.port,
        )


def fresh(mailbox: Mailbox) -> Mailbox:
    with tenant(mailbox.organisation_id):
        return Mailbox.objects.get(pk=mailbox.pk)


def test_a_mail_leaves_and_the_inbox_is_read_by_one_token(mailbox, provider, smtp):
    with connect(smtp_account(mailbox)) as connection:
        outcome = connection.transmit(Envelope("zoe@a.example", "jean@b.example"), RAW)
    folders = check_account(imap_account(mailbox))

    assert (outcome.outcome, smtp.mails, folders) == ("accepted", [RAW], ["INBOX"])
    assert len(provider.asked) == 1


def test_no_password_is_sent_where_a_token_is_used(mailbox):
    with tenant(mailbox.organisation_id):
        mailbox.sealed_password = seal_oauth(client_secret="", refresh_token="not this")
        mailbox.save()

    assert smtp_account(mailbox).password == imap_account(mailbox).password == ""


def test_a_token_that_ends_is_renewed_in_time(mailbox, provider):
    provider.more["expires_in"] = signing_in.EARLY  # by the time it is here, too late to begin

    token = access_token_of(mailbox)

    assert [token(), token()] == [GOOD, GOOD]
    assert len(provider.asked) == 2


def test_other_secrets_are_used_at_once(mailbox, provider):
    access_token_of(mailbox)()
    provider.refresh_token = "entered-anew"
    with tenant(mailbox.organisation_id):
        mailbox.sealed_oauth = seal_oauth(client_secret="", refresh_token="entered-anew")
        mailbox.save()

    assert access_token_of(mailbox)() == GOOD
    assert provider.asked[-1]["refresh_token"] == "entered-anew"


def test_the_refresh_token_given_in_exchange_is_kept_and_not_told(mailbox, provider):
    provider.more["refresh_token"] = "the-next"

    access_token_of(mailbox)()

    kept = fresh(mailbox)
    assert oauth_secrets(kept) == {"client_secret": "secret", "refresh_token": "the-next"}
    with tenant(mailbox.organisation_id):
        told = str(AuditEvent.objects.filter(object_id=str(mailbox.pk)).values_list("changes"))
    assert kept.sealed_oauth not in told
    assert access_token_of(mailbox)() == access_token_of(kept)() == GOOD
    assert len(provider.asked) == 1


class Rotating(TokenServer):
    """Takes each refresh token once, slowly enough that two who ask at once meet."""

    def answer(self, form):
        sleep(0.3)
        status, said = super().answer(form)
        if status == 200:
            said["refresh_token"] = self.refresh_token = f"renew-{len(self.asked)}"
        return status, said


def test_two_processes_renew_one_after_the_other(mailbox, monkeypatch):
    monkeypatch.setattr(signing_in, "_known", lambda *_: "")  # neither knows what the other does
    with Rotating() as rotating, ThreadPoolExecutor(2) as processes:
        with tenant(mailbox.organisation_id):
            Mailbox.objects.update(oauth_token_url=rotating.url)

        tokens = list(processes.map(signed_in_to, [fresh(mailbox)] * 2))

        assert tokens == [GOOD, GOOD]
        assert [each["refresh_token"] for each in rotating.asked] == ["renew-me", "renew-1"]
    assert oauth_secrets(fresh(mailbox))["refresh_token"] == "renew-2"


def test_two_threads_ask_for_one_token(mailbox):
    with Rotating() as rotating, ThreadPoolExecutor(2) as threads:
        with tenant(mailbox.organisation_id):
            Mailbox.objects.update(oauth_token_url=rotating.url)

        tokens = list(threads.map(signed_in_to, [fresh(mailbox)] * 2))

    assert (tokens, len(rotating.asked)) == ([GOOD, GOOD], 1)


def signed_in_to(mailbox: Mailbox) -> str:
    """A token, asked for from a thread of its own."""
    with closing(connection):
        return access_token_of(mailbox)()


def test_what_somebody_entered_meanwhile_is_not_overwritten(mailbox, provider, monkeypatch):
    entered = seal_oauth(client_secret="", refresh_token="typed")
    refreshed = signing_in.refreshed

    def enter():
        with closing(connection), tenant(mailbox.organisation_id):
            Mailbox.objects.update(sealed_oauth=entered)

    def meanwhile(client):
        with ThreadPoolExecutor() as somebody:
            somebody.submit(enter).result()
        return refreshed(client)

    provider.more["refresh_token"] = "the-next"
    monkeypatch.setattr(signing_in, "refreshed", meanwhile)
    access_token_of(mailbox)()

    assert fresh(mailbox).sealed_oauth == entered


def test_a_withdrawn_sign_in_is_one_sentence_and_our_fault(mailbox, provider):
    """As a wrong password: the stage and the code by which the mailbox is stopped."""
    provider.refresh_token = "another"

    with pytest.raises(MailboxUnreachable, match="sign in there again") as refusal:
        connect(smtp_account(mailbox)).__enter__()
    with pytest.raises(PasswordRefused, match="sign in there again"):
        check_account(imap_account(mailbox))

    assert (refusal.value.failure.stage, refusal.value.failure.code) == ("auth", 535)
    assert isinstance(refusal.value.__cause__, SignInWithdrawn)


def test_a_token_server_that_is_away_is_nobodys_fault(mailbox, provider):
    provider.answers = [(503, b"")] * 2

    with pytest.raises(MailboxUnreachable) as refusal:
        connect(smtp_account(mailbox)).__enter__()
    with pytest.raises(ConnectionLost):
        check_account(imap_account(mailbox))

    assert (refusal.value.failure.stage, refusal.value.failure.code) == ("auth", 0)
    assert isinstance(refusal.value.__cause__, TokenUnavailable)


def test_a_server_that_refuses_the_token_is_answered_by_nothing(mailbox, smtp, imap):
    """The reason comes as a challenge, which an empty line ends."""
    sending = replace(smtp_account(mailbox), access_token=lambda: "stale")
    reading = replace(imap_account(mailbox), access_token=lambda: "stale")

    with pytest.raises(MailboxUnreachable, match="refuses the access token of zoe") as refusal:
        connect(sending).__enter__()
    with pytest.raises(AccessRefused, match="refuses the access token of zoe"):
        check_account(reading)

    assert refusal.value.failure.code == 535
    assert smtp.said[1:] == [b""]
    assert imap.said[1:] == [b""]


def test_a_server_that_is_busy_is_nobodys_fault(mailbox, imap):
    imap.refusal = b"NO [INUSE] Mailbox in use"

    with pytest.raises(SignInDelayed):
        check_account(replace(imap_account(mailbox), access_token=lambda: "stale"))


def test_a_server_that_knows_no_tokens_is_told(mailbox):
    with SmtpPeer(auth_exclude_mechanism=["XOAUTH2"]) as passwords_only:
        account = replace(smtp_account(mailbox), port=passwords_only.port)

        with pytest.raises(MailboxUnreachable, match="does not offer XOAUTH2"):
            connect(account).__enter__()


def test_secrets_that_no_key_opens_stop_the_mailbox(mailbox):
    with tenant(mailbox.organisation_id):
        Mailbox.objects.update(sealed_oauth="broken")

    with pytest.raises(TokenRefused, match="No key in CREDENTIAL_KEYS"):
        access_token_of(fresh(mailbox))()


def test_no_token_is_logged_or_shown(mailbox, caplog):
    caplog.set_level(logging.DEBUG)
    accounts = smtp_account(mailbox), imap_account(mailbox)

    with connect(accounts[0]):
        check_account(accounts[1])

    for shown in (caplog.text, repr(accounts), repr(mailbox.__dict__)):
        assert GOOD not in shown
        assert "renew-me" not in shown


def test_the_connection_test_names_who_refuses(mailbox, provider):
    assert checking.check(mailbox) == ["INBOX"]
    provider.refresh_token = "another"
    signing_in._tokens.clear()

    smtp, imap = checking.trials(mailbox)

    assert [type(each.refusal) for each in (smtp, imap)] == [SignInWithdrawn, SignInWithdrawn]
    assert smtp.sentence == SignInWithdrawn.__doc__
