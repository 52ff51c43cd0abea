"""Mailboxes read from a real server: what came is kept and obeyed, once, in its organisation."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zlib import crc32

import pytest

from outreach.credentials import seal
from outreach.inbox.imap import ConnectionLost, HostUnreachable
from outreach.models import Enrollment, Mailbox, Message, Suppression
from outreach.services import receiving
from outreach.services.receiving import read_mailbox
from outreach.tests.conversing import answer, make_sent, make_two_steps
from outreach.tests.inbox.corpus import dsn, failed
from outreach.tests.mail_server import PASSWORD, MailServer, free_port, running_mail_server
from outreach.tests.making import MORNING
from prospectflow import jobs
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_mailbox

NOW = MORNING + timedelta(hours=6)


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[MailServer]:
    with running_mail_server(tmp_path_factory.mktemp("mail") / "log") as running:
        yield running


@pytest.fixture
def mailbox(server, organisation, request):
    """Acme's mailbox on the real server, with an inbox of its own for every test."""
    name = f"box{crc32(request.node.name.encode())}"
    return mailbox_on(server, organisation, f"{name}@acme.fr")


def mailbox_on(server, organisation, address, **fields):
    account = {
        "address": address,
        "username": address,
        "sealed_password": seal(PASSWORD),
        "smtp_port": server.smtp_port,
        "imap_port": server.imap_port,
    }
    with tenant(organisation.pk):
        return make_mailbox(**(account | fields))


def write(organisation, mailbox, *addresses):
    """First mails from this mailbox to these people."""
    with tenant(organisation.pk):
        campaign = make_two_steps(Mailbox.objects.get(pk=mailbox.pk))
        return [make_sent(campaign, email=address) for address in addresses]


def bounced(sent, mailbox, *, original):
    """A report to this mailbox that its mail did not arrive."""
    report = dsn(failed(sent.to_address, "5.1.1", "550 5.1.1 User unknown"), original=original)
    report.replace_header("To", mailbox.address)
    return report.as_bytes()


def states(organisation):
    with tenant(organisation.pk):
        rows = Enrollment.objects.order_by("position__email").values_list(
            "position__email", "state"
        )
        return dict(rows)


def inbox(organisation):
    with tenant(organisation.pk):
        return list(Message.objects.inbox().values_list("verdict", flat=True))


def test_answers_are_fetched_matched_and_obeyed(server, organisation, mailbox):
    people = ("ada@a.example.com", "bea@b.example.com", "cora@c.example.com", "dora@d.example.com")
    ada, bea, cora, _ = write(organisation, mailbox, *people)
    lost = f"Message-ID: {cora.rfc822_message_id}\n"
    server.deliver(
        mailbox.address,
        answer(ada, "Oui, jeudi.").raw,
        answer(bea, "Ne me contactez plus, merci.").raw,
        bounced(cora, mailbox, original=lost),
    )

    heard = read_mailbox(organisation.pk, mailbox.pk, now=NOW)

    assert len(heard) == 3
    assert sorted(inbox(organisation)) == ["bounce", "objection", "reply"]
    assert list(states(organisation).values()) == ["replied", "unsubscribed", "bounced", "active"]
    with tenant(organisation.pk):
        assert Suppression.objects.count() == 2
        assert Mailbox.objects.get(pk=mailbox.pk).last_synced_at == NOW


def test_what_was_read_is_not_read_again(server, organisation, mailbox):
    (ada,) = write(organisation, mailbox, "ada@a.example.com")
    server.deliver(mailbox.address, answer(ada, "Oui.").raw)

    first = read_mailbox(organisation.pk, mailbox.pk, now=NOW)
    again = read_mailbox(organisation.pk, mailbox.pk, now=NOW)

    assert (len(first), again) == (1, [])


def test_a_changed_uidvalidity_makes_nothing_twice(server, organisation, mailbox):
    (ada,) = write(organisation, mailbox, "ada@a.example.com")
    nameless = answer(ada, "Sans identifiant.").message
    del nameless["Message-ID"]
    client = server.client(mailbox.address)
    for raw in (answer(ada, "Oui.").raw, nameless.as_bytes(), b"no headers at all\r\n"):
        client.append("INBOX", None, None, raw)
    client.logout()
    read_mailbox(organisation.pk, mailbox.pk, now=NOW)
    with tenant(organisation.pk):
        Mailbox.objects.filter(pk=mailbox.pk).update(
            folder_states={"INBOX": {"uidvalidity": 1, "last_uid": 9_999_999}}
        )

    again = read_mailbox(organisation.pk, mailbox.pk, now=NOW)

    assert again == []
    assert len(inbox(organisation)) == 3


def test_what_was_read_before_the_connection_broke_is_kept_and_obeyed(
    server, organisation, mailbox, monkeypatch
):
    ada, bea = write(organisation, mailbox, "ada@a.example.com", "bea@b.example.com")
    server.deliver(mailbox.address, answer(ada, "Oui.").raw, answer(bea, "Oui.").raw)
    whole = receiving.fetch_new

    def breaks_off(account, *, state, since):
        yield next(whole(account, state=state, since=since))
        raise ConnectionLost("The server broke off.")

    monkeypatch.setattr(receiving, "fetch_new", breaks_off)
    with pytest.raises(ConnectionLost):
        read_mailbox(organisation.pk, mailbox.pk, now=NOW)
    assert list(states(organisation).values()) == ["replied", "active"]
    with tenant(organisation.pk):
        assert Mailbox.objects.get(pk=mailbox.pk).last_synced_at is None
    monkeypatch.undo()

    rest = read_mailbox(organisation.pk, mailbox.pk, now=NOW)

    assert len(rest) == 1
    assert list(states(organisation).values()) == ["replied", "replied"]


def test_mail_older_than_a_thread_can_be_is_left_alone_at_the_first_reading(
    server, organisation, mailbox
):
    (ada,) = write(organisation, mailbox, "ada@a.example.com")
    server.deliver(mailbox.address, answer(ada, "Oui.").raw)
    in_a_year = datetime.now(UTC) + timedelta(days=365)

    assert read_mailbox(organisation.pk, mailbox.pk, now=in_a_year) == []


def test_another_organisations_mail_is_never_matched(
    server, organisation, other_organisation, mailbox
):
    (ada,) = write(organisation, mailbox, "ada@a.example.com")
    theirs = mailbox_on(server, other_organisation, "sales@other.fr")
    tagged = f"X-ProspectFlow-Message: {ada.pk}\nMessage-ID: {ada.rfc822_message_id}\n"
    server.deliver(
        theirs.address,
        answer(ada, "Ne me contactez plus.", To=theirs.address).raw,
        bounced(ada, theirs, original=tagged),
    )

    heard = read_mailbox(other_organisation.pk, theirs.pk, now=NOW)

    assert len(heard) == 2
    with tenant(other_organisation.pk):
        assert {each.enrollment_id for each in Message.objects.inbox()} == {None}
    assert states(organisation) == {"ada@a.example.com": "active"}
    assert inbox(organisation) == []
    with tenant(organisation.pk):
        assert not Suppression.objects.exists()


def test_a_mailbox_that_cannot_be_read_counts_as_unread(organisation, server, mailbox):
    with tenant(organisation.pk):
        Mailbox.objects.filter(pk=mailbox.pk).update(imap_port=free_port())

    with pytest.raises(HostUnreachable):
        read_mailbox(organisation.pk, mailbox.pk, now=NOW)

    with tenant(organisation.pk):
        assert Mailbox.objects.get(pk=mailbox.pk).last_synced_at is None


def test_one_unreadable_mailbox_does_not_keep_the_others_from_being_read(
    organisation, server, mailbox
):
    deaf = [
        mailbox_on(server, organisation, f"deaf{n}@acme.fr", imap_port=free_port()) for n in (1, 2)
    ]

    with pytest.raises(jobs.ImapError) as refusal:
        jobs.read_inboxes(organisation.pk, now=NOW)

    with tenant(organisation.pk):
        read = Mailbox.objects.exclude(last_synced_at=None).values_list("pk", flat=True)
        assert list(read) == [mailbox.pk]
    for each in deaf:
        assert f"127.0.0.1:{each.imap_port} cannot be reached" in str(refusal.value)


def test_a_mailbox_is_not_read_again_before_its_time(organisation, server, mailbox):
    (ada,) = write(organisation, mailbox, "ada@a.example.com")
    every = timedelta(minutes=5)
    jobs.read_inboxes(organisation.pk, now=NOW, every=every)
    server.deliver(mailbox.address, answer(ada, "Oui.").raw)

    early = jobs.read_inboxes(organisation.pk, now=NOW + timedelta(minutes=4), every=every)
    in_time = jobs.read_inboxes(organisation.pk, now=NOW + every, every=every)

    assert (early, in_time) == (0, 1)


def test_no_transaction_is_open_while_the_server_is_waited_for(
    organisation, server, mailbox, monkeypatch
):
    whole, seen = receiving.fetch_new, []

    def watched(account, **options):
        with tenant(organisation.pk):  # a scope cannot be nested: this raises where one is open
            seen.append(account)
        return whole(account, **options)

    monkeypatch.setattr(receiving, "fetch_new", watched)
    read_mailbox(organisation.pk, mailbox.pk, now=NOW)

    assert [each.username for each in seen] == [mailbox.address]
