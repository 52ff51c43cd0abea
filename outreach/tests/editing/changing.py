"""A step with mails in every state, and a change of it that does what its preview said."""

from outreach.models import Task, WorkflowStep
from outreach.services.approval import edit
from outreach.services.drafting import compose
from outreach.services.editing_steps import change_step, effect_of
from outreach.tests.making import MORNING, draft_of, fresh, make_due, make_ready
from prospectflow.testing.rows import make_message

NEW = {"body_template": "Bonsoir {{ first_name }},\n\nUne autre idée pour {{ company }}."}


def make_pending(campaign, **fields):
    task = make_due(campaign, **fields)
    compose(task, at=MORNING)
    return task


def make_edited(campaign):
    task = make_pending(campaign)
    edit(draft_of(task), subject="À moi", body_text="De ma main.", at=MORNING, user=None)
    return task


def make_sent(campaign, **fields):
    """A task of the first step whose mail left."""
    task = make_ready(campaign, **fields)
    make_message(draft=draft_of(task), sent_at=MORNING, status="sent")
    Task.objects.filter(pk=task.pk).update(status="sent")
    return fresh(task)


def change(step, changes, **options):
    options = {"keep_approved": True, "at": MORNING, "user": None} | options
    expected = effect_of(
        WorkflowStep.objects.get(pk=step.pk), changes, keep_approved=options["keep_approved"]
    )
    done = change_step(step, changes, **options)
    assert done == expected  # what the preview said is what was done
    return done
