"""Whoever unsubscribes while a batch is under way gets nothing more of it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from outreach.models import Task
from outreach.services.approval import UNSUBSCRIBE
from outreach.services.sending import batches, send_batch
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
@pytest.mark.parametrize(("group", "status"), [(1, "leased"), (20, "transmitting")])
def test_one_click_in_the_middle_of_a_batch_keeps_the_follow_up_back(
    busy, postbox, monkeypatch, group, status, body
):
    """The link is in the first mail; the follow-up is leased, or decided on, in those very days."""
    monkeypatch.setattr(batches, "GROUP", group)
    first = busy.queue(count=3, steps=2)
    send(busy, MORNING)
    prepare(busy, LATER)
    with busy.open():
        last = Task.objects.filter(step_index=1).order_by("scheduled_for", "id").last()
        way_out = token(UNSUBSCRIBE, next(t.pk for t in first if t.enrollment == last.enrollment))
    found = []

    def click(server, envelope):
        if not found:
            with busy.open():
                found.append(Task.objects.get(pk=last.pk).status)
            data, kind = BODIES[body]
            answer = Client(enforce_csrf_checks=True).generic("POST", f"/u/{way_out}", data, kind)
            found.append(answer.status_code)
            connection.close()  # this is the server's thread

    postbox.hooks["RCPT"] = click
    send(busy, LATER)

    assert found == [status, 200]
    assert hold_to_account(busy, postbox) == {"sent": 5, "cancelled": 1}
    assert len(postbox.mails) == 5


def send(world, at):
    return send_batch(world.organisation_id, world.mailbox_id, clock=lambda: at, worker="test")
