"""From one step to the next."""

from datetime import datetime

from django.db import transaction

from outreach.calendar import add_working_days
from outreach.models import Campaign, Enrollment, Task, WorkflowStep
from outreach.services.mailboxes import schedule_of
from outreach.states import CampaignStatus, EnrollmentState
from prospectflow.choices import move
from prospectflow.errors import DomainError

GOING = frozenset({EnrollmentState.ACTIVE, EnrollmentState.PAUSED})


def plan_next(task: Task, *, now: datetime) -> Task | None:
    """After this task's mail left: schedule the next step, or finish the enrolment.

    The delay counts working days of the mailbox from the mail before. An enrolment that has
    stopped meanwhile gets nothing. Where no day can be found the enrolment ends and says why:
    what follows a mail never costs us the knowledge that it left.
    """
    enrollment = Enrollment.objects.select_for_update(no_key=True).get(pk=task.enrollment_id)
    enrollment.last_activity_at = now
    following, planned = _step_after(task.workflow_step), None
    if enrollment.state == EnrollmentState.ACTIVE and following is None:
        move(enrollment, "state", EnrollmentState.FINISHED, Enrollment.MOVES)
    elif enrollment.state in GOING and following and not _archived(task):
        planned = _plan_or_finish(task, enrollment, following, now)
    enrollment.save(update_fields=["state", "last_activity_at", "stopped_reason"])
    return planned


def _archived(task: Task) -> bool:
    return Campaign.objects.filter(pk=task.campaign_id, status=CampaignStatus.ARCHIVED).exists()


def _plan_or_finish(
    task: Task, enrollment: Enrollment, step: WorkflowStep, now: datetime
) -> Task | None:
    try:
        with transaction.atomic():
            return _plan(task, step, now)
    except (DomainError, OverflowError, ValueError) as error:
        task.last_error = f"The next step could not be planned: {error}"[:500]
        enrollment.stopped_reason = task.last_error
        move(enrollment, "state", EnrollmentState.FINISHED, Enrollment.MOVES)
        return None


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
