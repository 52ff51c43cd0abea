"""The sender and the reader of a mailbox that signs in by OAuth, and signs by DKIM."""

from datetime import timedelta

import dkim
import pytest

from outreach.mail.signing import make_key
from outreach.models import Mailbox
from outreach.oauth import SignInWithdrawn, TokenUnavailable
from outreach.services import signing_in
from outreach.services.mailbox_secrets import Entered, dkim_record, keep
from outreach.services.signing_in import seal_oauth
from outreach.tests.making import MORNING
from outreach.tests.postbox import World
from outreach.tests.token_peers import ImapPeer, SmtpPeer
from outreach.tests.token_server import TokenServer
from prospectflow import jobs
from prospectflow.tenancy.context import tenant


@pytest.fixture
def provider(settings):
    settings.DEBUG = True
    with TokenServer() as server:
        yield server


@pytest.fixture
def peer():
    with SmtpPeer() as server:
        yield server


@pytest.fixture
def world(committed, provider, peer) -> World:
    """An organisation whose mailbox signs in by a token."""
    return World(
        peer,
        username="zoe",
        sign_in="oauth",
        oauth_token_url=provider.url,
        oauth_client_id="us",
        sealed_oauth=seal_oauth(client_secret="", refresh_token="renew-me"),
    )


def change(world: World, **fields) -> None:
    with tenant(world.organisation_id):
        Mailbox.objects.update(**fields)


def test_mails_leave_by_a_token_that_was_asked_for_once(world, provider, peer):
    world.queue(2)
    change(world, pace_min_seconds=0, pace_max_seconds=0)

    sent = [world.send(MORNING), world.send(MORNING + timedelta(minutes=2))]

    assert [message.status for message in sent] == ["sent", "sent"]
    assert (len(peer.mails), len(provider.asked)) == (2, 1)


def test_a_sign_in_that_was_withdrawn_breaks_the_mailbox_and_keeps_the_mail(world, provider, peer):
    provider.refresh_token = "another"
    task = world.queue()

    world.send(MORNING)

    task, _, enrollment, mailbox = world.state(task)
    assert (mailbox.status, mailbox.status_reason) == ("broken", SignInWithdrawn.__doc__)
    assert (task.status, enrollment.state, peer.mails) == ("deferred", "active", [])


def test_a_token_server_that_is_away_makes_the_mailbox_wait(world, provider, peer):
    provider.answers = [(503, b"")]
    task = world.queue()

    world.send(MORNING)

    task, _, _, mailbox = world.state(task)
    assert (mailbox.status, mailbox.status_reason) == ("active", TokenUnavailable.__doc__)
    assert mailbox.next_send_at > MORNING
    world.send(mailbox.next_send_at)
    assert len(peer.mails) == 1


def test_a_reader_that_is_refused_breaks_the_mailbox_too(world, provider):
    provider.refresh_token = "another"
    with ImapPeer() as inbox:
        change(world, imap_port=inbox.port)
        with pytest.raises(jobs.ImapError):
            jobs.read_inboxes(world.organisation_id, now=MORNING)

    with world.open() as mailbox:
        assert (mailbox.status, mailbox.status_reason) == ("broken", SignInWithdrawn.__doc__)


def test_what_leaves_bears_the_mailboxs_own_signature(world, peer):
    world.queue()
    with world.open() as mailbox:
        mailbox.dkim_selector, mailbox.dkim_domain = "s1", "acme.example.com"
        keep(mailbox, Entered(dkim_key=make_key()), before=None)
        mailbox.domain_report = {"dkim": {"state": "ok", "sentence": "It is published."}}
        mailbox.save()
        record = dkim_record(mailbox)

    world.send(MORNING)

    published = {f"{record.name}.": record.value.encode()}
    assert dkim.verify(peer.mails[0], dnsfunc=lambda name, timeout=5: published[name.decode()])
    signature = peer.mails[0].split(b"\r\nFrom:")[0]
    assert b"list-unsubscribe : list-unsubscribe-post" in signature.replace(b"\r\n ", b"")


@pytest.fixture(autouse=True)
def nothing_known():
    """No token of another test's mailbox."""
    signing_in._tokens.clear()
