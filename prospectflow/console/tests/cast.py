"""One row of every table, and people who sign in to look at them."""

from typing import Any

from django.db.models import Model
from django.test import Client

from crm.models import Consent, Phone
from iam.models import AuditEntry, Membership, Organisation, Role, User
from iam.services import record
from outreach.models import (
    Draft,
    Enrollment,
    ImportUpload,
    Message,
    Prompt,
    StepExperiment,
    Suppression,
    Task,
    Variant,
    VariantAssignment,
)
from prospectflow.tenancy.context import tenant
from prospectflow.tenancy.middleware import SESSION_KEY
from prospectflow.testing.factories import (
    NOON,
    make_campaign,
    make_company,
    make_draft,
    make_enrollment,
    make_mailbox,
    make_person,
    make_position,
    make_step,
    make_task,
    make_user,
)
from tracking.models import DailyStats, OpenStats, Pixel


def make_member(role: str = Role.MEMBER, **fields: Any) -> Membership:
    user = fields.pop("user", None) or make_user(first_name="Chloé", last_name="Petit")
    return Membership.objects.create(user=user, role=role, **fields)


def make_phone(number: int = 0) -> Phone:
    return Phone.objects.create(person=make_person(), number=f"+3361234{number:04}")


def make_consent() -> Consent:
    return Consent.objects.create(person=make_person(), state="given", at=NOON, source="a form")


def make_prompt(number: int = 0) -> Prompt:
    return Prompt.objects.create(name=f"Opening {number}", prompt_text="Write two lines.")


def make_experiment() -> StepExperiment:
    return StepExperiment.objects.create(workflow_step=make_step(), name="Short or long")


def make_variant(**fields: Any) -> Variant:
    experiment = fields.pop("step_experiment", None) or make_experiment()
    return Variant.objects.create(step_experiment=experiment, **({"key": "A"} | fields))


def make_assignment() -> VariantAssignment:
    variant = make_variant()
    step = variant.step_experiment.workflow_step
    return VariantAssignment.objects.create(
        campaign=step.campaign,
        enrollment=make_enrollment(campaign=step.campaign),
        workflow_step=step,
        step_experiment=variant.step_experiment,
        variant=variant,
        assigned_at=NOON,
    )


def make_suppression(number: int = 0) -> Suppression:
    return Suppression.objects.create(domain=f"no{number}.example.com", reason="by_hand", at=NOON)


def make_upload(number: int = 0) -> ImportUpload:
    return ImportUpload.objects.create(
        filename=f"file{number}.csv",
        file_size=10,
        file_sha256="0" * 64,
        uploaded_at=NOON,
        report={"rows": 10},
    )


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


def make_pixel(number: int = 0) -> Pixel:
    digest = number.to_bytes(32, "big")
    return Pixel.objects.create(message=make_message(), token_digest=digest, expires_at=NOON)


def make_opens() -> OpenStats:
    return OpenStats.objects.create(message=make_message(), total_opens=3, last_open_at=NOON)


def make_daily_stats(**fields: Any) -> DailyStats:
    step = fields.pop("workflow_step", None) or make_step()
    return DailyStats.objects.create(
        campaign=step.campaign, workflow_step=step, **({"day": NOON.date(), "sent": 10} | fields)
    )


def make_entry(number: int = 0) -> AuditEntry:
    return record("changed", at=NOON, user=make_user(), text=f"entry {number}")


def make_row(model: type[Model], number: int) -> Model:
    """One more row of this table, with all that it refers to."""
    return MAKERS[model._meta.label](number)


MAKERS: dict[str, Any] = {
    "iam.Membership": lambda n: make_member(),
    "iam.User": lambda n: make_member().user,
    "iam.AuditEntry": make_entry,
    "crm.Company": lambda n: make_position().company,
    "crm.Person": lambda n: make_position().person,
    "crm.Phone": make_phone,
    "crm.Position": lambda n: make_position(),
    "crm.Consent": lambda n: make_consent(),
    "outreach.Campaign": lambda n: make_step(make_campaign(from_mailbox=make_mailbox())).campaign,
    "outreach.WorkflowStep": lambda n: make_step(),
    "outreach.Prompt": make_prompt,
    "outreach.StepExperiment": lambda n: make_variant().step_experiment,
    "outreach.Variant": lambda n: make_variant(),
    "outreach.Enrollment": lambda n: make_task().enrollment,
    "outreach.VariantAssignment": lambda n: make_assignment(),
    "outreach.Mailbox": lambda n: make_mailbox(),
    "outreach.Suppression": make_suppression,
    "outreach.ImportUpload": make_upload,
    "outreach.Task": lambda n: make_draft().task,
    "outreach.Draft": lambda n: make_draft(),
    "outreach.Message": lambda n: make_message(),
    "tracking.Pixel": make_pixel,
    "tracking.OpenStats": lambda n: make_opens(),
    "tracking.DailyStats": lambda n: make_daily_stats(),
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
