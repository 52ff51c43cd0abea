"""People whom only the forgotten time knew: found among the sent mails, and held back."""

from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path

import pytest
from django.db import IntegrityError

from crm.models import Position
from outreach.inbox import sent_folder
from outreach.inbox.reading import header
from outreach.models import Mailbox, Message, Task
from outreach.services.policy import may_send
from outreach.services.recalling import Recalled, recall
from outreach.services.receiving import read_mailbox
from outreach.services.reconciling import reconcile
from outreach.services.restoring import put_in_doubt, reopen
from outreach.services.suppressing import suppressed_among
from outreach.services.unsubscribing import unsubscribe
from outreach.tests.making import MORNING, make_due, make_open_campaign, make_ready
from outreach.tests.postbox import World
from outreach.tests.restored import dump, restored
from prospectflow.testing.factories import make_position

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
NOW = MORNING + DAY
ADDRESS = "zoe.petit@societe-exemple.fr"


def write_to_somebody_new(world: World, at=MORNING) -> Task:
    """Enrol a person whom nobody knew, and send."""
    with world.open() as mailbox:
        task = make_ready(make_open_campaign(mailbox), at=at, position=make_position(email=ADDRESS))
        Mailbox.objects.update(last_synced_at=at, next_send_at=None)
    assert world.send(at) is not None
    return task


@pytest.fixture
def gap(world, postbox, dovecot, user, tmp_path: Path):
    """The backup, made before somebody new was written to; the mail lies among the sent ones."""
    backup = dump(tmp_path)
    write_to_somebody_new(world)
    dovecot.keep(user, postbox.mails[-1][1])
    with restored(backup):
        yield backup


@pytest.fixture
def forgotten(world, postbox, dovecot, user) -> bytes:
    """The mail to somebody new, of whom no row is left."""
    write_to_somebody_new(world)
    raw: bytes = postbox.mails[-1][1]
    dovecot.keep(user, raw)
    with world.open():
        Message.objects.all().delete()
        Task.objects.all().delete()
        Position.objects.all().delete()
    return raw


def look(world: World, *, since=MORNING - MINUTE, now=NOW) -> Recalled:
    return recall(world.organisation_id, since=since, now=now)


def confirm(world: World, now=NOW) -> Recalled:
    """What an operator's confirmation does, for the one organisation."""
    put_in_doubt(world.organisation_id, since=MORNING, now=now)
    found = look(world, now=now)
    reconcile(world.organisation_id, now=now)
    reopen(now=now)
    return found


def answer(subject: str, text: str, **headers: str) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["Message-ID"] = ADDRESS, f"<{subject}@elsewhere.example>".replace(" ", "")
    mail["Subject"] = subject
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail.as_bytes()


def suppressed(world: World) -> set[str]:
    with world.open():
        return suppressed_among([ADDRESS])


def test_who_was_enrolled_and_written_to_since_the_backup_is_not_written_to_again(
    world, postbox, gap
):
    with world.open():
        assert not Position.objects.filter(email=ADDRESS).exists()

    assert confirm(world) == Recalled(found=1, problems={})

    with world.open() as mailbox:
        again = make_ready(
            make_open_campaign(mailbox), at=NOW, position=make_position(email=ADDRESS)
        )
        Mailbox.objects.update(last_synced_at=NOW)
        (reason,) = may_send(again, now=NOW)
    assert reason.code == "contacted_recently"
    assert world.send(NOW) is None
    assert [recipient for recipient, _ in postbox.mails] == [ADDRESS]


def test_what_is_found_is_written_down_as_the_mail_says_and_only_once(world, forgotten):
    said = message_from_bytes(forgotten)

    assert [look(world).found for _ in range(2)] == [1, 0]

    with world.open() as mailbox:
        message = Message.objects.get()
    assert (message.to_address, message.from_address) == (ADDRESS, mailbox.address)
    assert message.rfc822_message_id == said["Message-ID"]
    assert (message.direction, message.status, message.sent_at) == ("outbound", "sent", MORNING)
    assert message.subject == header(said, "Subject")
    assert (message.task, message.enrollment, message.position) == (None, None, None)


def test_a_person_who_is_known_has_the_mail_among_theirs(world, forgotten):
    with world.open():
        known = make_position(email=ADDRESS)

    look(world)

    with world.open():
        assert Message.objects.get().position == known


def test_a_mail_that_is_known_or_in_doubt_is_not_written_down_a_second_time(
    world, postbox, dovecot, user, tmp_path
):
    """One left before the backup; two since, of which one had no approval in it."""
    world.queue(2)
    world.send(MORNING)
    with world.open() as mailbox:
        make_due(make_open_campaign(mailbox))
    backup = dump(tmp_path)
    world.send(MORNING + 10 * MINUTE)
    world.approve_all(MORNING)
    world.send(MORNING + 20 * MINUTE)
    for _, raw in postbox.mails:
        dovecot.keep(user, raw)
    assert len(postbox.mails) == 3

    with restored(backup):
        assert confirm(world).found == 0
        with world.open():
            assert Message.objects.count() == 3
            assert set(Task.objects.values_list("status", flat=True)) == {"sent"}


def test_a_task_that_waits_for_later_although_its_mail_has_left_is_found_and_sent_by_nobody(
    world, postbox, dovecot, user, tmp_path
):
    """In the backup it was put off; somebody brought it forward in the time that is forgotten."""
    task = world.queue()
    with world.open():
        Task.objects.update(scheduled_for=NOW + DAY)
    backup = dump(tmp_path)
    with world.open():
        Task.objects.update(scheduled_for=MORNING)
    world.send(MORNING)
    dovecot.keep(user, postbox.mails[0][1])

    with restored(backup):
        assert confirm(world).found == 0
        assert world.state(task)[0].status == "sent"
        assert world.send(NOW + DAY) is None
    assert len(postbox.mails) == 1


def test_mails_that_a_person_wrote_are_left_alone(world, dovecot, user):
    with world.open() as mailbox:
        domain = mailbox.address.rpartition("@")[2]
    identifiers = [
        f"<0AB1C2D3-0000-7000-8000-000000000000@{domain}>",
        f"<{'d' * 32}@{domain}>",
        "<01890000000070008000000000000021@elsewhere.example>",
        "",
    ]
    for identifier in identifiers:
        head = f"Message-ID: {identifier}\r\n" if identifier else ""
        dovecot.keep(user, f"{head}To: {ADDRESS}\r\nSubject: Hello\r\n\r\nHello\r\n".encode())

    assert look(world) == Recalled(found=0, problems={})


def test_a_mail_whose_message_id_its_provider_replaced_is_known_by_its_tag(
    world, postbox, dovecot, user
):
    write_to_somebody_new(world)
    raw = postbox.mails[0][1]
    ours = message_from_bytes(raw)["Message-ID"]
    dovecot.keep(user, raw.replace(ours.encode(), b"<Other.Case@provider.example>"))
    assert look(world).found == 0  # its row is known by the link to unsubscribe

    with world.open():
        Message.objects.all().delete()
        Task.objects.all().delete()

    assert [look(world).found for _ in range(2)] == [1, 0]
    with world.open():
        assert Message.objects.get().rfc822_message_id == "<Other.Case@provider.example>"


def test_the_link_to_unsubscribe_of_a_forgotten_mail_works_again(world, forgotten):
    link = message_from_bytes(forgotten)["List-Unsubscribe"]
    token = link.split("/u/")[1].split(">")[0]
    assert not unsubscribe(token, at=NOW)

    look(world)

    assert unsubscribe(token, at=NOW)
    assert suppressed(world) == {ADDRESS}


@pytest.mark.parametrize(("subject", "text"), [("Re: Une idée", "STOP"), ("unsubscribe", "")])
def test_a_no_of_the_forgotten_time_is_heard_again(
    world, postbox, dovecot, user, tmp_path, subject, text
):
    """The inbox was read up to it, and the backup is from before that."""
    backup = dump(tmp_path)
    write_to_somebody_new(world)
    _, raw = postbox.mails[-1]
    dovecot.keep(user, raw)
    dovecot.keep(
        user,
        answer(subject, text, In_Reply_To=message_from_bytes(raw)["Message-ID"]),
        folder="INBOX",
    )
    read_mailbox(world.organisation_id, world.mailbox_id, now=MORNING + MINUTE)
    assert suppressed(world) == {ADDRESS}

    with restored(backup):
        assert suppressed(world) == set()
        confirm(world)
        read_mailbox(world.organisation_id, world.mailbox_id, now=NOW)
        assert suppressed(world) == {ADDRESS}


def test_an_answer_to_a_forgotten_mail_is_shown_with_the_person_who_is_known_by_now(
    world, dovecot, user, forgotten
):
    identifier = message_from_bytes(forgotten)["Message-ID"]
    dovecot.keep(user, answer("Re: Une idée", "Oui.", In_Reply_To=identifier), folder="INBOX")
    with world.open():
        known = make_position(email=ADDRESS)
    confirm(world)

    read_mailbox(world.organisation_id, world.mailbox_id, now=NOW)

    with world.open():
        assert Message.objects.inbox().get().position == known


def test_a_bounce_of_a_forgotten_mail_suppresses_the_address(world, dovecot, user, forgotten):
    confirm(world)
    identifier = message_from_bytes(forgotten)["Message-ID"]
    dovecot.keep(user, bounce_of(identifier), folder="INBOX")

    read_mailbox(world.organisation_id, world.mailbox_id, now=NOW)

    assert suppressed(world) == {ADDRESS}
    with world.open():
        assert Message.objects.outbound().get().status == "bounced"


def bounce_of(identifier: str) -> bytes:
    return (
        "From: MAILER-DAEMON@mx.example\r\nMessage-ID: <b@mx.example>\r\n"
        "Subject: Undelivered Mail Returned to Sender\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=B\r\n\r\n"
        "--B\r\nContent-Type: text/plain\r\n\r\nUser unknown\r\n"
        "--B\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
        f"Final-Recipient: rfc822; {ADDRESS}\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 User unknown\r\n\r\n"
        f"--B\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {identifier}\r\n\r\n--B--\r\n"
    ).encode()


def test_more_mails_than_are_asked_for_at_once_are_all_found(
    world, dovecot, user, forgotten, monkeypatch
):
    monkeypatch.setattr(sent_folder, "HEADS_AT_ONCE", 2)
    raw = forgotten
    ours = message_from_bytes(raw)["Message-ID"].encode()
    token = message_from_bytes(raw)["List-Unsubscribe"].split("/u/")[1].split(">")[0].encode()
    for n in range(4):
        other = raw.replace(token, b"%d" % n * len(token))
        dovecot.keep(user, other.replace(ours, b"<" + b"%d" % n * 32 + ours[33:]))

    assert look(world).found == 5


def test_the_mailbox_shows_no_trace_of_it(world, dovecot, user, forgotten):
    look(world)

    with dovecot.client(user) as client:
        client.select('"Courrier parti"', readonly=True)
        assert client.fetch("1", "(FLAGS)")[1] == [b"1 (FLAGS (\\Recent))"]


def test_a_mailbox_that_cannot_be_looked_through_sends_nothing_until_a_person_says_so(
    world, forgotten
):
    with world.open() as mailbox:
        Mailbox.objects.update(imap_port=1)

    ((sender, problem),) = confirm(world).problems.items()

    assert sender == str(mailbox)
    assert problem.startswith("What it sent since 2026-11-23 could not be looked for. ")
    assert "cannot be reached" in problem
    assert problem.endswith(" It is paused.")
    with world.open() as mailbox:
        assert mailbox.status == "paused"
        assert mailbox.status_reason.startswith("The database was restored. What it sent since")
        task = make_ready(make_open_campaign(mailbox), at=NOW)
        Mailbox.objects.update(last_synced_at=NOW)
        assert [reason.code for reason in may_send(task, now=NOW)] == ["mailbox_stopped"]


def test_one_mailbox_that_cannot_be_looked_through_does_not_keep_another_from_it(world, forgotten):
    with world.open() as mailbox:
        Mailbox.objects.create(
            address="a@acme.example.com", smtp_host="127.0.0.1", imap_host="127.0.0.1", imap_port=1
        )

    found = look(world)

    assert found.found == 1
    assert list(found.problems) == ["a@acme.example.com"]
    with world.open() as mailbox:
        assert mailbox.status == "active"


def test_without_the_backups_time_it_goes_back_as_far_as_a_contact_counts(world, forgotten):
    assert look(world, since=None, now=MORNING + 89 * DAY).found == 1


def test_what_another_organisation_sent_from_the_same_mailbox_stays_its_own(
    world, postbox, dovecot, user
):
    write_to_somebody_new(world)
    dovecot.keep(user, postbox.mails[0][1])
    with world.open() as mailbox:
        address = mailbox.address
    stranger = World(postbox, imap_port=dovecot.imap_port, username=user, address=address)

    assert look(stranger).found == 0

    with stranger.open():
        assert not Message.objects.exists()


def test_a_row_that_was_found_can_never_become_a_mail_that_leaves(world, forgotten):
    look(world)
    with world.open():
        task = make_ready(at=NOW)

    with pytest.raises(IntegrityError, match="What was sent is not rewritten"), world.open():
        Message.objects.update(task=task)
    for odd in ({"status": "queued"}, {"provider": "smtp"}, {"task": task}):
        fields = {"direction": "outbound", "status": "sent", "provider": "imap"} | odd
        with pytest.raises(IntegrityError, match="without an approved draft"), world.open():
            Message.objects.create(to_address=ADDRESS, **fields)
