"""The daily numbers equal a plain recount of the facts, however often they are made."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from outreach.models import Message, StepExperiment, Variant
from outreach.states import Direction, DraftStatus, MessageKind, MessageStatus
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import (
    make_campaign,
    make_draft,
    make_enrollment,
    make_mailbox,
    make_step,
    make_task,
)
from tracking.models import DailyStats, OpenStats
from tracking.services import roll_up

START = datetime(2026, 10, 20, tzinfo=UTC)  # the clocks change on the 25th
LONG_AGO = START - timedelta(days=30)
ZONES = ("Europe/Paris", "America/Guadeloupe", "Indian/Reunion", "Pacific/Noumea")
STATES = ("active", "replied", "bounced", "unsubscribed", "finished")
SENT = (MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.BOUNCED, MessageStatus.FAILED)
HASH = "0" * 64


def write(enrollment, step, *, at, mailbox=None, variant=None, status=MessageStatus.SENT):
    """A mail of this enrolment and step, as the sender leaves it behind."""
    task = make_task(enrollment=enrollment, workflow_step=step, status="sent")
    draft = make_draft(task=task, status=DraftStatus.APPROVED, approved_hash=HASH, approved_at=at)
    return Message.objects.create(
        direction=Direction.OUTBOUND,
        status=status,
        task=task,
        draft=draft,
        enrollment=enrollment,
        position=enrollment.position,
        mailbox=mailbox,
        variant=variant,
        step_experiment=variant.step_experiment if variant else None,
        rfc822_message_id=f"<{task.pk}@acme.example.com>",
        content_hash=HASH,
        to_address=enrollment.position.email,
        sent_at=at,
    )


def hear(sent, verdict):
    Message.objects.create(
        direction=Direction.INBOUND,
        status=MessageStatus.RECEIVED,
        verdict=verdict,
        task=sent.task,
        enrollment=sent.enrollment,
        position=sent.position,
        received_at=sent.sent_at + timedelta(days=1),
    )


def make_facts(seed):
    """Two campaigns, an experiment, mailboxes around the world, and whatever chance brings."""
    chance = Random(seed)
    mailboxes = [None, *(make_mailbox(time_zone=zone) for zone in ZONES)]
    for _ in range(2):
        campaign = make_campaign()
        steps = [make_step(campaign) for _ in range(3)]
        experiment = StepExperiment.objects.create(workflow_step=steps[0], name="Opening")
        variants = [Variant.objects.create(step_experiment=experiment, key=k) for k in "AB"]
        for _ in range(9):
            enrollment = make_enrollment(campaign=campaign, state=chance.choice(STATES))
            mailbox = chance.choice(mailboxes)
            at = START + timedelta(minutes=chance.randrange(12 * 24 * 60))
            for step in steps[: chance.randint(0, 3)]:
                sent = write(
                    enrollment,
                    step,
                    at=at,
                    mailbox=mailbox,
                    variant=chance.choice([None, *variants]) if step is steps[0] else None,
                    status=chance.choice(SENT),
                )
                at += timedelta(minutes=chance.randint(1, 3 * 24 * 60))
                for _ in range(chance.randint(0, 2)):
                    hear(sent, chance.choice([MessageKind.REPLY, MessageKind.OUT_OF_OFFICE]))
                if chance.random() < 0.4:
                    OpenStats.objects.create(message=sent, unique_opens=chance.randint(0, 3))


def recount():
    """The same numbers, made in the plainest way there is."""
    counted = {}
    for mail in Message.objects.outbound().select_related("task", "mailbox", "enrollment"):
        zone = ZoneInfo(mail.mailbox.time_zone if mail.mailbox else "UTC")
        day = mail.sent_at.astimezone(zone).date()
        where = (mail.task.campaign_id, mail.task.workflow_step_id, mail.variant_id, day)
        state, status = mail.enrollment.state, mail.status
        last = mail.enrollment.messages.outbound().order_by("-sent_at").first()
        answers = Message.objects.inbox().filter(task=mail.task, verdict=MessageKind.REPLY)
        counted.setdefault(where, Counter()).update(
            sent=status != "failed",
            delivered=status in {"sent", "delivered"},
            bounced=status == "bounced" or (status == "failed" and state == "bounced"),
            replied=answers.exists(),
            unsubscribed=state == "unsubscribed" and mail == last,
            opened=mail.opens.filter(unique_opens__gt=0).exists(),
        )
    return {where: {name: c[name] for name in DailyStats.COUNTERS} for where, c in counted.items()}


def stored():
    return {
        (row.campaign_id, row.workflow_step_id, row.variant_id, row.day): {
            name: getattr(row, name) for name in DailyStats.COUNTERS
        }
        for row in DailyStats.objects.all()
    }


@pytest.mark.parametrize("seed", range(4))
def test_the_numbers_equal_a_recount_and_stay_so(inside, seed):
    make_facts(seed)

    rows = roll_up(since=LONG_AGO)
    first = stored()
    again = roll_up(since=LONG_AGO)

    assert first == recount()
    assert stored() == first
    assert rows == len(first) > 10
    assert again == 0, "what did not change is not written again"


def test_what_happens_later_changes_the_numbers_of_its_day(inside):
    campaign = make_campaign()
    sent = write(make_enrollment(campaign=campaign), make_step(campaign), at=START)
    roll_up(since=LONG_AGO)
    assert [(row.sent, row.replied) for row in DailyStats.objects.all()] == [(1, 0)]

    hear(sent, MessageKind.REPLY)

    assert roll_up(since=LONG_AGO) == 1
    assert [(row.sent, row.replied) for row in DailyStats.objects.all()] == [(1, 1)]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("hour", range(0, 30, 3))
def test_beginning_in_the_middle_of_a_day_takes_nothing_from_it(inside, zone, hour):
    """Whatever the instant from which they are made again: a day is counted whole or not."""
    campaign, mailbox = make_campaign(), make_mailbox(time_zone=zone)
    step = make_step(campaign)
    for hours in range(0, 48, 4):
        at = START + timedelta(hours=hours)
        write(make_enrollment(campaign=campaign), step, at=at, mailbox=mailbox)
    roll_up(since=LONG_AGO)

    roll_up(since=START + timedelta(hours=hour))

    assert stored() == recount()


def test_what_was_sent_since_is_counted(inside):
    make_facts(8)
    since = START + timedelta(days=5, hours=3)

    roll_up(since=since)

    whole, found = recount(), stored()
    later = {
        (mail.task.campaign_id, mail.task.workflow_step_id, mail.variant_id)
        for mail in Message.objects.outbound().filter(sent_at__gte=since).select_related("task")
    }
    assert found == {where: whole[where] for where in found}
    assert {where[:3] for where in found} >= later
    assert len(found) < len(whole)


def test_other_organisations_are_not_counted(organisation, other_organisation):
    with tenant(organisation.pk):
        make_facts(1)
    with tenant(other_organisation.pk):
        assert roll_up(since=LONG_AGO) == 0
    with tenant(organisation.pk):
        assert stored() == {}


def test_counting_is_one_query_however_much_was_sent(inside):
    with CaptureQueriesContext(connection) as none:
        roll_up(since=LONG_AGO)
    make_facts(2)
    with CaptureQueriesContext(connection) as many:
        roll_up(since=LONG_AGO)

    assert len(many) == len(none)
