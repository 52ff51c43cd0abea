"""What waits and why, for one mail and for a campaign; and a mail that is not to be sent."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from iam.models import AuditEvent
from outreach.models import Enrollment, Task
from outreach.services.approval import unapprove
from outreach.services.cancelling import TaskOver, cancel_task
from outreach.services.explaining import explain, waiting_in
from outreach.services.policy import may_send
from outreach.tests.making import (
    MORNING,
    draft_of,
    fresh,
    make_due,
    make_open_campaign,
    make_ready,
    message_of,
)
from prospectflow.testing.factories import make_step
from prospectflow.testing.rows import make_message

pytestmark = pytest.mark.usefixtures("inside")
EVENING = MORNING + timedelta(hours=10)


def test_a_mail_that_nothing_holds_back_may_leave_now():
    explanation = explain(make_ready(), now=MORNING)

    assert explanation.reasons == []
    assert explanation.earliest == MORNING


def test_a_mail_that_waits_for_the_morning_may_leave_then():
    task = make_ready()

    explanation = explain(task, now=EVENING)

    assert explanation.reasons == may_send(fresh(task), now=EVENING)
    assert explanation.earliest == MORNING + timedelta(hours=22, minutes=30)


def test_a_mail_that_somebody_has_to_approve_has_no_earliest_hour():
    explanation = explain(make_due(), now=EVENING)

    assert "no_draft" in [reason.code for reason in explanation.reasons]
    assert explanation.earliest is None


def test_a_campaign_tells_how_many_mails_each_reason_holds_back():
    campaign = make_open_campaign()
    ready, unapproved, unwritten = make_ready(campaign), make_ready(campaign), make_due(campaign)
    unapprove(draft_of(unapproved))
    later = make_ready(campaign, at=MORNING)
    Task.objects.filter(pk=later.pk).update(scheduled_for=MORNING + timedelta(hours=1))
    Task.objects.filter(pk=make_due(campaign).pk).update(status="sent")
    make_ready()  # of another campaign

    waiting = waiting_in(campaign, now=MORNING)

    assert waiting.states == {"scheduled": 4, "sent": 1}
    assert (waiting.waiting, waiting.looked_at, waiting.free) == (4, 4, 1)
    assert waiting.earliest == MORNING
    assert {held.code: held.mails for held in waiting.held} == {
        "not_approved": 1,
        "no_draft": 1,
        "too_early": 1,
    }
    until = {held.code: held.until for held in waiting.held}
    assert until["too_early"] == MORNING + timedelta(hours=1)
    assert until["no_draft"] is None
    assert {ready.pk, unwritten.pk} <= set(Task.objects.values_list("pk", flat=True))


def test_of_more_mails_than_can_be_looked_at_the_next_ones_are():
    campaign = make_open_campaign()
    for minutes in range(5):
        make_due(campaign, at=MORNING + timedelta(minutes=minutes))

    waiting = waiting_in(campaign, now=MORNING, most=2)

    assert (waiting.waiting, waiting.looked_at) == (5, 2)
    assert {held.code: held.mails for held in waiting.held} == {"no_draft": 2, "too_early": 1}


def test_explaining_a_campaign_costs_the_same_for_one_mail_and_for_many():
    campaign = make_open_campaign()

    def cost():
        with CaptureQueriesContext(connection) as queries:
            waiting_in(campaign, now=MORNING)
        return len(queries)

    make_ready(campaign)
    of_one = cost()
    for _ in range(6):
        make_ready(campaign)

    assert cost() == of_one


@pytest.mark.parametrize("status", ["scheduled", "deferred", "leased"])
def test_a_mail_that_is_cancelled_is_not_sent_and_its_person_goes_on(status):
    campaign = make_open_campaign()
    make_step(campaign)
    following = make_step(campaign)
    task = make_ready(campaign)
    Task.objects.update(status=status, leased_until=MORNING)

    cancelled = cancel_task(task, reason="Not this one.", at=MORNING, user=None)

    assert (cancelled.status, cancelled.last_error) == ("cancelled", "Not this one.")
    assert (draft_of(task).status, draft_of(task).approved_hash) == ("skipped", None)
    assert Task.objects.get(workflow_step=following).status == "scheduled"
    assert AuditEvent.objects.get(action="stopped").object_id == str(task.pk)


def test_a_mail_that_the_server_refused_for_now_is_withdrawn_when_it_is_cancelled():
    task = make_ready()
    make_message(draft=draft_of(task), status="queued")
    Task.objects.update(status="deferred")

    cancel_task(task, reason="No.", at=MORNING, user=None)

    assert message_of(task) is None
    assert Enrollment.objects.get().state == "finished"


@pytest.mark.parametrize("status", ["transmitting", "sent", "unknown", "skipped", "cancelled"])
def test_a_mail_that_may_have_left_is_not_cancelled(status):
    task = make_ready()
    Task.objects.update(status=status)

    with pytest.raises(TaskOver, match=status):
        cancel_task(task, reason="No.", at=MORNING, user=None)

    assert fresh(task).status == status
    assert draft_of(task).status == "approved"
