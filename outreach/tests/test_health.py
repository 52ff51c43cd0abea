"""A mailbox whose mails bounce, or are called spam, warns and then stops."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from outreach.models import Mailbox, Message
from outreach.services.health import FEWEST, Health, health_of, measured
from outreach.tests.making import draft_of, make_open_campaign, make_ready
from prospectflow.testing.factories import (
    NOON,
    make_enrollment,
    make_mailbox,
    make_position,
    make_step,
)

YESTERDAY = NOON - timedelta(days=1)


@pytest.fixture
def mailbox(inside) -> Mailbox:
    return make_mailbox()


def enrolled(mailbox: Mailbox, **fields):
    campaign = make_open_campaign(mailbox)
    make_step(campaign)
    return make_enrollment(campaign=campaign, position=make_position(), **fields)


def leave(mailbox: Mailbox, count: int, status: str = "sent", at=YESTERDAY, enrollment=None):
    """So many mails left, all of one approved text."""
    draft = draft_of(make_ready(make_open_campaign(mailbox)))
    position = enrollment.position if enrollment else make_position()
    Message.objects.bulk_create(
        Message(
            mailbox=mailbox,
            position=position,
            enrollment=enrollment,
            direction="outbound",
            status=status,
            sent_at=at,
            rfc822_message_id=f"<{status}{at:%d}.{n}@{mailbox.pk}>",
            draft=draft,
            content_hash=draft.approved_hash,
        )
        for n in range(count)
    )


def complain(mailbox: Mailbox, enrollment, at=YESTERDAY) -> None:
    Message.objects.create(
        mailbox=mailbox,
        enrollment=enrollment,
        position=enrollment.position,
        direction="inbound",
        status="received",
        verdict="complaint",
        received_at=at,
    )


@pytest.mark.parametrize(
    ("sent", "bounced", "level"),
    [(1000, 19, "ok"), (1000, 20, "warn"), (1000, 49, "warn"), (1000, 50, "stop")],
)
def test_bounces_warn_at_two_percent_and_stop_at_five(sent, bounced, level):
    assert Health(sent, bounced, 0).level == level


@pytest.mark.parametrize(
    ("sent", "complaints", "level"),
    [(2000, 1, "ok"), (2000, 2, "warn"), (2000, 5, "warn"), (2000, 6, "stop"), (300, 1, "stop")],
)
def test_complaints_warn_at_one_in_a_thousand_and_stop_at_three(sent, complaints, level):
    assert Health(sent, 0, complaints).level == level


def test_too_few_mails_say_nothing():
    assert Health(FEWEST - 1, FEWEST - 1, 10).level == "ok"
    assert Health(0, 0, 0).sentence == ""


def test_the_sentence_has_the_share_and_its_limit():
    assert Health(1000, 60, 0).sentence == (
        "6.0% of 1,000 mails of the last 30 days bounced for good (5.0% is the limit)."
        " Nothing leaves until the share falls: clean the list, look at who complains, and wait."
    )


def test_mails_that_bounced_for_good_stop_the_mailbox(mailbox):
    other = make_mailbox()
    leave(mailbox, 285)
    leave(mailbox, 15, "bounced")

    assert "bounced for good" in health_of([mailbox.pk, other.pk], now=NOON)[mailbox.pk]
    assert health_of([mailbox.pk, other.pk], now=NOON)[other.pk] == ""
    assert measured([mailbox.pk], now=NOON)[mailbox.pk] == Health(300, 15, 0)


def test_an_address_refused_at_once_has_bounced_and_a_mail_given_up_has_not(mailbox):
    leave(mailbox, 4, "failed", enrollment=enrolled(mailbox, state="bounced"))
    leave(mailbox, 3, "failed", YESTERDAY - timedelta(days=2), enrolled(mailbox, state="finished"))

    assert measured([mailbox.pk], now=NOON)[mailbox.pk] == Health(4, 4, 0)


def test_what_is_older_than_thirty_days_is_forgotten(mailbox):
    leave(mailbox, 285)
    leave(mailbox, 15, "bounced", NOON - timedelta(days=31))

    assert health_of([mailbox.pk], now=NOON)[mailbox.pk] == ""


def test_a_complaint_counts_for_the_mailbox_that_wrote_and_once_a_person(mailbox):
    postmaster = make_mailbox()
    leave(mailbox, 300)
    person = enrolled(mailbox)
    complain(postmaster, person)
    complain(postmaster, person, NOON - timedelta(hours=1))

    assert measured([mailbox.pk], now=NOON)[mailbox.pk] == Health(300, 0, 1)
    assert "reported as spam" in health_of([mailbox.pk], now=NOON)[mailbox.pk]
    assert measured([postmaster.pk], now=NOON)[postmaster.pk] == Health(0, 0, 0)


def test_ten_mailboxes_cost_as_many_queries_as_one(mailbox):
    mailboxes = [mailbox, *(make_mailbox() for _ in range(9))]
    for each in mailboxes:
        leave(each, 1, "bounced")

    def cost(ids) -> int:
        with CaptureQueriesContext(connection) as queries:
            health_of(ids, now=NOON)
        return len(queries)

    assert cost([mailbox.pk]) == cost([each.pk for each in mailboxes]) == 3
