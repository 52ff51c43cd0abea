"""A mail that may leave, and the hours it may leave at."""

from datetime import UTC, datetime
from typing import Any

from outreach.models import Campaign, Draft, Mailbox, Message, Task
from outreach.services.approval import approve
from outreach.services.drafting import compose
from prospectflow.testing.factories import (
    make_campaign,
    make_enrollment,
    make_mailbox,
    make_position,
    make_step,
    make_task,
)

MORNING = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)  # a Tuesday, ten o'clock in Paris


def make_open_campaign(mailbox: Mailbox | None = None, **fields: Any) -> Campaign:
    """A running campaign with a mailbox and everything a start asks for, but no step."""
    defaults = {
        "from_mailbox": mailbox or make_mailbox(),
        "justification": "They run shops; we film shop windows.",
        "status": Campaign.Status.RUNNING,
    }
    return make_campaign(**(defaults | fields))


def make_due(campaign: Campaign | None = None, *, at: datetime = MORNING, **fields: Any) -> Task:
    """A task of a running campaign whose hour has come, with nothing written yet."""
    campaign = campaign or make_open_campaign()
    step = campaign.steps.first() or make_step(campaign)
    position = fields.pop("position", None) or make_position()
    return make_task(
        enrollment=make_enrollment(campaign=campaign, position=position),
        **({"workflow_step": step, "scheduled_for": at} | fields),
    )


def make_ready(campaign: Campaign | None = None, *, at: datetime = MORNING, **fields: Any) -> Task:
    """A task whose mail is written and approved: nothing holds it back at `at`."""
    task = make_due(campaign, at=at, **fields)
    approve(compose(task, at=at), at=at, rule="test")
    return fresh(task)


def fresh(task: Task) -> Task:
    """The task as it stands in the database now, with nothing remembered."""
    return Task.objects.get(pk=task.pk)


def draft_of(task: Task) -> Draft:
    """The task's draft as it stands now."""
    return Draft.objects.get(task=task)


def message_of(task: Task) -> Message | None:
    """What left for this task, if anything did."""
    return Message.objects.outbound().filter(task=task).first()
