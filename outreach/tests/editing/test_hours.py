"""Steps that wait longer, come, move or go while people are in the campaign."""

from datetime import timedelta

import pytest

from outreach.models import Enrollment, Task, WorkflowStep
from outreach.services.campaigns import CampaignNotReady
from outreach.services.editing_steps import Effect, change_step, effect_of_new
from outreach.services.planning import plan_after
from outreach.services.sending import intend
from outreach.tests.editing.changing import change, make_sent
from outreach.tests.making import MORNING, fresh, make_due, make_ready
from prospectflow.testing.factories import make_step, make_task

pytestmark = pytest.mark.usefixtures("inside")


def test_another_delay_moves_what_waits_from_the_hour_of_the_mail_before(campaign):
    follow_up = make_step(campaign, delay_days=3)
    first = make_sent(campaign)  # on a Tuesday
    waiting = make_task(
        enrollment=first.enrollment,
        workflow_step=follow_up,
        scheduled_for=MORNING + timedelta(days=3),
    )

    effect = change(follow_up, {"delay_days": 1})

    assert effect == Effect(moved=1)
    assert fresh(waiting).scheduled_for == MORNING + timedelta(days=1)


def test_the_first_step_and_what_was_tried_keep_their_hours_whatever_the_delay(campaign, step):
    follow_up = make_step(campaign, delay_days=3)
    tried = make_task(
        enrollment=make_sent(campaign).enrollment, workflow_step=follow_up, attempts=1
    )
    first = make_due(campaign)
    hours = fresh(first).scheduled_for, fresh(tried).scheduled_for

    assert change(follow_up, {"delay_days": 1}).moved == 0
    assert change(step, {"delay_days": 9}).moved == 0

    assert (fresh(first).scheduled_for, fresh(tried).scheduled_for) == hours


def test_a_mail_never_moves_before_the_end_of_its_persons_absence(campaign):
    follow_up = make_step(campaign, delay_days=3)
    enrollment = make_sent(campaign).enrollment
    back = MORNING + timedelta(days=20)
    Enrollment.objects.update(paused_until=back)
    waiting = make_task(enrollment=enrollment, workflow_step=follow_up, scheduled_for=back)

    change(follow_up, {"delay_days": 1})

    assert fresh(waiting).scheduled_for == back


def test_the_people_of_a_step_that_is_switched_off_go_on_with_the_next(campaign, step):
    following = make_step(campaign)
    task = make_ready(campaign)

    effect = change(step, {"is_active": False})

    assert effect == Effect(skipped=1)
    assert fresh(task).status == "skipped"
    planned = Task.objects.get(workflow_step=following)
    assert (planned.enrollment_id, planned.status) == (task.enrollment_id, "scheduled")


def test_a_mail_that_comes_back_to_a_step_that_was_switched_off_meanwhile_is_skipped(
    campaign, step
):
    following = make_step(campaign)
    task = make_ready(campaign)
    Task.objects.update(status="transmitting")
    assert change(step, {"is_active": False}) == Effect(sent=1)
    Task.objects.update(status="scheduled")  # the server had said: later

    assert intend(task.mailbox_id, now=MORNING, worker="w", frozen=lambda message: None) is None

    assert fresh(task).status == "skipped"
    assert Task.objects.get(workflow_step=following).enrollment_id == task.enrollment_id


def test_the_people_of_the_last_step_end_when_it_is_switched_off(campaign, step):
    last = make_step(campaign)
    task = make_task(enrollment=make_sent(campaign).enrollment, workflow_step=last)

    change(last, {"is_active": False})

    assert fresh(task).status == "skipped"
    assert Enrollment.objects.get().state == "finished"


def test_the_only_step_of_a_running_campaign_is_not_switched_off(campaign, step):
    task = make_due(campaign)

    with pytest.raises(CampaignNotReady):
        change_step(step, {"is_active": False}, at=MORNING, user=None)

    assert fresh(task).status == "scheduled"


def test_a_step_that_is_added_tells_who_comes_to_it_and_who_is_past_it(campaign):
    make_step(campaign, step_index=5)
    make_due(campaign)
    on_the_last = make_due(campaign)
    Task.objects.filter(pk=on_the_last.pk).delete()
    make_task(enrollment=on_the_last.enrollment, workflow_step=campaign.steps.last())

    between = effect_of_new(WorkflowStep(campaign=campaign, step_index=3))
    after_all = effect_of_new(WorkflowStep(campaign=campaign, step_index=9))

    assert between == Effect(ahead=1, past=1)
    assert after_all == Effect(ahead=2)


def test_a_step_that_moves_keeps_the_hours_of_what_waits(campaign, step):
    make_step(campaign, step_index=5)
    task = make_due(campaign)

    effect = change(step, {"step_index": 7})

    assert fresh(task).scheduled_for == MORNING
    assert fresh(task).step_index == 7
    assert effect == Effect()


def test_who_had_a_step_before_it_moved_behind_finishes_instead_of_waiting_for_it(campaign, step):
    last = make_step(campaign)
    enrollment = make_sent(campaign).enrollment
    waiting = make_task(enrollment=enrollment, workflow_step=last)
    change(step, {"step_index": 7})
    Task.objects.filter(pk=waiting.pk).update(status="sent")

    plan_after([fresh(waiting)], now=MORNING)

    assert Enrollment.objects.get().state == "finished"
    assert Task.objects.count() == 2
