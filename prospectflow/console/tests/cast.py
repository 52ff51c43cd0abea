"""One row of every table, and people who sign in to look at them."""

from collections.abc import Callable
from typing import Any

from django.db.models import Model
from django.test import Client

from crm.models import Company, Person
from iam.models import AuditEvent, Membership, Organisation, Role, User
from iam.services import record
from outreach.models import Campaign, Draft, Enrollment, Message, StepExperiment, Task
from prospectflow.tenancy.context import tenant
from prospectflow.tenancy.middleware import SESSION_KEY
from prospectflow.testing import rows
from prospectflow.testing.factories import (
    NOON,
    make_campaign,
    make_company,
    make_draft,
    make_enrollment,
    make_mailbox,
    make_position,
    make_step,
    make_task,
    make_user,
)
from tracking.models import DailyStats


def make_member(role: str = Role.MEMBER, **fields: Any) -> Membership:
    user = fields.pop("user", None) or make_user(first_name="Chloé", last_name="Petit")
    return Membership.objects.create(user=user, role=role, **fields)


def make_message(**fields: Any) -> Message:
    """A received reply; the sender's own text is in `body_text`."""
    enrollment = fields.pop("enrollment", None) or make_enrollment()
    return Message.objects.create(
        **{
            "direction": "inbound",
            "status": "received",
            "verdict": "reply",
            "enrollment": enrollment,
            "position": enrollment.position,
            "from_address": enrollment.position.email,
            "subject": "Re: Une idée courte",
            "body_text": "Oui, appelez-moi demain.",
            "received_at": NOON,
        }
        | fields
    )


def make_daily_stats(**fields: Any) -> DailyStats:
    step = fields.pop("workflow_step", None) or make_step()
    return DailyStats.objects.create(
        campaign=step.campaign, workflow_step=step, **({"day": NOON.date(), "sent": 10} | fields)
    )


def make_row(model: type[Model]) -> Model:
    """One more row of this table, with the rows that its pages show beside it."""
    maker = IN_COMPANY.get(model)
    return maker() if maker else rows.make_row(model)


IN_COMPANY: dict[type[Model], Callable[[], Model]] = {
    Membership: make_member,
    User: lambda: make_member().user,
    AuditEvent: lambda: record("changed", at=NOON, user=make_user(), text="an entry"),
    Company: lambda: make_position().company,
    Person: lambda: make_position().person,
    Campaign: lambda: make_step(make_campaign(from_mailbox=make_mailbox())).campaign,
    StepExperiment: lambda: rows.make_variant().step_experiment,
    Enrollment: lambda: make_task().enrollment,
    Task: lambda: make_draft().task,
    Message: make_message,
}


def signed_in(organisation: Organisation, *, role: str = Role.OWNER) -> Client:
    """A browser of someone with this role, inside the organisation."""
    with tenant(organisation.pk):
        if role != Role.OWNER:
            user = make_member(role).user
        else:
            user = Membership.objects.get(role=Role.OWNER).user
    return inside_as(user, organisation)


def inside_as(user: User, organisation: Organisation) -> Client:
    client = Client()
    client.force_login(user)
    session = client.session
    session[SESSION_KEY] = str(organisation.pk)
    session.save()
    return client


def make_reviewable_draft(**fields: Any) -> Draft:
    """A draft that its organisation's identity and mailbox let a person approve."""
    campaign = make_campaign(
        from_mailbox=make_mailbox(), justification="They run shops.", status="running"
    )
    company = fields.pop("company", None) or make_company(city="Marseille")
    position = make_position(company=company)
    enrollment: Enrollment = make_enrollment(campaign=campaign, position=position)
    task: Task = make_task(enrollment=enrollment)
    text = "Bonjour Ada,\n\nVotre vitrine donne envie d’entrer, et une courte vidéo le montrerait."
    return make_draft(**({"task": task, "body_text": text} | fields))


def no_rows(prefix: str) -> dict[str, str]:
    """What a page's form says of the rows of an inline that has none."""
    return {f"{prefix}-TOTAL_FORMS": "0", f"{prefix}-INITIAL_FORMS": "0"}
