"""From a task to the text that a person is asked to approve."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction

from outreach.gates import problems
from outreach.mail import thread_subject
from outreach.models import Draft, Message, Task, Variant
from outreach.services.experiments import variant_for
from outreach.templating import render, unfilled


class Text(NamedTuple):
    """What a mail says, and what the gates found in it."""

    subject: str
    body_text: str
    problems: list[dict[str, str]]


@transaction.atomic
def compose(task: Task, *, at: datetime) -> Draft:
    """Write the task's draft from its step or variant; the one there is, when there is one.

    Raises TemplateRefused (outreach.templating) when a template cannot be rendered.
    """
    if existing := Draft.objects.filter(task=task).first():
        return existing
    variant = variant_for(task, at=at)
    return Draft.objects.create(
        task=task,
        variant=variant,
        prompt_id=variant.prompt_id if variant else None,
        recipient=task.enrollment.position.email or "",
        **text_of(task, variant, thread=thread_of)._asdict(),
    )


def text_of(task: Task, variant: Variant | None, *, thread: Callable[[Task], str]) -> Text:
    """What the step or the variant says to this task's person, under `thread` where it is silent.

    Raises TemplateRefused (outreach.templating) when a template cannot be rendered.
    """
    variables = variables_of(task)
    subject = _subject(task, variant, variables) or thread(task)
    template = (variant and variant.body_template) or task.workflow_step.body_template
    body = render(template, variables).strip()
    missing = unfilled(template, variables)
    return Text(subject, body, found_problems(task, subject, body, missing=missing))


def _subject(task: Task, variant: Variant | None, variables: dict[str, Any]) -> str:
    """The variant's subject, else the step's; always one line."""
    template = (variant and variant.subject_template) or task.workflow_step.subject_template
    return " ".join(render(template, variables).split())


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


def thread_of(task: Task) -> str:
    """The subject under which a follow-up goes on; blank before the first mail."""
    return threads_of([task]).get(task.enrollment_id, "")


def threads_of(tasks: Iterable[Task]) -> dict[UUID, str]:
    """Enrolment -> the subject of its first mail, under which its follow-ups go on."""
    first = (
        Message.objects.outbound()
        .filter(enrollment__in={task.enrollment_id for task in tasks})
        .order_by("enrollment_id", "sent_at", "created_at")
        .distinct("enrollment_id")
        .values_list("enrollment_id", "subject")
    )
    return {enrollment: thread_subject(subject or "") for enrollment, subject in first}
