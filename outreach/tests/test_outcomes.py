"""An outcome that is told late, or twice, belongs to its own decision, and to no other."""

from datetime import timedelta

import pytest
from django.db import connection

from outreach.models import Message, Task
from outreach.services.reconciling import decide
from outreach.services.sending import declare_unknown, delivering, intend, lease, send_batch
from outreach.services.settling import Settled, settle, settle_accepted, take_back
from outreach.services.stopping import stop
from outreach.smtp import Accepted, Refused, SendFailure, Unknown
from outreach.tests.making import MORNING, fresh

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LATER = MORNING + HOUR
TAKEN = Accepted(250, "2.0.0 Ok", "mx.example.com")
SOFT = Refused(SendFailure("rcpt", 451, "4.7.1 Later", "mx.example.com"))
HARD = Refused(SendFailure("rcpt", 550, "5.1.1 User unknown", "mx.example.com"))
SILENT = Unknown(SendFailure("final", 0, "", "mx.example.com"))


def decided(world, at=MORNING, worker="first"):
    """What a worker commits, and then keeps to itself."""
    with world.open():
        return intend(world.mailbox_id, now=at, worker=worker)


def tell(world, intention, outcome, at=LATER):
    with world.open():
        return settle(intention.task, intention.message.pk, outcome, now=at)


def tell_together(world, intention, outcome, at=LATER):
    with world.open():
        return settle_accepted([Settled(intention.task, intention.message, outcome)], now=at)


def changed(table):
    """How many rows of it this transaction changed, and how many of them beside all indexes."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables"
            " WHERE relid = to_regclass(%s)",
            [table],
        )
        return cursor.fetchone()


def written(world):
    """All that is written of tasks, mails, enrolments and mailboxes."""
    with world.open() as mailbox:
        tasks = Task.objects.order_by("id").values(
            "id", "status", "attempts", "scheduled_for", "last_error", "locked_by", "locked_at"
        )
        messages = Message.objects.order_by("id").values("id", "status", "answer_code", "sent_at")
        states = Task.objects.order_by("id").values_list("enrollment__state", flat=True)
        return list(tasks), list(messages), list(states), mailbox.next_send_at, mailbox.status


def lose(world, task):
    declare_unknown(before=MORNING + MINUTE)


def send_again(world, task):
    lose(world, task)
    decide(fresh(task), "send_again", at=MORNING + 30 * MINUTE)


def say_it_did_not_leave(world, task):
    lose(world, task)
    decide(fresh(task), "not_sent", at=MORNING + 30 * MINUTE)


def cancel(world, task):
    send_again(world, task)
    stop(fresh(task).enrollment, "replied", reason="r", at=MORNING + 31 * MINUTE)


def lease_again(world, task):
    send_again(world, task)
    assert lease(world.mailbox_id, now=LATER, worker="second")


def decide_again(world, task):
    send_again(world, task)
    assert intend(world.mailbox_id, now=LATER, worker="second")


MEANWHILE = [lose, send_again, say_it_did_not_leave, cancel, lease_again, decide_again]


def test_that_a_mail_left_is_written_down_without_touching_an_index_of_it(world):
    world.queue(steps=2)
    first = decided(world)

    with world.open():
        settle_accepted([Settled(first.task, first.message, TAKEN)], now=LATER)
        found = changed("outreach.messages"), changed("outreach.campaign_enrollments")

    assert found == ((1, 1), (1, 1))


@pytest.mark.parametrize("outcome", [SOFT, HARD, SILENT], ids=["soft", "hard", "silent"])
def test_an_outcome_that_is_told_again_does_not_touch_the_next_decision(world, outcome):
    task = world.queue(steps=2)
    first = decided(world)
    tell(world, first, SOFT, MORNING)
    second = decided(world, LATER, "second")
    before = written(world)

    tell(world, first, outcome)

    assert written(world) == before
    tell(world, second, TAKEN)
    after, message, _, _ = world.state(task)
    assert (after.status, message.status) == ("sent", "sent")


@pytest.mark.parametrize("outcome", [SOFT, HARD, SILENT], ids=["soft", "hard", "silent"])
@pytest.mark.parametrize("meanwhile", MEANWHILE, ids=lambda act: act.__name__)
def test_what_others_made_of_a_mail_stands_against_a_late_refusal(world, meanwhile, outcome):
    task = world.queue(steps=2)
    first = decided(world)
    with world.open():
        meanwhile(world, task)
    before = written(world)

    tell(world, first, outcome)

    assert written(world) == before


@pytest.mark.parametrize("tell_it", [tell, tell_together])
@pytest.mark.parametrize("meanwhile", MEANWHILE, ids=lambda act: act.__name__)
def test_what_the_server_took_never_leaves_again(world, postbox, meanwhile, tell_it):
    task = world.queue()
    first = decided(world)
    with world.open():
        meanwhile(world, task)

    tell_it(world, first, TAKEN)

    after, message, _, _ = world.state(task)
    assert (after.status, message.status, after.locked_by) == ("sent", "sent", None)
    assert message.answer_code == "250 2.0.0 Ok"
    assert [world.send(LATER + hours * HOUR) for hours in range(1, 4)] == [None] * 3
    assert postbox.mails == []


def test_what_follows_a_mail_that_was_taken_is_planned_after_all(world):
    task = world.queue(steps=2)
    first = decided(world)
    with world.open():
        send_again(world, task)
    assert world.follow_up_of(task) is None

    tell(world, first, TAKEN)

    assert world.follow_up_of(task).scheduled_for > LATER


@pytest.mark.parametrize("outcome", [SOFT, HARD, SILENT, TAKEN])
def test_a_second_decision_on_a_mail_that_was_taken_changes_nothing(world, outcome):
    task = world.queue(steps=2)
    first = decided(world)
    with world.open():
        send_again(world, task)
    second = decided(world, LATER, "second")
    tell(world, first, TAKEN)
    before = written(world)

    tell(world, second, outcome, LATER + MINUTE)
    with world.open():
        take_back([second])

    assert written(world) == before


@pytest.mark.parametrize("outcome", [SOFT, HARD, SILENT, TAKEN])
def test_to_be_told_twice_changes_nothing(world, outcome):
    world.queue(steps=2)
    first = decided(world)
    tell(world, first, outcome)
    before = written(world)

    tell(world, first, outcome, LATER + MINUTE)
    if outcome is TAKEN:
        tell_together(world, first, outcome, LATER + MINUTE)

    assert written(world) == before


@pytest.mark.parametrize("meanwhile", MEANWHILE, ids=lambda act: act.__name__)
def test_a_mail_that_was_not_begun_is_taken_back_only_from_its_own_decision(world, meanwhile):
    task = world.queue(steps=2)
    first = decided(world)
    with world.open():
        meanwhile(world, task)
    before = written(world)

    with world.open():
        take_back([first])

    assert written(world) == before


def test_a_worker_that_slept_over_its_last_look_sends_nothing(world, postbox, monkeypatch):
    """What it saw leaving may be what somebody else decided on meanwhile."""
    world.queue()
    at = [MORNING]

    def look(*args, **options):
        at[0] = MORNING + 30 * MINUTE
        return True

    monkeypatch.setattr(delivering.Look, "may_still_leave", look)

    send_batch(world.organisation_id, world.mailbox_id, clock=lambda: at[0], worker="test")

    assert postbox.mails == []
