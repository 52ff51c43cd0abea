"""Mails in doubt: looked for in a real mailbox, or decided on by a person."""

from datetime import timedelta
from email.message import EmailMessage

import pytest

from iam.models import AuditEvent
from outreach.models import Draft, Enrollment, Mailbox, Message, Task
from outreach.services.planning import plan_next
from outreach.services.receiving import read_mailbox
from outreach.services.reconciling import (
    FollowedAlready,
    NotInDoubt,
    Outcome,
    SequenceOver,
    decide,
    reconcile,
)
from outreach.services.stopping import stop
from outreach.tests.making import MORNING, fresh, message_of
from outreach.tests.postbox import Postbox, World, hang_up
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_user

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = MORNING + HOUR


@pytest.fixture
def doubtful(world: World, postbox: Postbox) -> Task:
    """The first of two mails: the server took it over, and the line was cut before it said so."""
    return leave_in_doubt(world, postbox, steps=2)


def leave_in_doubt(world: World, postbox: Postbox, steps: int) -> Task:
    task = world.queue(steps=steps)
    postbox.hooks["TAKEN"] = hang_up
    world.send(MORNING)
    postbox.hooks.clear()
    assert world.state(task)[0].status == "unknown"
    return task


def decided(world: World, task: Task, outcome: str, *, at=NOW, user=None) -> Task:
    with world.open():
        return decide(fresh(task), outcome, at=at, user=user)


def test_a_mail_found_among_the_sent_ones_left(world, postbox, dovecot, user, doubtful):
    dovecot.keep(user, postbox.mails[0][1])

    result = reconcile(world.organisation_id, now=NOW)

    assert (result.found, result.missing, result.problems) == (1, 0, {})
    task, message, enrollment, _ = world.state(doubtful)
    assert (task.status, task.last_error) == ("sent", None)
    assert (message.status, message.answer_code) == ("sent", "Found among the sent mails.")
    assert message.sent_at == MORNING
    assert enrollment.state == "active"
    assert world.follow_up_of(doubtful).status == "scheduled"
    assert reconcile(world.organisation_id, now=NOW).found == 0


def test_a_mail_that_is_not_found_stays_in_doubt_and_says_when_it_was_looked_for(world, doubtful):
    before = world.state(doubtful)[0].last_error

    result = reconcile(world.organisation_id, now=NOW)
    reconcile(world.organisation_id, now=NOW + HOUR)

    assert (result.found, result.missing) == (0, 1)
    task = world.state(doubtful)[0]
    assert task.status == "unknown"
    assert task.last_error == (
        f"{before} Not found among the sent mails on 2026-11-24 at 11:00 UTC."
    )


def test_nothing_in_doubt_is_ever_sent_by_itself(world, postbox, doubtful):
    for n in range(1, 20):
        reconcile(world.organisation_id, now=MORNING + n * DAY)
        with world.open():
            Mailbox.objects.update(last_synced_at=MORNING + n * DAY)
        world.send(MORNING + n * DAY)

    assert len(postbox.mails) == 1


def test_a_mailbox_that_cannot_be_read_leaves_everything_as_it_is(world, doubtful):
    with world.open() as mailbox:
        Mailbox.objects.filter(pk=mailbox.pk).update(imap_port=1)
    before = world.state(doubtful)[0].last_error

    result = reconcile(world.organisation_id, now=NOW)

    assert (result.found, result.missing) == (0, 0)
    ((sender, problem),) = result.problems.items()
    assert sender == str(mailbox)
    assert "cannot be reached" in problem
    assert world.state(doubtful)[0].last_error == before


def test_a_forgotten_mail_that_is_found_is_written_down_again(
    world, postbox, dovecot, user, doubtful
):
    """As after a restore: the task is there, its message is not."""
    raw = postbox.mails[0][1]
    with world.open():
        sent = message_of(doubtful)
        Message.objects.all().delete()
        Draft.objects.all().delete()
    dovecot.keep(user, raw)

    reconcile(world.organisation_id, now=NOW)

    task, message, _, _ = world.state(doubtful)
    assert (task.status, message.status, bytes(message.raw)) == ("sent", "sent", raw)
    for name in ("rfc822_message_id", "from_address", "to_address", "subject", "sent_at"):
        assert getattr(message, name) == getattr(sent, name), name
    assert message.body_text.strip() == sent.body_text.strip()
    with world.open():
        assert Draft.objects.get(task=task).approved_rule == "found among the sent mails"


def test_an_answer_to_a_mail_that_was_written_down_again_stops_its_sequence(
    world, postbox, dovecot, user, doubtful
):
    raw = postbox.mails[0][1]
    with world.open():
        identifier = message_of(doubtful).rfc822_message_id
        Message.objects.all().delete()
    dovecot.keep(user, raw)
    reconcile(world.organisation_id, now=NOW)
    answer = EmailMessage()
    answer["From"], answer["Message-ID"] = "somebody@elsewhere.example", "<a@elsewhere.example>"
    answer["In-Reply-To"], answer["Subject"] = identifier, "Re: Une idée"
    answer.set_content("Oui, appelez-moi.")
    dovecot.keep(user, answer.as_bytes(), folder="INBOX")

    read_mailbox(world.organisation_id, world.mailbox_id, now=NOW)

    assert world.state(doubtful)[2].state == "replied"


def test_the_link_in_a_mail_that_was_written_down_again_works(
    world, postbox, dovecot, user, doubtful
):
    with world.open():
        known = message_of(doubtful).unsubscribe_digest
        Message.objects.all().delete()
    dovecot.keep(user, postbox.mails[0][1])

    reconcile(world.organisation_id, now=NOW)

    assert bytes(world.state(doubtful)[1].unsubscribe_digest) == bytes(known)


def test_another_organisations_doubts_are_not_touched(world, doubtful, dovecot, postbox, user):
    stranger = World(postbox, imap_port=dovecot.imap_port, username=user)
    dovecot.keep(user, postbox.mails[0][1])

    assert reconcile(stranger.organisation_id, now=NOW).found == 0

    assert world.state(doubtful)[0].status == "unknown"


def test_a_person_says_that_it_left(world, doubtful):
    ada = make_user()

    decided(world, doubtful, Outcome.SENT, user=ada)

    task, message, enrollment, _ = world.state(doubtful)
    assert (task.status, message.status, enrollment.state) == ("sent", "sent", "active")
    assert message.answer_code == "A person says that it left."
    with tenant(world.organisation_id):
        entry = AuditEvent.objects.get(action="decided")
        assert (entry.user, entry.object_type) == (ada, "outreach.task")
        assert entry.description.endswith(": it left")


def test_a_person_says_that_it_did_not_leave_and_nothing_follows_it(world, postbox, doubtful):
    decided(world, doubtful, Outcome.NOT_SENT)

    task, message, enrollment, _ = world.state(doubtful)
    assert (task.status, message.status, enrollment.state) == ("failed", "failed", "finished")
    assert world.follow_up_of(doubtful).status == "cancelled"
    world.approve_all(MORNING + 30 * DAY)
    world.send(MORNING + 30 * DAY)
    assert len(postbox.mails) == 1


def test_sent_again_the_very_same_bytes_leave_once_and_the_sequence_goes_on(
    world, postbox, doubtful
):
    decided(world, doubtful, Outcome.SEND_AGAIN)

    world.send(NOW)

    assert [raw for _, raw in postbox.mails] == [postbox.mails[0][1]] * 2
    task, message, enrollment, _ = world.state(doubtful)
    assert (task.status, message.status, enrollment.state) == ("sent", "sent", "active")
    assert world.follow_up_of(doubtful).scheduled_for > NOW + 4 * DAY
    with world.open():
        Mailbox.objects.update(last_synced_at=NOW + DAY)
    assert world.send(NOW + DAY) is None


@pytest.mark.parametrize("kept", ["cancelled", "skipped"])
def test_sent_again_it_is_followed_by_the_step_after_one_that_somebody_kept(world, postbox, kept):
    task = leave_in_doubt(world, postbox, steps=3)
    with world.open():
        Task.objects.filter(step_index=1).update(status=kept)
        plan_next(Task.objects.get(step_index=1), now=MORNING)

    decided(world, task, Outcome.SEND_AGAIN)
    world.send(NOW)

    with world.open():
        found = Task.objects.order_by("step_index").values_list("step_index", "status")
        assert list(found) == [(0, "sent"), (1, kept), (2, "scheduled")]
        assert Enrollment.objects.get().state == "active"


def test_the_last_mail_of_a_sequence_may_be_sent_again(world, postbox):
    task = leave_in_doubt(world, postbox, steps=1)
    assert world.state(task)[2].state == "finished"

    decided(world, task, Outcome.SEND_AGAIN)
    world.send(NOW)

    assert len(postbox.mails) == 2
    assert (world.state(task)[0].status, world.state(task)[2].state) == ("sent", "finished")


def test_what_somebody_stopped_meanwhile_is_not_sent_again(world, postbox, doubtful):
    with world.open():
        stop(fresh(doubtful).enrollment, "finished", reason="by hand", at=NOW)

    with pytest.raises(SequenceOver, match="The enrolment is finished"):
        decided(world, doubtful, Outcome.SEND_AGAIN)

    assert world.state(doubtful)[0].status == "unknown"


def test_after_an_objection_it_is_not_sent_again(world, postbox, doubtful):
    with world.open():
        stop(fresh(doubtful).enrollment, "unsubscribed", reason="no", at=NOW)

    with pytest.raises(SequenceOver, match="unsubscribed"):
        decided(world, doubtful, Outcome.SEND_AGAIN)


def test_a_mail_is_not_sent_after_the_one_that_follows_it(world, postbox, doubtful):
    later = MORNING + 10 * DAY
    world.approve_all(later)
    world.send(later)
    assert len(postbox.mails) == 2

    with pytest.raises(FollowedAlready):
        decided(world, doubtful, Outcome.SEND_AGAIN)

    with world.open():
        assert Enrollment.objects.get().state == "finished"


@pytest.mark.parametrize("outcome", Outcome.values)
def test_only_a_mail_in_doubt_is_decided_on(world, outcome):
    task = world.queue()

    with pytest.raises(NotInDoubt):
        decided(world, task, outcome)

    assert world.state(task)[0].status == "scheduled"


def test_a_second_decision_is_refused(world, doubtful):
    decided(world, doubtful, Outcome.NOT_SENT)

    with pytest.raises(NotInDoubt):
        decided(world, doubtful, Outcome.SEND_AGAIN)
