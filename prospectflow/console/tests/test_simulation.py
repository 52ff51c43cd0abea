"""The page that simulates a campaign: for whoever may look, at a fixed cost, and in time."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from iam.models import Role
from outreach.models import Campaign, Forecast
from outreach.services.campaigns import enroll
from outreach.services.suppressing import suppress_address
from outreach.tests.making import make_open_campaign
from prospectflow.console import charts
from prospectflow.console.tests.cast import signed_in
from prospectflow.console.views import simulation
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_position, make_step


def make_full(people: int) -> Campaign:
    """A running campaign of two steps with so many people in it."""
    campaign = make_open_campaign(name=f"For {people}")
    make_step(campaign)
    make_step(campaign, delay_days=4)
    enroll(campaign, [make_position() for _ in range(people)], at=timezone.now())
    return campaign


@pytest.fixture
def viewer(organisation):
    return signed_in(organisation, role=Role.VIEWER)


@pytest.fixture
def campaign(organisation):
    with tenant(organisation.pk):
        return make_full(3)


def page_of(campaign: Campaign) -> str:
    return reverse("console:campaign_simulation", args=[campaign.pk])


def test_a_viewer_sees_the_mails_by_day(viewer, campaign):
    answer = viewer.get(page_of(campaign))

    text = answer.content.decode()
    assert "6 mails would leave to 3 of 3 people." in text
    assert text.count("<rect") == len(answer.context["outcome"].by_day())
    assert (
        "Simulation" in viewer.get(reverse("console:campaign", args=[campaign.pk])).content.decode()
    )


def test_what_is_asked_for_is_simulated(viewer, campaign, organisation):
    with tenant(organisation.pk):
        make_position()

    asked = {"days": 30, "replies": 100, "seed": 3, "everyone": "on"}
    context = viewer.get(page_of(campaign), asked).context

    assert (context["options"].days, context["options"].reply_rate) == (30, 1.0)
    assert context["outcome"].people == 4
    assert context["outcome"].by_step()[0] == 4


@pytest.mark.parametrize("asked", [{"days": "0"}, {"replies": "101"}, {"seed": "x"}])
def test_what_makes_no_sense_is_told_at_its_field(viewer, campaign, asked):
    answer = viewer.get(page_of(campaign), asked)

    assert answer.status_code == 200
    assert "outcome" not in answer.context
    assert list(answer.context["form"].errors) == list(asked)


def test_the_page_costs_the_same_for_few_and_for_many(viewer, organisation):
    def cost(people: int) -> int:
        with tenant(organisation.pk):
            campaign = make_full(people)
            Campaign.objects.exclude(pk=campaign.pk).update(status="paused")
        with CaptureQueriesContext(connection) as queries:
            viewer.get(page_of(campaign))
        return len(queries)

    assert cost(2) == cost(11)


def test_more_than_a_page_can_take_leads_to_the_command(viewer, campaign, monkeypatch):
    monkeypatch.setattr(simulation, "MOST", 2)

    text = viewer.get(page_of(campaign)).content.decode()

    assert "More than 2 mails wait" in text
    assert f"simulate_campaign {campaign.pk}" in text


def test_whoever_is_never_written_to_is_named_with_the_reason(viewer, campaign, organisation):
    with tenant(organisation.pk):
        address = campaign.enrollments.first().position.email
        suppress_address(address, reason="objection", source="a mail", at=timezone.now())

    text = viewer.get(page_of(campaign)).content.decode()

    assert "1 person would never be written to: The address is suppressed: objection." in text
    assert address in text


def test_what_was_foreseen_stands_against_what_left(viewer, campaign, organisation):
    yesterday = timezone.now() - timedelta(days=3)
    with tenant(organisation.pk):
        Forecast.objects.create(
            campaign=campaign, made_at=yesterday, days={str(yesterday.date()): 7}
        )

    context = viewer.get(page_of(campaign)).context

    assert context["comparison"].difference == -7
    assert len(context["actual_chart"].bars) == 1


def test_a_chart_has_a_bar_for_each_day_of_each_series_at_its_place():
    monday, friday = date(2026, 11, 23), date(2026, 11, 27)

    chart = charts.by_day({"ours": {monday: 40, friday: 10}, "theirs": {friday: 20}, "none": {}})

    assert (chart.names, chart.most, chart.width) == (["ours", "theirs"], 40, 60)
    assert [(bar.series, bar.x, bar.y, bar.height) for bar in chart.bars] == [
        (0, "0", "0", "100"),
        (0, "48", "75", "25"),
        (1, "53", "50", "50"),
    ]
    assert chart.bars[2].title == "Fri 27 Nov 2026: 20 theirs"
    assert charts.by_day({"ours": {}}) is None
