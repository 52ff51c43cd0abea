"""Kill -9 of a sender, between any two statements and at any instant: nothing twice, nothing lost.

FAULT_KILLS says how many random instants (`make faults`: 500).
"""

import os
import random
import time
from datetime import timedelta

import pytest

from outreach.models import Task
from outreach.tests.faults.judging import (
    headers,
    hold_nobody_lost,
    hold_to_account,
    prepare,
    step_of,
)
from outreach.tests.making import MORNING

pytestmark = pytest.mark.faults

KILLS = int(os.environ.get("FAULT_KILLS", "20"))
MOST_POINTS, MAILS = 1000, 6
HOUR, AGAIN = timedelta(hours=1), timedelta(minutes=30)


def due(world, at):
    with world.open():
        return Task.objects.due(at).count()


def in_mid_air(world):
    """Whether some kill hit the short time in which mails leave."""
    with world.open():
        return Task.objects.filter(status__in=["transmitting", "unknown"]).exists()


def test_a_sender_killed_at_any_point_between_two_statements_sends_nothing_twice(
    busy, postbox, senders
):
    """Two mails in a batch, each batch dying one statement later than the one before."""
    at, points = MORNING, []
    for statement in range(1, MOST_POINTS):
        busy.queue(count=2, steps=2)
        ending = senders.run(busy.organisation_id, busy.mailbox_id, at, die_at=statement)
        assert senders.complained() == ""
        at += AGAIN
        prepare(busy, at)
        points.append(ending.point)
        assert senders.run(busy.organisation_id, busy.mailbox_id, at).codes == [0], ending.point
        hold_to_account(busy, postbox)
        hold_nobody_lost(busy)
        at += AGAIN
        if ending.codes == [0]:
            break

    assert ending.codes == [0]
    kinds = {point.partition(" ")[0] for point in points}
    assert kinds >= {"SELECT", "UPDATE", "INSERT", "COMMIT", "connect", "send", "reply"}


def test_a_sender_killed_at_random_instants_sends_nothing_twice(busy, postbox, senders):
    """Also among follow-ups, whose turn comes after some days of dying."""
    chance, at, killed, longest = random.Random(5), MORNING, 0, 0.0
    for round_number in range(10 * KILLS):
        if due(busy, at) < MAILS:
            busy.queue(count=MAILS, steps=2)
        prepare(busy, at)
        undisturbed = round_number % 10 == 0
        began = time.monotonic()
        kill_after = None if undisturbed else chance.uniform(0, longest)
        ending = senders.run(busy.organisation_id, busy.mailbox_id, at, kill_after=kill_after)
        if undisturbed:
            longest = time.monotonic() - began
        killed += ending.was_killed
        assert senders.complained() == ""
        at += 3 * HOUR
        if killed >= KILLS and in_mid_air(busy):
            break
    for _ in range(14):
        prepare(busy, at)
        senders.run(busy.organisation_id, busy.mailbox_id, at)
        at += 24 * HOUR

    counted = hold_to_account(busy, postbox)
    hold_nobody_lost(busy)
    assert counted.keys() == {"sent", "unknown"}
    assert "step1" in {step for _, step in map(step_of, headers(postbox))}
