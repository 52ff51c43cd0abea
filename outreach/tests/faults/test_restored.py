"""Last week's backup, restored after much has left since: nothing leaves a second time."""

from datetime import timedelta

import pytest

from outreach.models import Mailbox, Task
from outreach.services import restoring
from outreach.services.switches import is_restored
from outreach.tests.faults.judging import headers, hold_nobody_lost, hold_to_account, prepare
from outreach.tests.making import MORNING
from outreach.tests.restored import dump, restore_in_place, restored

pytestmark = pytest.mark.faults

HOUR = timedelta(hours=1)


@pytest.fixture
def backup(busy, postbox, senders, tmp_path):
    """Made while a sender is in the middle of a batch; much has left since."""
    busy.queue(count=6, steps=2)
    found = []

    def back_up(server, envelope):
        if len(postbox.seen) == 3:
            found.append(dump(tmp_path))

    postbox.hooks["RCPT"] = back_up
    assert senders.run(busy.organisation_id, busy.mailbox_id, MORNING).codes == [0]
    for day in range(1, 9):
        prepare(busy, MORNING + 24 * day * HOUR)
        senders.run(busy.organisation_id, busy.mailbox_id, MORNING + 24 * day * HOUR)
    assert hold_to_account(busy, postbox) == {"sent": 12}
    return found[0]


def confirm(world, at):
    for organisation in restoring.everybody():
        restoring.put_in_doubt(organisation.pk, since=MORNING, now=at)
    restoring.reopen(now=at)


def send_for_days(world, at, days=14):
    for day in range(days):
        prepare(world, at + 24 * day * HOUR)
        world.send(at + 24 * day * HOUR)
        while world.send(at + 24 * day * HOUR) is not None:
            pass


def hold_the_fence(world, postbox):
    """Nothing before an operator confirms it, nothing twice afterwards."""
    left, now = len(postbox.mails), MORNING + 9 * 24 * HOUR
    assert is_restored()
    send_for_days(world, now, days=2)
    assert len(postbox.mails) == left
    confirm(world, now)
    with world.open():
        Mailbox.objects.update(next_send_at=None)
    send_for_days(world, now)
    counted = hold_to_account(world, postbox)
    hold_nobody_lost(world)
    assert counted["scheduled"] == 0
    return counted


def test_a_backup_restored_elsewhere_sends_nothing_twice(busy, postbox, backup):
    postbox.hooks.clear()
    with restored(backup):
        counted = hold_the_fence(busy, postbox)

    assert counted == {"unknown": 12}
    assert len(headers(postbox)) == 12


def test_what_is_enrolled_after_the_restore_leaves(busy, postbox, backup):
    postbox.hooks.clear()
    with restored(backup):
        hold_the_fence(busy, postbox)
        new = busy.queue()
        at = MORNING + 30 * 24 * HOUR
        with busy.open():
            Task.objects.filter(pk=new.pk).update(scheduled_for=at)
        send_for_days(busy, at, days=1)

        assert hold_to_account(busy, postbox) == {"unknown": 12, "sent": 1}


def test_a_backup_restored_in_place_sends_nothing_twice(busy, postbox, backup):
    postbox.hooks.clear()
    restore_in_place(backup)

    assert hold_the_fence(busy, postbox) == {"unknown": 12}
    assert len(headers(postbox)) == 12
