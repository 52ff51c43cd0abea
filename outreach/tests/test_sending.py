"""Sending over real SMTP: at most once, by the hour, and every refusal understood."""

from datetime import timedelta

import psycopg
import pytest

from outreach.calendar import is_open, next_opening
from outreach.mail import message_id
from outreach.models import Mailbox, Message, Task
from outreach.services.approval import approve
from outreach.services.drafting import compose
from outreach.services.mailboxes import schedule_of
from outreach.services.policy import may_send
from outreach.services.sending import RETRIES, declare_unknown
from outreach.services.suppressing import suppression_of
from outreach.tests.making import (
    MORNING,
    fresh,
    make_open_campaign,
    make_ready,
    message_of,
)
from outreach.tests.postbox import World, hang_up
from prospectflow.testing.factories import make_position, make_step

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
HARD = "550 5.1.1 User unknown"
SOFT = "451 4.3.0 Try again later"


def queue(world, count=1, steps=1, **fields):
    """A running campaign of so many steps, with so many first mails that may leave."""
    with world.open() as mailbox:
        campaign = make_open_campaign(mailbox, **fields)
        made = [
            make_step(campaign, delay_days=4 * n, subject_template="" if n else "Une idée courte")
            for n in range(steps)
        ]
        tasks = [make_ready(campaign, workflow_step=made[0]) for _ in range(count)]
    return tasks if count > 1 else tasks[0]


def state(world, task):
    """The task, its message, its enrolment and its mailbox, as they stand."""
    with world.open() as mailbox:
        task = fresh(task)
        return task, message_of(task), task.enrollment, mailbox


def follow_up_of(world, task):
    with world.open():
        return Task.objects.exclude(pk=task.pk).filter(enrollment_id=task.enrollment_id).first()


def approve_all(world, at):
    with world.open():
        for task in Task.objects.filter(status="scheduled", drafts__isnull=True):
            approve(compose(task, at=at), at=at, rule="test")
        Mailbox.objects.update(last_synced_at=at)


def test_an_accepted_mail_is_sent_once_and_the_next_step_is_planned(world, postbox):
    task = queue(world, steps=2)

    message = world.send(MORNING)

    assert message.status == "sent"
    after, kept, enrollment, _ = state(world, task)
    assert (after.status, after.attempts, after.locked_at, after.last_error) == (
        "sent",
        1,
        None,
        None,
    )
    assert kept.answer_code == "250 2.0.0 Queued as 42"
    assert kept.sent_at == MORNING
    assert enrollment.state == "active"
    assert follow_up_of(world, task).scheduled_for == MORNING + timedelta(days=6)  # a weekend
    assert [world.send(MORNING + n * HOUR) for n in range(1, 9)] == [None] * 8
    assert len(postbox.mails) == 1


def test_after_the_last_step_the_enrolment_is_finished(world):
    task = queue(world)

    world.send(MORNING)

    assert state(world, task)[2].state == "finished"


def test_the_server_received_the_very_bytes_that_were_committed(world, postbox):
    task = queue(world)

    world.send(MORNING)

    (recipient, raw), (_, message, _, mailbox) = postbox.mails[0], state(world, task)
    assert raw == bytes(message.raw)
    assert recipient == message.to_address
    assert message.from_address == mailbox.address


def test_the_headers_say_who_how_to_stop_and_which_mail_it_is(world, postbox):
    task = queue(world)

    world.send(MORNING)

    (mail,), (_, message, _, mailbox) = postbox.parsed(), state(world, task)
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
    queue(world)

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
    task = queue(world, steps=3)
    at = MORNING
    for _ in range(3):
        world.send(at)
        at += 14 * DAY
        approve_all(world, at)

    first, second, third = postbox.parsed()
    assert (second["In-Reply-To"], second["References"]) == (first["Message-ID"],) * 2
    assert third["In-Reply-To"] == second["Message-ID"]
    assert third["References"].split() == [first["Message-ID"], second["Message-ID"]]
    assert first["Subject"] == "Une idée courte"
    assert second["Subject"] == third["Subject"] == "Re: Une idée courte"
    assert state(world, task)[2].state == "finished"


def test_the_message_id_is_committed_before_the_server_hears_of_the_mail(world, postbox, owner_url):
    task, found = queue(world), []

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
    queue(world)

    def lock(server, envelope):
        with psycopg.connect(owner_url) as other:
            for table in ("tasks", "messages", "mailboxes", "campaign_enrollments"):
                other.execute(f"SELECT 1 FROM outreach.{table} FOR UPDATE NOWAIT")

    postbox.hooks["RCPT"] = lock

    assert world.send(MORNING).status == "sent"


def test_a_hard_refusal_suppresses_the_address_and_ends_the_enrolment(world, postbox):
    task = queue(world, steps=2)
    postbox.answer("RCPT", HARD)

    message = world.send(MORNING)

    assert (message.status, message.answer_code) == ("failed", "550 5.1.1 User unknown")
    after, _, enrollment, mailbox = state(world, task)
    assert (after.status, enrollment.state, enrollment.stopped_reason) == (
        "failed",
        "bounced",
        "550 5.1.1 User unknown",
    )
    assert mailbox.status == "active"
    with world.open():
        assert suppression_of(message.to_address).reason == "bounced"
        again = make_ready(
            make_open_campaign(mailbox), position=make_position(email=message.to_address)
        )
        assert "suppressed" in [each.code for each in may_send(again, now=MORNING + 120 * DAY)]
    assert follow_up_of(world, task) is None
    for days in range(1, 5):
        assert world.send(MORNING + days * DAY) is None
    assert postbox.seen == [message.to_address]


def test_a_soft_refusal_goes_up_the_ladder_with_the_same_bytes_and_is_given_up_at_its_end(
    world, postbox
):
    task, at, hours, raws = queue(world, steps=2), MORNING, [], set()
    postbox.answer("RCPT", *[SOFT] * 9)
    for _ in range(len(RETRIES)):
        message = world.send(at)
        after, kept, enrollment, mailbox = state(world, task)
        assert (after.status, enrollment.state, mailbox.status) == ("scheduled", "active", "active")
        assert (kept.status, kept.sent_at) == ("queued", at)
        hours.append((at, after.scheduled_for))
        raws.add((bytes(kept.raw), kept.rfc822_message_id))
        at = after.scheduled_for

    schedule = schedule_of(mailbox)
    assert [
        next_opening(schedule, begun + pause)
        for (begun, _), pause in zip(hours, RETRIES, strict=True)
    ] == [planned for _, planned in hours]
    assert RETRIES == (15 * MINUTE, HOUR, 4 * HOUR, 12 * HOUR, DAY)
    assert all(is_open(schedule, planned) for _, planned in hours)
    assert len(raws) == 1

    message = world.send(at)

    after, _, enrollment, _ = state(world, task)
    assert (after.status, message.status, after.attempts) == ("failed", "failed", 6)
    assert (enrollment.state, enrollment.stopped_reason) == ("finished", SOFT)
    with world.open():
        assert suppression_of(message.to_address) is None
    assert world.send(at + 3 * DAY) is None
    assert postbox.mails == []
    assert len(postbox.seen) == 6


def test_a_retry_that_is_accepted_arrives_once_with_the_bytes_of_the_first_try(world, postbox):
    task = queue(world)
    postbox.answer("DATA", SOFT)
    world.send(MORNING)
    first = bytes(state(world, task)[1].raw)
    assert world.send(MORNING + 14 * MINUTE) is None

    message = world.send(MORNING + 15 * MINUTE)

    assert (message.status, [raw for _, raw in postbox.mails]) == ("sent", [first])


@pytest.mark.parametrize(
    ("stage", "answer", "status"),
    [
        ("RCPT", "550 5.7.1 Blocked: your reputation is poor", "paused"),
        ("DATA", "554 5.7.1 Message refused as spam", "paused"),
        ("MAIL", "550 5.7.1 Sender address rejected", "broken"),
        ("RCPT", "530 Authentication required", "broken"),
    ],
)
def test_a_block_or_our_own_fault_stops_the_mailbox_and_never_the_recipient(
    world, postbox, stage, answer, status
):
    task = queue(world)
    postbox.answer(stage, answer)

    message = world.send(MORNING)

    after, kept, enrollment, mailbox = state(world, task)
    assert (mailbox.status, mailbox.status_reason) == (status, answer)
    assert (after.status, kept.status, enrollment.state) == ("scheduled", "queued", "active")
    with world.open():
        assert suppression_of(message.to_address) is None
    assert world.send(MORNING + HOUR) is None

    with world.open():
        Mailbox.objects.update(status="active")
    assert world.send(MORNING + HOUR).status == "sent"
    assert len(postbox.mails) == 1


def test_a_mailbox_whose_password_is_refused_is_broken_with_one_sentence(world, postbox):
    task = queue(world)
    with world.open() as mailbox:
        mailbox.sealed_password = ""
        mailbox.save()

    world.send(MORNING)

    after, _, enrollment, mailbox = state(world, task)
    assert mailbox.status == "broken"
    assert "refuses the user name or password of sales" in mailbox.status_reason
    assert "\n" not in mailbox.status_reason
    assert (after.status, enrollment.state, postbox.seen) == ("scheduled", "active", [])


@pytest.mark.parametrize("trouble", ["unreachable", "421 4.3.2 Shutting down", "451 4.7.1 Later"])
def test_a_server_that_is_not_ready_costs_the_recipient_nothing_however_long_it_lasts(
    world, postbox, trouble
):
    task, at = queue(world), MORNING
    if trouble == "unreachable":
        with world.open():
            Mailbox.objects.update(smtp_port=1)
    else:
        postbox.answer("MAIL", *[trouble] * 12)
    for _ in range(12):
        assert world.send(at).status == "queued"
        assert world.send(at + MINUTE) is None
        after, _, enrollment, mailbox = state(world, task)
        assert (after.status, after.attempts, enrollment.state) == ("scheduled", 0, "active")
        assert mailbox.status == "active"
        assert after.scheduled_for >= at + 15 * MINUTE
        at = after.scheduled_for

    with world.open():
        Mailbox.objects.update(smtp_port=postbox.port)
    assert world.send(at).status == "sent"


def test_a_connection_dropped_after_the_content_leaves_the_outcome_unknown_for_ever(world, postbox):
    task = queue(world, steps=2)
    postbox.hooks["TAKEN"] = hang_up

    world.send(MORNING)

    postbox.hooks.clear()
    after, message, enrollment, _ = state(world, task)
    assert (after.status, message.status, enrollment.state) == ("unknown", "queued", "active")
    following = follow_up_of(world, task)
    assert following.scheduled_for > MORNING + 3 * DAY
    for days in range(4):
        assert world.send(MORNING + days * DAY + HOUR) is None
    approve_all(world, following.scheduled_for)
    assert world.send(following.scheduled_for).status == "sent"
    first, second = postbox.parsed()
    assert second["In-Reply-To"] == first["Message-ID"] == message.rfc822_message_id


def test_a_mail_that_a_dead_worker_was_sending_is_unknown_and_the_sequence_goes_on(world, postbox):
    task = queue(world, steps=2)
    with world.open():
        Task.objects.filter(pk=task.pk).update(
            status="transmitting", locked_at=MORNING, locked_by="gone"
        )

    with world.open():
        assert declare_unknown(before=MORNING) == 0
        assert declare_unknown(before=MORNING + MINUTE) == 1
        assert declare_unknown(before=MORNING + MINUTE) == 0

    after = state(world, task)[0]
    assert (after.status, after.locked_at) == ("unknown", None)
    assert follow_up_of(world, task).scheduled_for == MORNING + timedelta(days=6)
    assert world.send(MORNING + HOUR) is None
    assert postbox.seen == []


def test_a_task_that_was_only_locked_goes_back_to_be_sent(world):
    task = queue(world)
    with world.open():
        Task.objects.update(status="locked", locked_at=MORNING, locked_by="gone")
        assert declare_unknown(before=MORNING + MINUTE) == 0

    assert state(world, task)[0].status == "scheduled"
    assert world.send(MORNING + MINUTE).status == "sent"


def test_a_stop_during_the_conversation_leaves_the_sequence_stopped(world, postbox, owner_url):
    task = queue(world, steps=2)

    def reply(server, envelope):
        with psycopg.connect(owner_url) as other:
            other.execute("UPDATE outreach.campaign_enrollments SET state = 'replied'")

    postbox.hooks["DATA"] = reply

    world.send(MORNING)

    after, _, enrollment, _ = state(world, task)
    assert (after.status, enrollment.state) == ("sent", "replied")
    assert follow_up_of(world, task) is None


def test_a_task_that_can_never_leave_ends_its_enrolment_and_lets_the_others_pass(world, postbox):
    first, second = queue(world, count=2)
    with world.open():
        position = fresh(first).enrollment.position
        position.email_status = "invalid"
        position.save()

    message = world.send(MORNING)

    assert message.task_id == second.pk
    after, _, enrollment, _ = state(world, first)
    assert (after.status, enrollment.state) == ("cancelled", "finished")
    assert enrollment.stopped_reason == "The address is invalid."
    assert len(postbox.mails) == 1


def test_a_mailbox_that_another_worker_holds_sends_nothing(world, postbox, owner_url):
    queue(world)
    with psycopg.connect(owner_url) as other:
        other.execute("SELECT 1 FROM outreach.mailboxes FOR UPDATE")

        assert world.send(MORNING) is None

    assert world.send(MORNING).status == "sent"


def test_sending_one_mail_costs_the_same_however_many_are_due(world, django_assert_max_num_queries):
    def cost(at):
        with django_assert_max_num_queries(1000) as queries:
            assert world.send(at).status == "sent"
        return len(queries)

    queue(world)
    of_one = cost(MORNING)
    queue(world, count=12)

    assert cost(MORNING + HOUR) == of_one


def test_a_fortnight_keeps_the_windows_the_limit_and_the_pace(committed, postbox):
    """What the server saw, not what we wrote down: limit, window, pace, one step an address."""
    world = World(postbox, daily_limit=5)
    queue(world, count=14, steps=2)
    at, taken, hours = MORNING - 9 * HOUR, [], 0
    postbox.hooks["TAKEN"] = lambda server, envelope: taken.append((at, envelope.rcpt_tos[0]))
    postbox.hooks["RCPT"] = lambda server, envelope: (
        postbox.answer("RCPT", SOFT) if len(postbox.seen) % 4 == 0 else None
    )
    for hours in range(24 * 15):
        at = MORNING - 9 * HOUR + hours * HOUR
        approve_all(world, at)
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
