"""One valid row each; a test names only what it is about."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

from crm.models import Company, Person, Position
from iam.models import Organisation, User
from iam.services import found_organisation
from outreach.models import Campaign, Draft, Enrollment, Mailbox, Task, WorkflowStep

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)  # a Tuesday
_numbers = count(1)


def make_user(**fields: Any) -> User:
    number = next(_numbers)
    return User.objects.create_user(**({"email": f"user{number}@example.com"} | fields))


def make_organisation(**fields: Any) -> Organisation:
    """An organisation with an owner; opens a scope of its own, so call it outside of one."""
    number = next(_numbers)
    owner = fields.pop("owner", None) or make_user()
    names = {"name": f"Organisation {number}", "slug": f"organisation-{number}"}
    legal = {
        "legal_name": "Acme SAS",
        "legal_form": "SAS",
        "siren": "732829320",
        "legal_address": "1 rue de la Paix, 75002 Paris",
    }
    return found_organisation(owner=owner, **(names | legal | fields))


def make_company(**fields: Any) -> Company:
    return Company.objects.create(**({"name": f"Company {next(_numbers)}"} | fields))


def make_person(**fields: Any) -> Person:
    return Person.objects.create(**({"first_name": "Ada", "last_name": "Lovelace"} | fields))


def make_position(**fields: Any) -> Position:
    defaults = {"email": f"ada{next(_numbers)}@example.com", "job_title": "Gérante"}
    fields.setdefault("company", None) or fields.update(company=make_company())
    fields.setdefault("person", None) or fields.update(person=make_person())
    return Position.objects.create(**(defaults | fields))


def make_mailbox(**fields: Any) -> Mailbox:
    defaults = {
        "address": f"sales{next(_numbers)}@acme.example.com",
        "display_name": "Camille Durand",
        "smtp_host": "127.0.0.1",
        "smtp_port": 2525,
        "smtp_security": "plain",
        "imap_host": "127.0.0.1",
        "imap_port": 2143,
        "imap_security": "plain",
        "username": "sales",
    }
    return Mailbox.objects.create(**(defaults | fields))


def make_campaign(**fields: Any) -> Campaign:
    defaults = {"name": f"Campaign {next(_numbers)}", "value_prop": "Short films that sell."}
    return Campaign.objects.create(**(defaults | fields))


def make_step(campaign: Campaign | None = None, **fields: Any) -> WorkflowStep:
    campaign = campaign or make_campaign()
    defaults = {
        "step_index": campaign.steps.count(),
        "subject_template": "Une idée courte pour {{ company }}",
        "body_template": "Bonjour {{ first_name }},\n\nUne idée pour {{ company }}.",
    }
    return WorkflowStep.objects.create(**({"campaign": campaign} | defaults | fields))


def make_enrollment(**fields: Any) -> Enrollment:
    fields.setdefault("campaign", None) or fields.update(campaign=make_campaign())
    fields.setdefault("position", None) or fields.update(position=make_position())
    defaults = {"enrolled_at": NOON, "mailbox": fields["campaign"].from_mailbox}
    return Enrollment.objects.create(**(defaults | fields))


def make_task(**fields: Any) -> Task:
    enrollment = fields.pop("enrollment", None) or make_enrollment()
    step = fields.pop("workflow_step", None) or make_step(enrollment.campaign)
    defaults = {
        "enrollment": enrollment,
        "workflow_step": step,
        "campaign": enrollment.campaign,
        "scheduled_for": NOON,
    }
    return Task.objects.create(**(defaults | fields))


def make_draft(**fields: Any) -> Draft:
    task = fields.pop("task", None) or make_task()
    defaults = {
        "task": task,
        "recipient": task.enrollment.position.email,
        "subject": "Une idée courte pour votre vitrine",
        "body_text": "Bonjour Ada,\n\nUne idée.",
    }
    return Draft.objects.create(**(defaults | fields))
