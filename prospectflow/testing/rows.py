"""One valid row of any tenant's table, so that a new table joins the tests by itself."""

from collections.abc import Callable
from datetime import date, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

from django.db import models
from django.db.models import NOT_PROVIDED

from crm.models import Phone
from outreach.models import (
    Campaign,
    Draft,
    Enrollment,
    Mailbox,
    Message,
    StepExperiment,
    Suppression,
    Task,
    Variant,
    VariantAssignment,
    WebhookEndpoint,
    WorkflowStep,
)
from prospectflow.tenancy.constraints import TenantReference
from prospectflow.tenancy.fields import OrganisationField, TenantForeignKey, UserReference
from prospectflow.testing import factories
from prospectflow.testing.factories import NOON

_numbers = count(1)


class CannotMake(AssertionError):
    """No valid value is known for a field: teach prospectflow/testing/rows.py how to make it."""


def make_row(model: type[models.Model], **fields: Any) -> Any:
    """A row of this model, valid where the scope stands; a factory where there is one."""
    maker = MAKERS.get(model)
    return maker(**fields) if maker else model._default_manager.create(**_filled(model, fields))


def make_phone(**fields: Any) -> Phone:
    fields.setdefault("person", None) or fields.update(person=factories.make_person())
    return Phone.objects.create(**({"number": f"+336{next(_numbers):08}"} | fields))


def make_variant(**fields: Any) -> Variant:
    fields.setdefault("step_experiment", None) or fields.update(
        step_experiment=make_row(StepExperiment)
    )
    return Variant.objects.create(**({"key": f"v{next(_numbers)}"} | fields))


def make_assignment(**fields: Any) -> VariantAssignment:
    """An enrolment's variant, whose experiment, step and campaign are one line of parents."""
    variant = fields.pop("variant", None) or make_variant()
    step = variant.step_experiment.workflow_step
    enrollment = fields.pop("enrollment", None) or factories.make_enrollment(campaign=step.campaign)
    parents = {
        "variant": variant,
        "step_experiment": variant.step_experiment,
        "workflow_step": step,
        "campaign": step.campaign,
        "enrollment": enrollment,
    }
    return VariantAssignment.objects.create(**(parents | {"assigned_at": NOON} | fields))


def make_approved_draft(**fields: Any) -> Draft:
    approval = {"status": Draft.Status.APPROVED, "approved_hash": "a" * 64, "approved_at": NOON}
    return factories.make_draft(**(approval | fields))


def make_message(**fields: Any) -> Message:
    """A mail that left: its draft approved, its position the enrolment's."""
    draft = fields.pop("draft", None) or make_approved_draft()
    sent = {
        "draft": draft,
        "task": draft.task,
        "enrollment": draft.task.enrollment,
        "position": draft.task.enrollment.position,
        "direction": Message.Direction.OUTBOUND,
        "rfc822_message_id": f"<{next(_numbers)}@acme.example.com>",
        "content_hash": draft.approved_hash,
    }
    return Message.objects.create(**(sent | fields))


def make_suppression(**fields: Any) -> Suppression:
    hashed = {"address_hash": f"{next(_numbers):064x}", "key_mark": "0" * 8}
    defaults = hashed | {"reason": "by_hand", "at": NOON}
    return Suppression.objects.create(**(defaults | fields))


def make_endpoint(**fields: Any) -> WebhookEndpoint:
    told = {"url": f"https://hooks.example.com/{next(_numbers)}", "events": ["enrollment.replied"]}
    return WebhookEndpoint.objects.create(**(told | {"sealed_secret": "sealed"} | fields))


MAKERS: dict[type[models.Model], Callable[..., Any]] = {
    Campaign: factories.make_campaign,
    Draft: factories.make_draft,
    Enrollment: factories.make_enrollment,
    Mailbox: factories.make_mailbox,
    Message: make_message,
    Phone: make_phone,
    Suppression: make_suppression,
    Task: factories.make_task,
    Variant: make_variant,
    VariantAssignment: make_assignment,
    WebhookEndpoint: make_endpoint,
    WorkflowStep: factories.make_step,
}


def _filled(model: type[models.Model], fields: dict[str, Any]) -> dict[str, Any]:
    filled = dict(fields)
    for field in model._meta.local_concrete_fields:
        if field.name not in filled and _must_be_given(field):
            filled[field.name] = _value(field)
            filled |= _parents_of(model, field.name, filled)
    return filled


def _must_be_given(field: Any) -> bool:
    if isinstance(field, OrganisationField) or field.null:
        return False
    return field.default is NOT_PROVIDED and field.db_default is NOT_PROVIDED


def _parents_of(model: type[models.Model], name: str, filled: dict[str, Any]) -> dict[str, Any]:
    """What a reference carries along: the parents that this row must share."""
    return {
        ours: getattr(filled[name], theirs)
        for reference in model._meta.constraints
        if isinstance(reference, TenantReference) and reference.fields[0] == name
        for ours, theirs in zip(reference.fields[1:], reference.to_fields[1:], strict=True)
        if isinstance(model._meta.get_field(ours), TenantForeignKey)
    }


def _value(field: Any) -> Any:
    if isinstance(field, UserReference):
        return factories.make_user()
    if isinstance(field, models.ForeignKey):
        return make_row(field.related_model)
    if field.choices:
        return field.choices[0][0]
    for kind, make in _VALUES:
        if isinstance(field, kind):
            return make(field)
    raise CannotMake(f"{field} of {field.model._meta.label}: {CannotMake.__doc__}")


def _text(field: Any) -> str:
    text = f"text-{next(_numbers)}"
    return text[-field.max_length :] if field.max_length else text


# The first that fits counts: DateTimeField is a DateField.
_VALUES: list[tuple[Any, Callable[[Any], Any]]] = [
    (models.DateTimeField, lambda field: NOON),
    (models.DateField, lambda field: date(2026, 11, 24) + timedelta(days=next(_numbers))),
    ((models.IntegerField, models.DecimalField, models.FloatField), lambda field: 1),
    (models.BooleanField, lambda field: True),
    (models.UUIDField, lambda field: uuid4()),
    (models.BinaryField, lambda field: uuid4().bytes * 2),
    (models.JSONField, lambda field: {}),
    ((models.CharField, models.TextField), _text),
]
