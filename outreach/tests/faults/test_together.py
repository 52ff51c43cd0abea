"""Senders at once, a clock that goes backwards, and tasks that nobody should have written."""

from datetime import timedelta

import psycopg
import pytest

from outreach.models import Draft, Enrollment, Mailbox, Task
from outreach.services.approval import approve
from outreach.services.drafting import compose
from outreach.services.suppressing import suppress_address
from outreach.states import SuppressionReason
from outreach.tests.faults.judging import hold_nobody_lost, hold_to_account, prepare
from outreach.tests.making import MORNING, make_open_campaign
from prospectflow.testing.factories import make_enrollment, make_position, make_step

pytestmark = pytest.mark.faults

HOUR = timedelta(hours=1)
ADA = "ada@client.example.com"


def test_senders_told_to_send_the_same_batch_send_each_mail_once(busy, postbox, senders):
    busy.queue(count=12, steps=2)

    for minute in range(5):
        at = MORNING + timedelta(minutes=minute)
        ending = senders.run(busy.organisation_id, busy.mailbox_id, at, senders=3)
        assert (ending.codes, senders.complained()) == ([0, 0, 0], "")

    assert hold_to_account(busy, postbox) == {"sent": 12, "scheduled": 12}
    hold_nobody_lost(busy)


def test_a_clock_that_is_set_back_an_hour_sends_nothing_twice_and_goes_on(busy, postbox, senders):
    for at in (MORNING, MORNING - HOUR, MORNING - HOUR / 2, MORNING, MORNING + HOUR):
        busy.queue(count=3, steps=2)
        senders.run(busy.organisation_id, busy.mailbox_id, at, die_at=40)
        senders.run(busy.organisation_id, busy.mailbox_id, at)
        hold_to_account(busy, postbox)
    for hour in range(1, 4):
        prepare(busy, MORNING + hour * HOUR)
        assert senders.run(busy.organisation_id, busy.mailbox_id, MORNING + hour * HOUR).codes == [
            0
        ]

    counted = hold_to_account(busy, postbox)
    hold_nobody_lost(busy)
    assert counted["sent"] + counted["unknown"] == 15


def test_a_limit_holds_while_the_clock_goes_backwards(busy, postbox, senders):
    with busy.open():
        Mailbox.objects.update(daily_limit=4)
    busy.queue(count=12)

    for at in (MORNING, MORNING - HOUR, MORNING + HOUR, MORNING - 2 * HOUR):
        senders.run(busy.organisation_id, busy.mailbox_id, at)

    assert len(postbox.mails) == 4
    assert hold_to_account(busy, postbox) == {"sent": 4, "scheduled": 8}


INSERT = """
WITH task AS (
    INSERT INTO outreach.tasks
        (organisation_id, id, campaign_id, enrollment_id, workflow_step_id, scheduled_for)
    VALUES (%(organisation)s, %(task)s, %(campaign)s, %(enrollment)s, %(step)s, %(at)s)
    RETURNING id
)
INSERT INTO outreach.drafts
    (organisation_id, task_id, recipient, subject, body_text, status, approved_hash, approved_at)
SELECT %(organisation)s, id, %(recipient)s, 'Une idée', 'Bonjour.', 'approved', %(hash)s, %(at)s
FROM task
"""


@pytest.mark.parametrize("suppressed", ["before", "after", "its domain"])
def test_a_task_written_by_hand_to_a_suppressed_address_never_leaves(
    busy, postbox, owner_url, suppressed
):
    """The owner of the tables writes it, past every rule, and even says that it was approved."""
    with busy.open() as mailbox:
        campaign = make_open_campaign(mailbox)
        step = make_step(campaign)
        if suppressed == "before":
            suppress_address(ADA, reason=SuppressionReason.OBJECTION, source="test", at=MORNING)
        enrollment = make_enrollment(campaign=campaign, position=make_position(email=ADA))
        identifier, approved = approved_like(enrollment, step)
    insert(owner_url, busy, enrollment, step, identifier, approved)
    with busy.open():
        assert Draft.objects.get().approved_hash == approved
        if suppressed == "after":
            suppress_address(ADA, reason=SuppressionReason.BOUNCED, source="test", at=MORNING)
        if suppressed == "its domain":
            suppress_domain(owner_url, busy)
    for hour in range(8):
        busy.send(MORNING + hour * HOUR)

    assert postbox.seen == []
    with busy.open():
        assert Task.objects.get().status == "cancelled"
        assert Enrollment.objects.get().state == "finished"


def test_a_task_written_by_hand_to_anybody_else_leaves(busy, postbox, owner_url):
    """So it is the suppression alone that holds the others back."""
    with busy.open() as mailbox:
        campaign = make_open_campaign(mailbox)
        step = make_step(campaign)
        enrollment = make_enrollment(campaign=campaign, position=make_position(email=ADA))
        identifier, approved = approved_like(enrollment, step)
    insert(owner_url, busy, enrollment, step, identifier, approved)
    busy.send(MORNING)

    assert postbox.seen == [ADA]


def approved_like(enrollment, step):
    """A task that is gone again, and the hash that its mail was approved by."""
    task = Task.objects.create(
        enrollment=enrollment, workflow_step=step, campaign=step.campaign, scheduled_for=MORNING
    )
    draft = compose(task, at=MORNING)
    draft.subject, draft.body_text = "Une idée", "Bonjour."
    draft.save()
    approved = approve(draft, at=MORNING, rule="test").approved_hash
    identifier = task.pk
    task.delete()
    return identifier, approved


def insert(owner_url, world, enrollment, step, identifier, approved):
    told = {
        "organisation": world.organisation_id,
        "task": identifier,
        "campaign": step.campaign_id,
        "enrollment": enrollment.pk,
        "step": step.pk,
        "at": MORNING,
        "recipient": ADA,
        "hash": approved,
    }
    with psycopg.connect(owner_url) as owner:
        owner.execute(INSERT, told)


def suppress_domain(owner_url, world):
    with psycopg.connect(owner_url) as owner:
        owner.execute(
            "INSERT INTO outreach.suppressions (organisation_id, domain, reason, at)"
            " VALUES (%s, 'client.example.com', 'by_hand', %s)",
            [world.organisation_id, MORNING],
        )
