"""What became of a mail is written down whatever happened to its sequence meanwhile."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from outreach.models import Campaign, Enrollment, Mailbox, Message, Task, WorkflowStep
from outreach.services.approval import approve, edit, reject
from outreach.services.campaigns import archive
from outreach.services.planning import id_of_next
from outreach.services.policy import may_send
from outreach.services.sending import declare_unknown
from outreach.services.stopping import stop
from outreach.services.suppressing import suppression_of
from outreach.tests.making import MORNING, draft_of
from outreach.tests.postbox import hang_up
from prospectflow.tenancy.context import tenant

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
HARD = "550 5.1.1 User unknown"
SOFT = "451 4.3.0 Try again later"


def during(world, postbox, stage, act):
    """Do this, as another process would, while the server is talked to."""

    def hook(server, envelope):
        with tenant(world.organisation_id):
            act()
        connection.close()

    postbox.hooks[stage] = hook


def test_a_mailbox_that_lost_its_hours_meanwhile_costs_no_outcome(world, postbox):
    task = world.queue(steps=2)
    during(world, postbox, "DATA", lambda: Mailbox.objects.update(windows={}))

    world.send(MORNING)

    after, message, enrollment, _ = world.state(task)
    assert (after.status, message.status, enrollment.state) == ("sent", "sent", "finished")
    assert enrollment.stopped_reason.startswith("The next step could not be planned: No sending")
    assert after.last_error == enrollment.stopped_reason
    assert world.follow_up_of(task) is None


def test_a_paused_person_whose_last_mail_left_is_through(world, postbox):
    task = world.queue()
    during(world, postbox, "DATA", lambda: Enrollment.objects.update(state="paused"))

    world.send(MORNING)

    assert world.state(task)[2].state == "finished"


def test_the_id_of_a_follow_up_is_the_same_at_any_time_and_in_the_order_of_enrolments(world):
    older, younger = world.queue(count=2, steps=2)
    for hours in range(2):
        world.send(MORNING + hours * HOUR)
    first, second = world.follow_up_of(older), world.follow_up_of(younger)

    assert older.enrollment_id < younger.enrollment_id
    assert (first.pk.version, second.pk.version) == (7, 7)
    assert first.pk == id_of_next(older.enrollment_id, first.workflow_step_id)
    assert len({id_of_next(older.enrollment_id, step) for step in (first.pk, second.pk)}) == 2
    assert [each.pk.bytes[:6] for each in (first, second)] == [
        each.enrollment_id.bytes[:6] for each in (older, younger)
    ]


def test_a_refusal_by_a_mailbox_without_hours_is_written_down(world, postbox):
    task = world.queue()
    postbox.answer("RCPT", SOFT)
    during(world, postbox, "RCPT", lambda: Mailbox.objects.update(windows={}))

    world.send(MORNING)

    after, _, _, _ = world.state(task)
    assert (after.status, after.scheduled_for) == ("deferred", MORNING + 15 * MINUTE)


def test_one_lost_mail_without_a_next_day_keeps_back_no_other(world):
    tasks = world.queue(count=2, steps=2)
    with world.open():
        Task.objects.update(status="transmitting", locked_at=MORNING, locked_by="gone")
        Mailbox.objects.update(windows={})

        assert declare_unknown(before=MORNING + MINUTE) == 2

    states = [world.state(task) for task in tasks]
    assert [(after.status, enrollment.state) for after, _, enrollment, _ in states] == [
        ("unknown", "finished")
    ] * 2


@pytest.mark.parametrize("days", [-1, 366])
def test_no_step_waits_for_more_than_a_year(world, days):
    world.queue()
    with world.open(), pytest.raises(IntegrityError, match="delay_days"), transaction.atomic():
        WorkflowStep.objects.update(delay_days=days)


def test_a_mail_refused_for_now_is_not_tried_again_after_its_sequence_ended(world, postbox):
    task = world.queue()
    postbox.answer("RCPT", SOFT)
    during(
        world,
        postbox,
        "RCPT",
        lambda: stop(Enrollment.objects.get(), "replied", reason="r", at=MORNING),
    )

    world.send(MORNING)

    after, message, enrollment, _ = world.state(task)
    assert (after.status, message.status) == ("cancelled", "failed")
    assert enrollment.state == "replied"


@pytest.mark.parametrize("answer", ["250 2.0.0 Queued", SOFT])
def test_a_campaign_that_is_archived_meanwhile_plans_nothing_more(world, postbox, answer):
    task = world.queue(steps=2)
    postbox.answer("DATA", answer)
    during(world, postbox, "RCPT", lambda: archive(Campaign.objects.get(), at=MORNING))

    world.send(MORNING)

    after, _, enrollment, _ = world.state(task)
    assert after.status == ("sent" if answer.startswith("2") else "cancelled")
    assert enrollment.state == "finished"
    assert world.follow_up_of(task) is None


@pytest.mark.parametrize(("stage", "status"), [("TAKEN", "sent"), ("RCPT", "failed")])
def test_a_mail_whose_step_is_deleted_meanwhile_is_written_down(world, postbox, stage, status):
    world.queue()
    if stage == "RCPT":
        postbox.answer("RCPT", HARD)
    during(world, postbox, stage, lambda: WorkflowStep.objects.all().delete())

    assert world.send(MORNING).status == status

    with world.open():
        message = Message.objects.get()
        assert (message.status, message.task_id) == (status, None)
        assert (suppression_of(message.to_address) is not None) == (status == "failed")


def test_a_mail_whose_person_is_deleted_meanwhile_leaves_nothing(world, postbox):
    task = world.queue()
    during(world, postbox, "TAKEN", lambda: task.enrollment.position.person.delete())

    assert world.send(MORNING) is None

    with world.open():
        assert not Message.objects.exists()


def test_a_server_that_is_not_ready_is_named_on_its_mailbox_until_a_mail_leaves(world, postbox):
    world.queue()
    postbox.answer("MAIL", "451 4.3.2 Not now")

    world.send(MORNING)

    with world.open() as mailbox:
        assert "4.3.2 Not now" in mailbox.status_reason
    assert world.send(MORNING + HOUR).status == "sent"
    with world.open() as mailbox:
        assert (mailbox.status, mailbox.status_reason) == ("active", "")


def test_a_mail_that_waits_for_another_try_can_be_rejected(world, postbox):
    task = world.queue(steps=2)
    postbox.answer("RCPT", SOFT)
    world.send(MORNING)

    with world.open():
        reject(draft_of(task), at=MORNING, user=None)

    after, message, enrollment, _ = world.state(task)
    assert (after.status, message, enrollment.state) == ("skipped", None, "active")
    assert world.follow_up_of(task).scheduled_for == MORNING + timedelta(days=6)
    assert world.send(MORNING + HOUR) is None


def test_what_waits_for_a_server_that_hung_up_says_so_until_a_mail_leaves(world, postbox):
    lost, other = world.queue(), world.queue()
    postbox.hooks["TAKEN"] = hang_up
    world.send(MORNING)
    postbox.hooks.clear()

    said = "The server hung up. Whether it took the mail is not known."
    assert world.state(lost)[0].last_error == said
    with world.open() as mailbox:
        (reason,) = may_send(Task.objects.get(pk=other.pk), now=MORNING + MINUTE)
        assert mailbox.status_reason == said
        assert (reason.code, reason.until) == ("pace", mailbox.next_send_at)
        assert reason.sentence == f"The mailbox leaves its server alone for now. {said}"
    assert world.send(MORNING + HOUR).status == "sent"
    with world.open() as mailbox:
        assert mailbox.status_reason == ""


def test_a_mailbox_that_is_paused_meanwhile_keeps_the_reason_of_its_pause(world, postbox):
    world.queue()
    postbox.answer("MAIL", SOFT)
    pause = {"status": "paused", "status_reason": "by hand"}
    during(world, postbox, "MAIL", lambda: Mailbox.objects.update(**pause))

    world.send(MORNING)

    with world.open() as mailbox:
        assert (mailbox.status, mailbox.status_reason) == ("paused", "by hand")


def test_a_mail_that_waits_for_another_try_leaves_as_it_was_edited(world, postbox):
    task = world.queue()
    postbox.answer("RCPT", SOFT)
    world.send(MORNING)

    with world.open():
        draft = draft_of(task)
        edit(draft, subject="Autre idée", body_text=draft.body_text, at=MORNING, user=None)
    assert world.send(MORNING + HOUR) is None
    with world.open():
        approve(draft_of(task), at=MORNING, rule="test")
    world.send(MORNING + 2 * HOUR)
    world.send(MORNING + 5 * HOUR)

    assert [mail["Subject"] for mail in postbox.parsed()] == ["Autre idée"]
