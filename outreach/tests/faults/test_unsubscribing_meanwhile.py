"""Whoever unsubscribes while a batch is under way gets nothing more of it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from outreach.models import Task
from outreach.services.approval import UNSUBSCRIBE
from outreach.services.sending import batches, lease, send_batch
from outreach.services.sending.deciding import Group, decide
from outreach.tests.faults.judging import hold_to_account, prepare
from outreach.tests.making import MORNING
from outreach.tokens import token

LATER = MORNING + timedelta(days=14)
BODIES = {
    "urlencoded": (b"List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"),
    "multipart": (
        encode_multipart(BOUNDARY, {"List-Unsubscribe": "One-Click"}),
        MULTIPART_CONTENT,
    ),
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize(("group", "status"), [(1, "scheduled"), (20, "transmitting")])
def test_one_click_in_the_middle_of_a_batch_keeps_the_follow_up_back(
    busy, postbox, monkeypatch, group, status, body
):
    """The link is in the first mail; the follow-up waits, or is decided on, in that very moment."""
    monkeypatch.setattr(batches, "FIRST", group)
    last, way_out = follow_up(busy)
    found = []

    def click(server, envelope):
        if not found:
            found.append(state_of(busy, last))
            found.append(clicked(way_out, body))
            connection.close()  # this is the server's thread

    postbox.hooks["RCPT"] = click
    send(busy, LATER)

    assert found == [status, 200]
    assert hold_to_account(busy, postbox) == {"sent": 5, "cancelled": 1}
    assert len(postbox.mails) == 5


def test_one_click_keeps_back_a_follow_up_that_is_leased(busy, postbox):
    last, way_out = follow_up(busy)
    with busy.open():
        leased = lease(busy.mailbox_id, now=LATER, worker="test")
    assert state_of(busy, last) == "leased"

    assert clicked(way_out, "urlencoded") == 200
    with busy.open():
        group = Group(busy.mailbox_id, leased, "test", LATER, lambda message: None, at_most=3)
        left = [intention.task for intention in decide(group).intentions]

    assert len(leased) == 3
    assert left == [task for task in leased if task.pk != last.pk]
    assert state_of(busy, last) == "cancelled"


def follow_up(world):
    """The last of three follow-ups that are due, and the link in the mail before it."""
    first = world.queue(count=3, steps=2)
    send(world, MORNING)
    prepare(world, LATER)
    with world.open():
        last = Task.objects.filter(step_index=1).order_by("scheduled_for", "id").last()
    (before,) = [task for task in first if task.enrollment_id == last.enrollment_id]
    return last, token(UNSUBSCRIBE, before.pk)


def state_of(world, task):
    with world.open():
        return Task.objects.get(pk=task.pk).status


def clicked(way_out, body):
    data, kind = BODIES[body]
    client = Client(enforce_csrf_checks=True)
    return client.generic("POST", f"/u/{way_out}", data, kind).status_code


def send(world, at):
    return send_batch(world.organisation_id, world.mailbox_id, clock=lambda: at, worker="test")
