"""Sending over real SMTP: at most once, by the hour, and every refusal understood."""

from datetime import timedelta

import psycopg
import pytest

from outreach.calendar import is_open
from outreach.mail import message_id
from outreach.models import Mailbox, Message, Task
from outreach.services.mailboxes import schedule_of
from outreach.tests.making import (
    MORNING,
    fresh,
)
from outreach.tests.postbox import World

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
HARD = "550 5.1.1 User unknown"
SOFT = "451 4.3.0 Try again later"


def test_an_accepted_mail_is_sent_once_and_the_next_step_is_planned(world, postbox):
    task = world.queue(steps=2)

    message = world.send(MORNING)

    assert message.status == "sent"
    after, kept, enrollment, _ = world.state(task)
    assert (after.status, after.attempts, after.locked_at, after.last_error) == (
        "sent",
        1,
        None,
        None,
    )
    assert kept.answer_code == "250 2.0.0 Queued as 42"
    assert kept.sent_at == MORNING
    assert enrollment.state == "active"
    assert world.follow_up_of(task).scheduled_for == MORNING + timedelta(days=6)  # a weekend
    assert [world.send(MORNING + n * HOUR) for n in range(1, 9)] == [None] * 8
    assert len(postbox.mails) == 1


def test_after_the_last_step_the_enrolment_is_finished(world):
    task = world.queue()

    world.send(MORNING)

    assert world.state(task)[2].state == "finished"


def test_the_server_received_the_very_bytes_that_were_committed(world, postbox):
    task = world.queue()

    world.send(MORNING)

    (recipient, raw), (_, message, _, mailbox) = postbox.mails[0], world.state(task)
    assert raw == bytes(message.raw)
    assert recipient == message.to_address
    assert message.from_address == mailbox.address


def test_the_headers_say_who_how_to_stop_and_which_mail_it_is(world, postbox):
    task = world.queue()

    world.send(MORNING)

    (mail,), (_, message, _, mailbox) = postbox.parsed(), world.state(task)
    assert mail["Message-ID"] == message.rfc822_message_id
    assert mail["Message-ID"] == message_id(task.pk, "acme.example.com")
    assert mail["From"].addresses[0].addr_spec == mailbox.address
    assert mail["To"] == message.to_address
    assert mail["Date"].datetime == MORNING
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert f"<mailto:{mailbox.address}?subject=unsubscribe>" in mail["List-Unsubscribe"]
    assert mail["In-Reply-To"] is mail["References"] is None
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


def test_the_long_token_is_not_folded_into_encoded_words(world, postbox, settings):
    settings.PUBLIC_URL = "https://prospects.a-long-name-of-a-customer.marseille.example.com"
    world.queue()

    world.send(MORNING)

    raw = postbox.mails[0][1]
    head = raw.split(b"\r\n\r\n")[0].replace(b"\r\n ", b" ")
    (line,) = [each for each in head.split(b"\r\n") if each.startswith(b"List-Unsubscribe:")]
    assert b"=?" not in line
    url = line.split(b"<")[1].split(b">")[0].decode()
    assert len(url) > 80
    assert " " not in url
    text = postbox.parsed()[0].get_body(("plain",)).get_content()
    assert url in text


def test_a_follow_up_answers_the_first_mail_and_names_all_before_it(world, postbox):
    task = world.queue(steps=3)
    at = MORNING
    for _ in range(3):
        world.send(at)
        at += 14 * DAY
        world.approve_all(at)

    first, second, third = postbox.parsed()
    assert (second["In-Reply-To"], second["References"]) == (first["Message-ID"],) * 2
    assert third["In-Reply-To"] == second["Message-ID"]
    assert third["References"].split() == [first["Message-ID"], second["Message-ID"]]
    assert first["Subject"] == "Une idée courte"
    assert second["Subject"] == third["Subject"] == "Re: Une idée courte"
    assert world.state(task)[2].state == "finished"


def test_the_message_id_is_committed_before_the_server_hears_of_the_mail(world, postbox, owner_url):
    task, found = world.queue(), []

    def look(server, envelope):
        with psycopg.connect(owner_url) as other:
            found.append(
                other.execute(
                    "SELECT t.status, m.status, m.rfc822_message_id, m.raw IS NOT NULL"
                    " FROM outreach.tasks t JOIN outreach.messages m ON m.task_id = t.id"
                ).fetchone()
            )

    postbox.hooks = {"EHLO": look, "DATA": look}
    world.send(MORNING)

    committed = ("transmitting", "queued", message_id(task.pk, "acme.example.com"), True)
    assert found == [committed, committed]


def test_nothing_is_locked_in_the_database_while_the_server_is_talked_to(world, postbox, owner_url):
    world.queue()

    def lock(server, envelope):
        with psycopg.connect(owner_url) as other:
            for table in ("tasks", "messages", "mailboxes", "campaign_enrollments"):
                other.execute(f"SELECT 1 FROM outreach.{table} FOR UPDATE NOWAIT")

    postbox.hooks["RCPT"] = lock

    assert world.send(MORNING).status == "sent"


def test_a_stop_during_the_conversation_leaves_the_sequence_stopped(world, postbox, owner_url):
    task = world.queue(steps=2)

    def reply(server, envelope):
        with psycopg.connect(owner_url) as other:
            other.execute("UPDATE outreach.campaign_enrollments SET state = 'replied'")

    postbox.hooks["DATA"] = reply

    world.send(MORNING)

    after, _, enrollment, _ = world.state(task)
    assert (after.status, enrollment.state) == ("sent", "replied")
    assert world.follow_up_of(task) is None


def test_a_task_that_can_never_leave_ends_its_enrolment_and_lets_the_others_pass(world, postbox):
    first, second = world.queue(count=2)
    with world.open():
        position = fresh(first).enrollment.position
        position.email_status = "invalid"
        position.save()

    message = world.send(MORNING)

    assert message.task_id == second.pk
    after, _, enrollment, _ = world.state(first)
    assert (after.status, enrollment.state) == ("cancelled", "finished")
    assert enrollment.stopped_reason == "The address is invalid."
    assert len(postbox.mails) == 1


def test_a_mailbox_that_another_worker_holds_sends_nothing(world, postbox, owner_url):
    world.queue()
    with psycopg.connect(owner_url) as other:
        other.execute("SELECT 1 FROM outreach.mailboxes FOR UPDATE")

        assert world.send(MORNING) is None

    assert world.send(MORNING).status == "sent"


def test_sending_one_mail_costs_the_same_however_many_are_due(world, django_assert_max_num_queries):
    def cost(at):
        with django_assert_max_num_queries(1000) as queries:
            assert world.send(at).status == "sent"
        return len(queries)

    world.queue(count=2)
    of_one = cost(MORNING)
    world.queue(count=12)

    assert cost(MORNING + HOUR) == of_one


def test_a_fortnight_keeps_the_windows_the_limit_and_the_pace(committed, postbox):
    """What the server saw, not what we wrote down: limit, window, pace, one step an address."""
    world = World(postbox, daily_limit=5)
    world.queue(count=14, steps=2)
    at, taken, hours = MORNING - 9 * HOUR, [], 0
    postbox.hooks["TAKEN"] = lambda server, envelope: taken.append((at, envelope.rcpt_tos[0]))
    postbox.hooks["RCPT"] = lambda server, envelope: (
        postbox.answer("RCPT", SOFT) if len(postbox.seen) % 4 == 0 else None
    )
    for hours in range(24 * 15):
        at = MORNING - 9 * HOUR + hours * HOUR
        world.approve_all(at)
        while world.send(at) is not None:
            with world.open() as mailbox:
                pause = mailbox.next_send_at
            before, at = at, pause - timedelta(milliseconds=1)
            assert world.send(at) is None
            assert before < at
            at = pause

    schedule = schedule_of(mailbox)
    instants = [instant for instant, _ in taken]
    days = [instant.astimezone(schedule.zone).date() for instant in instants]
    assert all(is_open(schedule, instant) for instant in instants)
    assert max(days.count(day) for day in days) <= 5
    assert min(b - a for a, b in zip(instants, instants[1:], strict=False)) >= MINUTE
    steps = [(mail["To"], mail["In-Reply-To"]) for mail in postbox.parsed()]
    assert len(steps) == len(set(steps)) == 28
    assert len(postbox.seen) > 28  # the server did refuse some for a while
    with world.open():
        assert Message.objects.outbound().exclude(status="sent").count() == 0
        assert not Task.objects.exclude(status="sent").exists()


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"next_send_at": MORNING + MINUTE}, MORNING),
        ({"status": "paused"}, MORNING),
        ({"windows": {"fri": [["08:30", "11:30"]]}}, MORNING),
        ({"daily_limit": 1}, MORNING + HOUR),
    ],
)
def test_what_holds_the_mailbox_back_leaves_the_hours_of_its_tasks_alone(world, fields, at):
    _, waiting = world.queue(count=2)
    if at > MORNING:
        world.send(MORNING)
    with world.open():
        Mailbox.objects.update(**fields)

    assert world.send(at) is None

    after = world.state(waiting)[0]
    assert (after.scheduled_for, after.last_error) == (MORNING, None)
