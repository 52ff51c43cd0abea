"""From a task to the text that a person is asked to approve."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from outreach.gates import problems
from outreach.mail import thread_subject
from outreach.models import Draft, Message, Task, Variant
from outreach.services.experiments import variant_for
from outreach.templating import render, unfilled


@transaction.atomic
def compose(task: Task, *, at: datetime) -> Draft:
    """Write the task's draft from its step or variant; the one there is, when there is one.

    Raises TemplateRefused (outreach.templating) when a template cannot be rendered.
    """
    if existing := Draft.objects.filter(task=task).first():
        return existing
    variant = variant_for(task, at=at)
    variables = variables_of(task)
    subject = _subject(task, variant, variables)
    template = (variant and variant.body_template) or task.workflow_step.body_template
    body = render(template, variables).strip()
    return Draft.objects.create(
        task=task,
        variant=variant,
        prompt_id=variant.prompt_id if variant else None,
        recipient=task.enrollment.position.email or "",
        subject=subject,
        body_text=body,
        problems=found_problems(task, subject, body, missing=unfilled(template, variables)),
    )


def _subject(task: Task, variant: Variant | None, variables: dict[str, Any]) -> str:
    """The variant's subject, else the step's, else the thread's; always one line."""
    template = (variant and variant.subject_template) or task.workflow_step.subject_template
    return " ".join(render(template, variables).split()) or _thread_of(task)


def found_problems(
    task: Task, subject: str, body: str, *, missing: Sequence[str] = ()
) -> list[dict[str, str]]:
    """What the quality gates say of this text, as plain data."""
    first = task.workflow_step.step_index == 0
    return [
        {"code": each.code, "level": each.level, "sentence": each.sentence}
        for each in problems(subject, body, first_step=first, missing=missing)
    ]


def variables_of(task: Task) -> dict[str, Any]:
    """What a template may say about the recipient and the sender; the missing ones are empty."""
    position, campaign = task.enrollment.position, task.campaign
    mailbox = task.enrollment.mailbox
    return {
        "first_name": position.person.first_name or "",
        "last_name": position.person.last_name or "",
        "salutation": position.person.salutation or "",
        "job_title": position.job_title or "",
        "company": position.company.brand_name or position.company.name,
        "city": position.company.city or "",
        "activity": position.company.activity or "",
        "sender_name": (mailbox.display_name or mailbox.address) if mailbox else "",
        "value_prop": campaign.value_prop,
    }


def _thread_of(task: Task) -> str:
    """A follow-up goes on under the first mail's subject."""
    first = (
        Message.objects.outbound()
        .filter(enrollment_id=task.enrollment_id)
        .order_by("sent_at", "created_at")
        .first()
    )
    return thread_subject(first.subject or "") if first else ""
