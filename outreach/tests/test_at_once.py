"""Sending while others act at the same instant: no deadlock, and no mail that they forbid."""

from threading import Thread

import psycopg
import pytest
from django.db import connection

from outreach.models import Campaign, Mailbox
from outreach.services.campaigns import pause
from outreach.services.mailboxes import set_password
from outreach.services.policy import may_send
from outreach.services.sending import mailboxes_with_work, send_next
from outreach.tests.making import MORNING, fresh, make_open_campaign, make_ready
from outreach.tests.postbox import PASSWORD
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_mailbox

BLOCKED = 0.5  # seconds after which a thread that is still alive waits for a lock


def meanwhile(act):
    """Begin this in a thread of its own and give it the time to meet our locks."""

    def run():
        try:
            act()
        finally:
            connection.close()

    thread = Thread(target=run)
    thread.start()
    thread.join(BLOCKED)
    return thread


def send(world, mailbox_id, frozen):
    return send_next(world.organisation_id, mailbox_id, now=MORNING, worker="w", frozen=frozen)


def test_a_stop_that_comes_while_the_intention_is_committed_waits_for_it(world, owner_url):
    task, stopping = world.queue(), []

    def stop():
        with psycopg.connect(owner_url) as other:
            other.execute("SELECT 1 FROM outreach.campaign_enrollments FOR UPDATE")
            other.execute("UPDATE outreach.tasks SET last_error = 'stopped'")

    message = send(world, world.mailbox_id, lambda _: stopping.append(meanwhile(stop)))

    stopping[0].join()
    assert message.status == "sent"
    assert world.state(task)[0].status == "sent"


def test_two_mailboxes_that_choose_at_the_same_instant_write_to_an_address_once(world, postbox):
    task = world.queue()
    with world.open():
        other = make_mailbox(smtp_port=postbox.port)
        set_password(other, PASSWORD)
        other.save()
        position = fresh(task).enrollment.position
        second = make_ready(make_open_campaign(other), position=position)
    found = []

    def choose_as_well():
        found.append(send(world, other.pk, lambda _: None))

    send(world, world.mailbox_id, lambda _: meanwhile(choose_as_well).join())

    assert found == [None]
    assert len(postbox.mails) == 1
    with world.open():
        assert [reason.code for reason in may_send(fresh(second), now=MORNING)] == [
            "contacted_recently"
        ]


def test_once_a_campaign_is_said_to_be_paused_no_mail_of_it_is_chosen(world):
    world.queue()
    pausing, waited = [], []

    def pause_it():
        with tenant(world.organisation_id):
            pause(Campaign.objects.get(), at=MORNING)

    def frozen(_):
        pausing.append(meanwhile(pause_it))
        waited.append(pausing[0].is_alive())

    send(world, world.mailbox_id, frozen)

    pausing[0].join()
    assert waited == [True]
    with world.open():
        assert Campaign.objects.get().status == "paused"


@pytest.mark.parametrize("change", ["from_mailbox_id = NULL", "status = 'paused'"])
def test_a_campaign_that_is_being_changed_sends_nothing(world, owner_url, change):
    world.queue()
    with psycopg.connect(owner_url) as other:
        other.execute(f"UPDATE outreach.campaigns SET {change}")

        assert world.send(MORNING) is None

    assert world.send(MORNING) is None


def test_a_mailbox_with_work_is_named_once_however_much_it_has(world):
    world.queue(count=2)
    with world.open():
        make_ready(make_open_campaign(Mailbox.objects.get()))

        assert mailboxes_with_work(now=MORNING) == [world.mailbox_id]
