"""How many mails are decided on together, and so left in doubt by a worker that is killed."""

from datetime import timedelta

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from outreach.models import Task
from outreach.services.sending import batches, send_batch
from outreach.states import TaskStatus
from outreach.tests.making import MORNING
from outreach.tests.postbox import World


@pytest.fixture
def world(committed, postbox, monkeypatch):
    """An organisation whose mailbox keeps no pace, and sends in small groups."""
    monkeypatch.setattr(batches, "FIRST", 4)
    monkeypatch.setattr(batches, "LARGEST", 10)
    return World(postbox, pace_min_seconds=0, pace_max_seconds=0)


def in_doubt(world, postbox, *, each=timedelta(0), limit=100):
    """Send from a server that takes so long for each; how many were leaving at every mail."""
    found = []

    def count(server, envelope):
        with world.open():
            found.append(Task.objects.filter(status=TaskStatus.TRANSMITTING).count())
        connection.close()

    postbox.hooks["DATA"] = count
    send_batch(
        world.organisation_id,
        world.mailbox_id,
        clock=lambda: MORNING + len(found) * each,
        worker="test",
        limit=limit,
    )
    return found


def test_a_server_that_takes_mails_at_once_gets_larger_groups(world, postbox):
    world.queue(count=20)

    assert in_doubt(world, postbox) == [4] * 4 + [10] * 10 + [6] * 6


def test_a_slow_server_leaves_few_mails_in_doubt(world, postbox):
    world.queue(count=9)

    found = in_doubt(world, postbox, each=timedelta(seconds=2))

    assert found == [4] * 4 + [1] * 5


def test_a_round_sends_no_more_than_it_is_told(world, postbox):
    world.queue(count=9)

    assert len(in_doubt(world, postbox, limit=6)) == 6

    with world.open():
        assert Task.objects.filter(status=TaskStatus.SCHEDULED).count() == 3


def test_a_round_takes_no_more_than_it_may_send(world, postbox):
    tasks = world.queue(count=9)
    taken = []

    def watch(server, envelope):
        with world.open():
            taken.append(Task.objects.exclude(locked_by=None).count())
        connection.close()

    postbox.hooks["DATA"] = watch
    send_batch(
        world.organisation_id, world.mailbox_id, clock=lambda: MORNING, worker="test", limit=6
    )

    assert len(tasks) == 9
    assert taken == [4] * 4 + [2] * 2


def test_a_round_ends_after_a_minute(world, postbox):
    world.queue(count=9)

    assert len(in_doubt(world, postbox, each=timedelta(seconds=20))) == 4

    with world.open():
        assert Task.objects.filter(status=TaskStatus.SCHEDULED).count() == 5


@given(st.integers(1, 500), st.timedeltas(-timedelta(hours=1), timedelta(hours=1)))
def test_every_group_has_a_size(size, lasted):
    after = batches._next_size(size, lasted)

    assert 1 <= after <= batches.LARGEST
    assert after <= 4 * size
