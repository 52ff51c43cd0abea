"""A restored backup: it sends nothing by itself, and what left since is never sent again."""

from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from outreach.models import Enrollment, Mailbox, Message, Platform, Task
from outreach.services import restoring
from outreach.services.receiving import read_mailbox
from outreach.services.reconciling import Outcome, decide, reconcile
from outreach.services.restoring import put_in_doubt, reopen, shut
from outreach.services.switches import is_restored
from outreach.tests.making import MORNING, draft_of, fresh, make_due, make_open_campaign
from outreach.tests.postbox import Postbox, World
from outreach.tests.restored import dump, restored
from prospectflow.jobs import write_due_drafts
from prospectflow.tenancy.context import tenant

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NOW = MORNING + DAY


def confirm(world: World, *, since=MORNING, now=NOW) -> int:
    """What an operator's confirmation does, for the one organisation."""
    doubtful = put_in_doubt(world.organisation_id, since=since, now=now)
    reopen(now=now)
    return doubtful


def statuses(world: World) -> list[str]:
    with world.open():
        return list(Task.objects.order_by("step_index", "id").values_list("status", flat=True))


def _leave(world: World) -> list[Message]:
    """What the mailbox sends in the hour after the restore."""
    sent = [world.send(NOW + 10 * n * MINUTE) for n in range(6)]
    return [message for message in sent if message is not None]


def recipients(postbox: Postbox) -> list[str]:
    return sorted(recipient for recipient, _ in postbox.mails)


def test_mails_sent_since_yesterdays_backup_are_not_sent_again(
    world, postbox, dovecot, user, tmp_path: Path
):
    world.queue(4)
    world.send(MORNING)
    backup = dump(tmp_path)
    for n in (1, 2):
        world.send(MORNING + 10 * n * MINUTE)
    left = recipients(postbox)
    for _, raw in postbox.mails:
        dovecot.keep(user, raw)

    with restored(backup):
        assert is_restored()
        assert _leave(world) == []
        assert confirm(world) == 3
        assert not is_restored()
        result = reconcile(world.organisation_id, now=NOW)
        assert _leave(world) == []
        assert sorted(statuses(world)) == ["sent", "sent", "sent", "unknown"]

    assert (result.found, result.missing) == (2, 1)
    assert recipients(postbox) == left
    assert len(set(left)) == 3


def test_the_database_that_was_copied_goes_on_sending(world, postbox, tmp_path):
    world.queue(2)
    backup = dump(tmp_path)

    with restored(backup):
        assert world.send(MORNING) is None

    assert not is_restored()
    assert world.send(MORNING) is not None


def test_what_did_not_leave_in_the_forgotten_time_leaves_once_a_person_says_so(world, postbox):
    task = world.queue()
    confirm(world)
    assert world.send(NOW) is None

    with world.open():
        decide(fresh(task), Outcome.SEND_AGAIN, at=NOW)
    world.send(NOW)

    assert statuses(world) == ["sent"]
    assert len(postbox.mails) == 1


def test_what_is_due_later_leaves_as_planned(world, postbox):
    task = world.queue()
    with world.open():
        Task.objects.update(scheduled_for=NOW + HOUR)

    assert confirm(world) == 0
    world.send(NOW + HOUR)

    assert world.state(task)[0].status == "sent"


def test_what_waited_for_its_turn_before_the_backup_may_have_left_since(world):
    world.queue(2)

    assert confirm(world, since=MORNING + 10 * HOUR) == 2

    assert statuses(world) == ["unknown", "unknown"]


def test_an_approval_that_was_given_since_is_forgotten_with_its_mail(world):
    """Its draft waits for a person in the copy, but a person may have approved it since."""
    with world.open() as mailbox:
        task = make_due(make_open_campaign(mailbox))

    assert confirm(world) == 1

    assert world.state(task)[0].status == "unknown"


def test_the_sequence_goes_on_as_if_the_mail_had_left_when_it_was_due(world):
    task = world.queue(steps=2)

    assert confirm(world) == 1

    after, message, enrollment, _ = world.state(task)
    assert (after.status, after.last_error) == ("unknown", restoring.IN_DOUBT)
    assert (message.status, message.sent_at) == ("queued", MORNING)
    assert enrollment.state == "active"
    assert world.follow_up_of(task).scheduled_for == MORNING + 6 * DAY  # four working days


def test_a_follow_up_whose_hour_also_lies_in_the_forgotten_time_is_in_doubt_as_well(world, postbox):
    world.queue(steps=3)
    later = MORNING + 30 * DAY

    assert confirm(world, now=later) == 3

    assert statuses(world) == ["unknown"] * 3
    world.approve_all(later)
    assert world.send(later) is None
    with world.open():
        assert Enrollment.objects.get().state == "finished"


def test_a_follow_up_that_left_in_the_forgotten_time_is_found(
    world, postbox, dovecot, user, tmp_path: Path
):
    """It is planned anew in the copy, under the Message-ID that it left with."""
    task = world.queue(steps=2)
    backup = dump(tmp_path)
    world.send(MORNING)
    due = world.follow_up_of(task).scheduled_for
    world.approve_all(due)
    world.send(due)
    for _, raw in postbox.mails:
        dovecot.keep(user, raw)

    with restored(backup):
        assert confirm(world, now=due + DAY) == 2
        assert reconcile(world.organisation_id, now=due + DAY).found == 2
        assert statuses(world) == ["sent", "sent"]


def test_without_the_backups_time_a_mail_counts_as_having_left_when_it_was_due(world, postbox):
    """Whatever changed in the copy meanwhile: a click on a link must not hide a follow-up."""
    world.queue(steps=2)
    later = MORNING + 8 * DAY

    assert confirm(world, since=None, now=later) == 2

    assert statuses(world) == ["unknown"] * 2


def test_nothing_is_written_that_would_move_a_mail_out_of_doubt(world):
    with world.open() as mailbox:
        task = make_due(make_open_campaign(mailbox))
        task.workflow_step.body_template = "{{ nowhere }}"
        task.workflow_step.save()
    shut()

    assert write_due_drafts(world.organisation_id, now=NOW, ahead=DAY, limit=10) == 0

    assert confirm(world) == 1


def test_what_a_worker_held_when_the_backup_was_made_is_in_doubt(world):
    leased, leaving = world.queue(2)
    with world.open():
        held = {"locked_at": MORNING, "locked_by": "w", "leased_until": MORNING + HOUR}
        Task.objects.filter(pk=leased.pk).update(status="leased", **held)
        Task.objects.filter(pk=leaving.pk).update(status="transmitting", **held)

    assert confirm(world) == 2

    for task in (leased, leaving):
        after = world.state(task)[0]
        assert (after.status, after.locked_by, after.leased_until) == ("unknown", None, None)


def test_a_text_that_was_changed_after_its_approval_is_not_taken_for_what_left(world):
    task = world.queue()
    with world.open() as mailbox:
        mailbox.display_name = "Somebody Else"
        mailbox.save()

    confirm(world)

    assert world.state(task)[0].status == "unknown"
    assert world.state(task)[1] is None


def test_an_answer_that_came_in_the_forgotten_time_is_heard_when_the_inbox_is_read_again(
    world, dovecot, user
):
    task = world.queue(steps=2)
    confirm(world)
    _, message, _, _ = world.state(task)
    answer = EmailMessage()
    answer["From"], answer["Message-ID"] = message.to_address, "<a@elsewhere.example>"
    answer["In-Reply-To"], answer["Subject"] = message.rfc822_message_id, "Re: Une idée"
    answer.set_content("Oui, appelez-moi.")
    dovecot.keep(user, answer.as_bytes(), folder="INBOX")

    read_mailbox(world.organisation_id, world.mailbox_id, now=NOW)

    assert world.state(task)[2].state == "replied"
    assert world.follow_up_of(task).status == "cancelled"


def test_broken_off_anywhere_the_fence_stays_shut_and_the_next_try_ends_the_same(
    world, postbox, monkeypatch
):
    world.queue(3)
    shut()
    monkeypatch.setattr(restoring, "AT_ONCE", 2)
    monkeypatch.setattr(restoring, "remember_as_approved", _failing_at(3))
    with pytest.raises(RuntimeError):
        put_in_doubt(world.organisation_id, since=MORNING, now=NOW)
    assert sorted(statuses(world)) == ["scheduled", "unknown", "unknown"]
    assert is_restored()
    assert world.send(NOW) is None
    monkeypatch.undo()

    confirm(world)

    assert statuses(world) == ["unknown"] * 3
    assert world.send(NOW) is None
    assert postbox.mails == []


def _failing_at(number: int):
    calls = iter(range(1, number + 1))
    known = restoring.remember_as_approved

    def remember(task, *, at):
        if next(calls) == number:
            raise RuntimeError
        return known(task, at=at)

    return remember


def test_each_confirmation_begins_another_epoch(world):
    before = Platform.objects.get().epoch

    reopen(now=NOW)

    after = Platform.objects.get()
    assert (after.epoch, after.confirmed_at) == (before + 1, NOW)


def test_the_last_sign_of_life_is_the_latest_change_of_any_organisation(world):
    world.queue()
    with world.open():
        seen = max(Task.objects.get().updated_at, Mailbox.objects.get().updated_at)
        drafted = draft_of(Task.objects.get()).updated_at

    found = restoring.last_sign_of_life(restoring.everybody(), now=seen + DAY)

    assert max(seen, drafted) - MINUTE < found <= seen + DAY
    early = seen - DAY
    assert restoring.last_sign_of_life(restoring.everybody(), now=early) == early


def test_one_organisations_doubts_are_its_own(world, postbox):
    world.queue()
    stranger = World(postbox)
    task = stranger.queue()

    put_in_doubt(world.organisation_id, since=MORNING, now=NOW)

    assert stranger.state(task)[0].status == "scheduled"
    with tenant(stranger.organisation_id):
        assert not Message.objects.exists()
