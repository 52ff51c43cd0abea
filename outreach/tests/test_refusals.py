"""What a refusal, a silence or a dead worker means: for the address, the mailbox and the rest."""

from datetime import timedelta

import pytest

from outreach.calendar import is_open, next_opening
from outreach.models import Mailbox, Task
from outreach.services.mailboxes import schedule_of
from outreach.services.policy import may_send
from outreach.services.sending import declare_unknown
from outreach.services.settling import RETRIES
from outreach.services.suppressing import suppression_of
from outreach.smtp import SmtpAccount
from outreach.tests.making import (
    MORNING,
    make_open_campaign,
    make_ready,
)
from outreach.tests.postbox import hang_up
from prospectflow.jobs import LEASE
from prospectflow.testing.factories import make_position

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
HARD = "550 5.1.1 User unknown"
SOFT = "451 4.3.0 Try again later"


def test_a_hard_refusal_suppresses_the_address_and_ends_the_enrolment(world, postbox):
    task = world.queue(steps=2)
    postbox.answer("RCPT", HARD)

    message = world.send(MORNING)

    assert (message.status, message.answer_code) == ("failed", "550 5.1.1 User unknown")
    after, _, enrollment, mailbox = world.state(task)
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
    assert world.follow_up_of(task) is None
    for days in range(1, 5):
        assert world.send(MORNING + days * DAY) is None
    assert postbox.seen == [message.to_address]


def test_a_soft_refusal_goes_up_the_ladder_with_the_same_bytes_and_is_given_up_at_its_end(
    world, postbox
):
    task, at, hours, raws = world.queue(steps=2), MORNING, [], set()
    postbox.answer("RCPT", *[SOFT] * 9)
    for _ in range(len(RETRIES)):
        message = world.send(at)
        after, kept, enrollment, mailbox = world.state(task)
        assert (after.status, enrollment.state, mailbox.status) == ("deferred", "active", "active")
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

    after, _, enrollment, _ = world.state(task)
    assert (after.status, message.status, after.attempts) == ("failed", "failed", 6)
    assert (enrollment.state, enrollment.stopped_reason) == ("finished", SOFT)
    with world.open():
        assert suppression_of(message.to_address) is None
    assert world.send(at + 3 * DAY) is None
    assert postbox.mails == []
    assert len(postbox.seen) == 6


def test_a_retry_that_is_accepted_arrives_once_with_the_bytes_of_the_first_try(world, postbox):
    task = world.queue()
    postbox.answer("DATA", SOFT)
    world.send(MORNING)
    first = bytes(world.state(task)[1].raw)
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
    task = world.queue()
    postbox.answer(stage, answer)

    message = world.send(MORNING)

    after, kept, enrollment, mailbox = world.state(task)
    assert (mailbox.status, mailbox.status_reason) == (status, answer)
    assert (after.status, kept.status, enrollment.state) == ("deferred", "queued", "active")
    assert after.attempts == 0  # nobody's ladder is used up by our own fault
    with world.open():
        assert suppression_of(message.to_address) is None
    assert world.send(MORNING + HOUR) is None

    with world.open():
        Mailbox.objects.update(status="active")
    assert world.send(MORNING + HOUR).status == "sent"
    assert len(postbox.mails) == 1


def test_a_mailbox_whose_password_is_refused_is_broken_with_one_sentence(world, postbox):
    task = world.queue()
    with world.open() as mailbox:
        mailbox.sealed_password = ""
        mailbox.save()

    world.send(MORNING)

    after, _, enrollment, mailbox = world.state(task)
    assert mailbox.status == "broken"
    assert "refuses the user name or password of sales" in mailbox.status_reason
    assert "\n" not in mailbox.status_reason
    assert (after.status, enrollment.state, postbox.seen) == ("deferred", "active", [])


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"smtp_host": "smtp.example.com", "smtp_security": "plain"}, "Mail without encryption"),
        ({"sealed_password": "sealed by a key that is gone"}, "No key in CREDENTIAL_KEYS opens"),
    ],
)
def test_a_mailbox_that_cannot_be_used_is_broken_with_a_sentence_and_its_mail_waits(
    world, postbox, fields, sentence
):
    task = world.queue()
    with world.open():
        Mailbox.objects.update(**fields)

    assert world.send(MORNING) is None

    after, message, _, mailbox = world.state(task)
    assert mailbox.status == "broken"
    assert mailbox.status_reason.startswith(sentence)
    assert (after.status, after.leased_until, message) == ("scheduled", None, None)


@pytest.mark.parametrize("trouble", ["unreachable", "421 4.3.2 Shutting down", "451 4.7.1 Later"])
def test_a_server_that_is_not_ready_costs_the_recipient_nothing_however_long_it_lasts(
    world, postbox, trouble
):
    task, at = world.queue(), MORNING
    if trouble == "unreachable":
        with world.open():
            Mailbox.objects.update(smtp_port=1)
    else:
        postbox.answer("MAIL", *[trouble] * 12)
    for _ in range(12):
        assert world.send(at).status == "queued"
        assert world.send(at + MINUTE) is None
        after, _, enrollment, mailbox = world.state(task)
        assert (after.status, after.attempts, enrollment.state) == ("deferred", 0, "active")
        assert mailbox.status == "active"
        assert after.scheduled_for >= at + 15 * MINUTE
        at = after.scheduled_for

    with world.open():
        Mailbox.objects.update(smtp_port=postbox.port)
    assert world.send(at).status == "sent"


def test_a_connection_dropped_after_the_content_leaves_the_outcome_unknown_for_ever(world, postbox):
    task = world.queue(steps=2)
    postbox.hooks["TAKEN"] = hang_up

    world.send(MORNING)

    postbox.hooks.clear()
    after, message, enrollment, _ = world.state(task)
    assert (after.status, message.status, enrollment.state) == ("unknown", "queued", "active")
    following = world.follow_up_of(task)
    assert following.scheduled_for > MORNING + 3 * DAY
    for days in range(4):
        assert world.send(MORNING + days * DAY + HOUR) is None
    world.approve_all(following.scheduled_for)
    assert world.send(following.scheduled_for).status == "sent"
    first, second = postbox.parsed()
    assert second["In-Reply-To"] == first["Message-ID"] == message.rfc822_message_id


def test_a_mail_that_a_dead_worker_was_sending_is_unknown_and_the_sequence_goes_on(world, postbox):
    task = world.queue(steps=2)
    with world.open():
        Task.objects.filter(pk=task.pk).update(
            status="transmitting", locked_at=MORNING, locked_by="gone"
        )

    with world.open():
        assert declare_unknown(before=MORNING) == 0
        assert declare_unknown(before=MORNING + MINUTE) == 1
        assert declare_unknown(before=MORNING + MINUTE) == 0

    after = world.state(task)[0]
    assert (after.status, after.locked_at) == ("unknown", None)
    assert world.follow_up_of(task).scheduled_for == MORNING + timedelta(days=6)
    assert world.send(MORNING + HOUR) is None
    assert postbox.seen == []


def test_a_task_that_was_only_leased_goes_back_to_be_sent(world):
    task = world.queue()
    with world.open():
        Task.objects.update(
            status="leased", locked_at=MORNING, leased_until=MORNING, locked_by="gone"
        )
        assert declare_unknown(before=MORNING + MINUTE) == 0

    assert world.state(task)[0].status == "scheduled"
    assert world.send(MORNING + MINUTE).status == "sent"


def test_a_worker_is_declared_dead_only_after_the_longest_conversation_there_can_be():
    account = SmtpAccount("127.0.0.1", 25, "plain")
    answers = len(("connect", "hello", "starttls", "hello", *["auth"] * 4, "mail", "rcpt", "data"))

    assert timedelta(seconds=answers * account.timeout + account.final_timeout) < LEASE
