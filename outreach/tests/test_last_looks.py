"""A stop that comes while a mail is being announced: no content leaves after it."""

from datetime import timedelta

import pytest
from django.db import OperationalError, connection

from outreach.models import Message, Task
from outreach.services.sending import send_batch
from outreach.services.sending.looking import Look
from outreach.services.switches import stop_platform
from outreach.tests.making import MORNING
from outreach.tests.postbox import World


@pytest.fixture(params=[True, False], ids=["in-groups", "one-by-one"])
def world(committed, postbox, request):
    """An organisation whose mailbox keeps no pace; its server takes commands in groups, or not."""
    postbox.offers_pipelining = request.param
    return World(postbox, pace_min_seconds=0, pace_max_seconds=0)


def send(world, clock=lambda: MORNING):
    send_batch(world.organisation_id, world.mailbox_id, clock=clock, worker="test")
    with world.open():
        assert Message.objects.count() == Task.objects.filter(status="sent").count()
        tasks = Task.objects.order_by("scheduled_for", "id")
        return list(tasks.values_list("status", flat=True))


def at_the_second(postbox, stage, act):
    """Do this once, in the server's thread, when it is asked so for the second time."""
    seen = []

    def hook(server, envelope):
        seen.append(stage)
        if len(seen) == 2:
            act()
            connection.close()

    postbox.hooks[stage] = hook


def stop():
    stop_platform(reason="a leak", at=MORNING)


def test_none_leaves_once_a_server_that_had_left_is_called_again(world, postbox):
    world.queue(count=2)
    at_the_second(postbox, "MAIL", lambda: postbox.answer("MAIL", "421 4.7.0 Enough of you"))
    at_the_second(postbox, "EHLO", stop)

    assert send(world) == ["sent", "scheduled"]
    assert len(postbox.mails) == 1


def test_a_server_that_had_left_is_called_again_where_nobody_stops_it(world, postbox):
    world.queue(count=3)
    at_the_second(postbox, "MAIL", lambda: postbox.answer("MAIL", "421 4.7.0 Enough of you"))

    assert send(world) == ["sent"] * 3
    assert len(postbox.mails) == 3


def test_none_leaves_once_a_server_thought_about_the_recipient_for_long(world, postbox):
    world.queue(count=3)
    passed = []

    def think():
        stop()
        passed.append(timedelta(seconds=2))

    at_the_second(postbox, "RCPT", think)

    assert send(world, lambda: MORNING + sum(passed, timedelta(0))) == [
        "sent",
        "scheduled",
        "scheduled",
    ]
    assert len(postbox.mails) == 1


def test_a_slow_server_gets_its_mails_where_nobody_stops_them(world, postbox):
    world.queue(count=3)
    passed = []
    postbox.hooks["RCPT"] = lambda server, envelope: passed.append(timedelta(seconds=2))

    assert send(world, lambda: MORNING + sum(passed, timedelta(0))) == ["sent"] * 3


def test_none_leaves_where_the_second_look_cannot_be_had(world, postbox, monkeypatch):
    world.queue(count=2)
    passed, looks, look = [], [], Look.may_still_leave

    def fail_once(self, *args, **options):
        looks.append(1)
        if len(looks) == 2:
            raise OperationalError
        return look(self, *args, **options)

    monkeypatch.setattr(Look, "may_still_leave", fail_once)
    postbox.hooks["RCPT"] = lambda server, envelope: passed.append(timedelta(seconds=2))

    assert send(world, lambda: MORNING + sum(passed, timedelta(0))) == ["scheduled", "sent"]
    assert len(postbox.mails) == 1
