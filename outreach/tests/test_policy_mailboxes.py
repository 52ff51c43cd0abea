"""What of its mailbox holds a mail back: its state, its inbox, its hours, its number, its pace."""

from datetime import UTC, datetime, timedelta

import pytest

from outreach.models import Campaign, Mailbox
from outreach.services.approval import approve
from outreach.services.drafting import compose
from outreach.tests.holding import MINUTE, SECOND, held, intend, leave
from outreach.tests.making import MORNING, fresh, make_open_campaign, make_ready
from prospectflow.testing.factories import make_mailbox, make_step, make_task

inside = pytest.mark.usefixtures("inside")


@inside
def test_a_campaign_without_a_mailbox_sends_nothing_and_says_so():
    task = make_ready()
    Campaign.objects.update(from_mailbox=None)

    assert "no_mailbox" in held(task)


@inside
@pytest.mark.parametrize("status", ["paused", "broken"])
def test_a_mailbox_that_is_stopped_sends_nothing(status):
    task = make_ready()
    Mailbox.objects.update(status=status)

    assert held(task) == {"mailbox_stopped": None}


@inside
def test_a_follow_up_waits_for_a_fresh_look_into_the_inbox_and_a_first_mail_does_not():
    campaign = make_open_campaign()
    first, second = make_step(campaign), make_step(campaign)
    opening, follow_up = (make_ready(campaign, workflow_step=step) for step in (first, second))
    assert held(opening) == {}
    assert held(follow_up) == {"inbox_stale": None}

    Mailbox.objects.update(last_synced_at=MORNING - timedelta(minutes=15))

    assert held(follow_up) == {}
    assert held(follow_up, MORNING + SECOND) == {"inbox_stale": None}


@inside
def test_an_inbox_read_in_the_future_is_not_fresh():
    campaign = make_open_campaign()
    _, second = make_step(campaign), make_step(campaign)
    follow_up = make_ready(campaign, workflow_step=second)

    Mailbox.objects.update(last_synced_at=MORNING + SECOND)

    assert held(follow_up) == {"inbox_stale": None}


@inside
def test_a_follow_up_waits_for_every_inbox_that_an_answer_may_have_come_to():
    campaign, first_mailbox = make_open_campaign(), Mailbox.objects.get()
    opening = make_ready(campaign)
    leave(opening, MORNING)
    campaign.from_mailbox = make_mailbox(last_synced_at=MORNING)
    campaign.save()
    follow_up = make_task(
        enrollment=opening.enrollment, workflow_step=make_step(campaign), scheduled_for=MORNING
    )
    approve(compose(follow_up, at=MORNING), at=MORNING, rule="test")
    assert held(follow_up) == {"inbox_stale": None}

    Mailbox.objects.filter(pk=first_mailbox.pk).update(last_synced_at=MORNING)

    assert held(follow_up) == {}


@inside
@pytest.mark.parametrize("fields", [{"windows": {}}, {"time_zone": "Europe/Nowhere"}])
def test_a_mailbox_whose_hours_cannot_be_told_sends_nothing_and_touches_no_task(fields):
    task = make_ready()
    Mailbox.objects.update(**fields)

    assert next(iter(held(task))) == "no_window"
    assert intend(task.campaign.from_mailbox_id, MORNING) is None
    assert (fresh(task).scheduled_for, fresh(task).last_error) == (MORNING, None)


@inside
def test_a_mailbox_that_sent_its_number_waits_for_the_next_working_morning():
    campaign = make_open_campaign(make_mailbox(daily_limit=2))
    sent = [make_ready(campaign) for _ in range(2)]
    task = make_ready(campaign)
    leave(sent[0], MORNING)
    assert held(task) == {}

    leave(sent[1], MORNING)

    tomorrow = datetime(2026, 11, 25, 7, 30, tzinfo=UTC)  # half past eight in Paris
    assert held(task) == {"daily_limit": tomorrow}
    assert held(task, tomorrow) == {}


@inside
def test_the_number_of_the_day_is_counted_from_the_mailboxs_own_midnight():
    windows = {"tue": [["00:00", "24:00"]], "wed": [["00:00", "24:00"]]}
    campaign = make_open_campaign(make_mailbox(daily_limit=1, windows=windows))
    late = datetime(2026, 11, 24, 22, 59, tzinfo=UTC)  # a minute to midnight in Paris
    leave(make_ready(campaign), late)
    task = make_ready(campaign)

    assert held(task, late + SECOND) == {"daily_limit": late + MINUTE}
    assert held(task, late + MINUTE) == {}


@inside
def test_a_mailbox_keeps_its_pace():
    task, pause = make_ready(), MORNING + MINUTE
    Mailbox.objects.update(next_send_at=pause)

    assert held(task, pause - SECOND) == {"pace": pause}
    assert held(task, pause) == {}


@inside
@pytest.mark.parametrize(
    ("closed", "opening"),
    [
        ("2026-11-24T10:30Z", "2026-11-24T13:00Z"),  # the end of the morning
        ("2026-11-24T16:00Z", "2026-11-25T07:30Z"),  # the evening
        ("2026-11-27T16:30Z", "2026-11-30T07:30Z"),  # Friday evening
        ("2026-12-25T09:00Z", "2026-12-28T07:30Z"),  # Christmas, before a weekend
        ("2027-03-26T16:30Z", "2027-03-30T06:30Z"),  # Easter Monday, and summer time
    ],
)
def test_outside_office_hours_a_mail_waits_for_the_next_opening(closed, opening):
    closed, opening = datetime.fromisoformat(closed), datetime.fromisoformat(opening)
    task = make_ready()

    assert held(task, closed) == {"outside_window": opening}
    assert held(task, opening) == {}
