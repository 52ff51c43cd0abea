"""What was foreseen at the start, held against what left."""

from datetime import timedelta

import pytest
from django.db import connection

from outreach.models import Forecast, Message
from outreach.services import forecasting
from outreach.services.campaigns import enroll, pause, start
from outreach.services.forecasting import LONG, compared
from outreach.services.simulating import options_for, simulate
from outreach.tests.making import MORNING, make_open_campaign, make_ready
from outreach.tests.playing import play_for_real
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_position, make_step

DAY = timedelta(days=1)


@pytest.fixture
def started(inside):
    """A campaign with three people, of two steps one working day apart, that just started."""
    campaign = make_open_campaign(status="draft")
    make_step(campaign)
    make_step(campaign, delay_days=1)
    enroll(campaign, [make_position() for _ in range(3)], at=MORNING)
    return start(campaign, at=MORNING)


def make_sent(campaign, *, at, **fields):
    """A mail of the campaign that left."""
    task = make_ready(campaign, at=at)
    draft = task.drafts.get()
    Message.objects.create(
        direction="outbound",
        status="sent",
        task=task,
        draft=draft,
        enrollment=task.enrollment,
        position_id=task.enrollment.position_id,
        rfc822_message_id=f"<{task.pk}@acme.example>",
        content_hash=draft.approved_hash,
        sent_at=at,
        **fields,
    )


def test_a_start_keeps_what_is_foreseen_by_day(started):
    forecast = Forecast.objects.get(campaign=started)

    assert forecast.made_at == MORNING
    assert forecast.days == {"2026-11-24": 3, "2026-11-25": 3}
    assert (forecast.ends_at - MORNING).days == 1


def test_a_campaign_starts_though_it_cannot_be_simulated(inside, monkeypatch, caplog):
    def broken(*args, **options):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")

    monkeypatch.setattr(forecasting, "simulate", broken)
    campaign = make_open_campaign(status="draft")
    make_step(campaign)

    start(campaign, at=MORNING)

    campaign.refresh_from_db()
    assert campaign.status == "running"
    assert not Forecast.objects.exists()
    assert "could not be simulated" in caplog.text


def test_too_many_people_are_no_forecast_and_no_error(inside, monkeypatch, caplog):
    monkeypatch.setattr(forecasting, "MOST", 1)
    campaign = make_open_campaign(status="draft")
    make_step(campaign)
    enroll(campaign, [make_position(), make_position()], at=MORNING)

    start(campaign, at=MORNING)

    assert not Forecast.objects.exists()
    assert "ERROR" not in caplog.text


def test_what_left_is_counted_by_local_day_against_what_was_foreseen(started):
    make_sent(started, at=MORNING + timedelta(hours=1))
    make_sent(started, at=MORNING + timedelta(hours=14, minutes=30))  # after midnight in Paris
    make_sent(started, at=MORNING - DAY)  # before the forecast

    comparison = compared(started, now=MORNING + 5 * DAY)

    assert [(f"{day.day:%d}", day.foreseen, day.actual) for day in comparison.days] == [
        ("24", 3, 1),
        ("25", 3, 1),
    ]
    assert (comparison.mean_error, comparison.difference) == (2.0, -4)
    assert "off by 2.0 mails a day on average, by -4 in all" in comparison.sentence


def test_the_day_that_is_not_over_does_not_count(started):
    assert compared(started, now=MORNING + timedelta(hours=3)).days == []
    assert len(compared(started, now=MORNING + DAY).days) == 1


def test_whoever_was_enrolled_later_is_told(started):
    enroll(started, [make_position()], at=MORNING + DAY)

    assert compared(started, now=MORNING + 3 * DAY).newcomers == 1


def test_days_that_are_over_stay_when_a_campaign_is_started_again(started):
    make_sent(started, at=MORNING + timedelta(hours=1))
    make_sent(started, at=MORNING + DAY)
    pause(started, at=MORNING + DAY)
    again = MORNING + DAY + timedelta(hours=1)

    start(started, at=again)

    assert Forecast.objects.count() == 2
    comparison = compared(started, now=again + 5 * DAY)
    assert comparison.made_at == again
    first, second, *_ = comparison.days
    assert (f"{first.day:%d}", first.foreseen, first.actual) == ("24", 3, 1)
    assert second.actual == 1
    from_now_on = simulate(started, options_for(started, days=LONG), now=again).by_day()
    assert second.foreseen == 1 + from_now_on[second.day]


def test_without_a_forecast_there_is_nothing_to_compare(inside):
    assert compared(make_open_campaign(), now=MORNING) is None


def test_a_campaign_that_was_really_played_has_no_error(world, postbox):
    with world.open() as mailbox:
        campaign = make_open_campaign(mailbox, status="draft")
        make_step(campaign)
        make_step(campaign, delay_days=1)
        enroll(campaign, [make_position() for _ in range(3)], at=MORNING)
        start(campaign, at=MORNING)

    play_for_real(world, until=MORNING + 3 * DAY)

    with tenant(world.organisation_id):
        comparison = compared(campaign, now=MORNING + 5 * DAY)
    assert [(day.foreseen, day.actual) for day in comparison.days] == [(3, 3), (3, 3)]
    assert comparison.mean_error == comparison.difference == 0
