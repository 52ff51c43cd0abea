"""From one step to the next."""

from datetime import datetime

from outreach.calendar import add_working_days
from outreach.models import Enrollment, Task, WorkflowStep
from outreach.services.mailboxes import schedule_of
from outreach.states import EnrollmentState
from prospectflow.choices import move


def plan_next(task: Task, *, now: datetime) -> Task | None:
    """After this task's mail left: schedule the next step, or finish the enrolment.

    The delay counts working days of the mailbox from the mail before. An enrolment that has
    stopped meanwhile gets nothing.
    """
    enrollment = Enrollment.objects.select_for_update().get(pk=task.enrollment_id)
    enrollment.last_activity_at = now
    following, planned = _step_after(task.workflow_step), None
    if enrollment.state == EnrollmentState.ACTIVE and following is None:
        move(enrollment, "state", EnrollmentState.FINISHED, Enrollment.MOVES)
    elif enrollment.state in {EnrollmentState.ACTIVE, EnrollmentState.PAUSED} and following:
        planned = _plan(task, following, now)
    enrollment.save(update_fields=["state", "last_activity_at"])
    return planned


def _step_after(step: WorkflowStep) -> WorkflowStep | None:
    return (
        WorkflowStep.objects.filter(
            campaign_id=step.campaign_id, is_active=True, step_index__gt=step.step_index
        )
        .order_by("step_index")
        .first()
    )


def _plan(task: Task, step: WorkflowStep, now: datetime) -> Task:
    mailbox = task.campaign.from_mailbox
    hour = add_working_days(schedule_of(mailbox), now, step.delay_days) if mailbox else now
    planned, _ = Task.objects.get_or_create(
        enrollment_id=task.enrollment_id,
        workflow_step=step,
        defaults={
            "campaign_id": task.campaign_id,
            "scheduled_for": hour,
        },
    )
    return planned
