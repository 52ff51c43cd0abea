"""A campaign as it stands, simulated: the same rules, a fixed cost, and nothing is written."""

from collections.abc import Mapping
from datetime import timedelta
from itertools import count
from uuid import NAMESPACE_DNS, UUID, uuid5

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.models import Position
from outreach.models import Campaign, CampaignMailbox, Enrollment, Task
from outreach.services.campaigns import enroll, start
from outreach.services.newcomers import newcomers
from outreach.services.sharing import shares_of
from outreach.services.simulating import (
    OptionsRefused,
    TooManyToSimulate,
    options_for,
    simulate,
)
from outreach.services.suppressing import suppress_address
from outreach.sharing import mailbox_of
from outreach.simulation.outcome import Outcome
from outreach.simulation.state import Options
from outreach.tests.making import MORNING, make_open_campaign
from prospectflow.testing.factories import (
    make_company,
    make_mailbox,
    make_position,
    make_step,
)

DAY = timedelta(days=1)


def make_full(people: int = 3, **fields: object) -> Campaign:
    """A running campaign of two steps, four working days apart, with so many people in it."""
    campaign = make_open_campaign(**fields)
    make_step(campaign)
    make_step(campaign, delay_days=4)
    enroll(campaign, [make_position() for _ in range(people)], at=MORNING)
    return campaign


def with_newcomers(campaign: Campaign, **options: object) -> Outcome:
    more = newcomers(campaign, now=MORNING)
    return simulate(campaign, Options(**options), now=MORNING, more=more)


def four_for_each(shares: Mapping[UUID, int]) -> list[UUID]:
    """Ids of companies of which each mailbox gets four."""
    ids = (uuid5(NAMESPACE_DNS, str(number)) for number in count())
    found: dict[UUID, list[UUID]] = {mailbox: [] for mailbox in shares}
    while any(len(each) < 4 for each in found.values()):
        company = next(ids)
        found[mailbox_of(company, shares)].append(company)
    return [company for each in found.values() for company in each[:4]]


def cost(campaign: Campaign) -> int:
    with CaptureQueriesContext(connection) as queries:
        with_newcomers(campaign)
    return len(queries)


def test_everybody_enrolled_gets_every_step(inside):
    campaign = make_full(3)

    outcome = simulate(campaign, Options(), now=MORNING)

    assert outcome.by_step() == {0: 3, 1: 3}
    assert outcome.mails[0].at == MORNING
    assert outcome.ends_at == outcome.mails[-1].at > MORNING + 6 * DAY  # a weekend lies between


def test_nothing_is_written(inside):
    campaign = make_full(3)
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")

    outcome = with_newcomers(campaign, reply_rate=0.5)

    assert len(outcome.mails) >= 3


def test_it_costs_the_same_for_few_and_for_many(inside):
    mailbox = make_mailbox()
    make_full(1, from_mailbox=mailbox)
    few = cost(make_full(2, from_mailbox=mailbox))

    assert cost(make_full(12, from_mailbox=mailbox)) == few


def test_a_campaign_that_did_not_start_is_played_as_if_it_started_now(inside):
    campaign = make_full(2, status="draft")

    outcome = simulate(campaign, Options(), now=MORNING + DAY)

    assert outcome.mails[0].at == MORNING + DAY
    assert len(outcome.mails) == 4
    assert Campaign.objects.get(pk=campaign.pk).status == "draft"


def test_people_not_yet_in_count_where_that_is_asked_for(inside):
    campaign = make_full(2)
    made = [make_position(), make_position()]
    make_position(email="gone@example.com", email_status="invalid")
    suppress_address(made[0].email, reason="objection", source="a mail", at=MORNING)

    assert len(simulate(campaign, Options(), now=MORNING).mails) == 4
    outcome = with_newcomers(campaign)

    assert len(outcome.mails) == 6
    assert outcome.left_out == {"suppressed": 1}
    assert Enrollment.objects.filter(campaign=campaign).count() == 2


def test_whom_a_campaign_takes_in_gets_the_very_hours_foreseen_before(inside):
    campaign = make_full(0, status="draft")
    CampaignMailbox.objects.create(campaign=campaign, mailbox=make_mailbox(), weight=2)
    for number, identifier in enumerate(four_for_each(shares_of(campaign))):
        company = make_company(id=identifier)
        make_position(company=company, email=f"p{number}@shop.example.com")

    before = with_newcomers(campaign)
    enroll(campaign, Position.objects.sendable(), at=MORNING)
    start(campaign, at=MORNING)
    after = simulate(campaign, Options(), now=MORNING)

    assert after.mails == before.mails
    assert len(after.by_mailbox()) == 2


def test_other_running_campaigns_of_the_mailbox_take_their_share_of_its_limit(inside):
    mailbox = make_mailbox(daily_limit=4)
    make_full(6, from_mailbox=mailbox)
    campaign = make_full(4, from_mailbox=mailbox)
    make_full(9, from_mailbox=mailbox, status="paused")

    outcome = simulate(campaign, Options(), now=MORNING)

    first_day = MORNING.date()
    assert outcome.others[first_day] == 4  # they came first
    assert outcome.by_day().get(first_day) is None
    assert outcome.others.total() == 12


def test_whoever_is_suppressed_is_never_written_to_and_told(inside):
    campaign = make_full(2)
    lost = Enrollment.objects.first().position
    suppress_address(lost.email, reason="objection", source="a mail", at=MORNING)

    outcome = simulate(campaign, Options(), now=MORNING)

    (told,) = outcome.never_written()
    assert (told.position_id, told.address, told.code) == (lost.pk, lost.email, "suppressed")


def test_a_mail_that_was_sent_before_is_not_sent_again(inside):
    campaign = make_full(2)
    sent = Task.objects.first()
    Task.objects.filter(pk=sent.pk).update(status="sent")

    outcome = simulate(campaign, Options(), now=MORNING)

    assert {mail.address for mail in outcome.mails} == {
        Task.objects.exclude(pk=sent.pk).get().enrollment.position.email
    }


def test_more_than_can_be_simulated_is_refused(inside):
    campaign = make_full(3)

    with pytest.raises(TooManyToSimulate, match="More than 2 mails"):
        simulate(campaign, Options(), now=MORNING, most=2)


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"days": 0}, "1 to 730 days"),
        ({"days": 731}, "1 to 730 days"),
        ({"reply_rate": 1.5}, "share from 0 to 1"),
        ({"reply_rate": -0.1}, "share from 0 to 1"),
        ({"reply_rate": float("nan")}, "share from 0 to 1"),
    ],
)
def test_options_that_make_no_sense_are_refused(inside, given, word):
    with pytest.raises(OptionsRefused, match=word):
        options_for(make_open_campaign(), **given)


def test_without_a_rate_the_campaigns_own_answers_count(inside):
    campaign = make_full(2)

    assert options_for(campaign).reply_rate == 0
    assert options_for(campaign, reply_rate=0.25).reply_rate == 0.25
