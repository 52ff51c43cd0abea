"""System checks: nobody forgets the room."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, register
from django.db import models

from prospectflow.tenancy.constraints import TenantIsolation
from prospectflow.tenancy.fields import TenantForeignKey
from prospectflow.tenancy.models import TenantModel


def tenant_models() -> list[type[TenantModel]]:
    """Every model whose rows belong to an organisation."""
    return [model for model in apps.get_models() if issubclass(model, TenantModel)]


@register("tenancy")
def check_tenant_models(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Each tenant model keeps its policy, its paired references and its lookups."""
    return [error for model in tenant_models() for error in _errors(model)]


def _errors(model: type[TenantModel]) -> Iterator[CheckMessage]:
    if not any(isinstance(each, TenantIsolation) for each in model._meta.constraints):
        yield Error("Meta.constraints drops TenantIsolation.", obj=model, id="tenancy.E001")
    for field in model._meta.local_fields:
        points_at_tenant = isinstance(field, models.ForeignKey) and issubclass(
            field.remote_field.model, TenantModel
        )
        if points_at_tenant and not isinstance(field, TenantForeignKey):
            yield Error("Reference this model by a TenantForeignKey.", obj=field, id="tenancy.E002")
    for index in model._meta.indexes:
        if index.fields and index.fields[0] not in {"organisation", "user"}:
            yield Error(
                f"Index {index.name} must begin with the organisation.",
                obj=model,
                id="tenancy.E003",
            )
    for field in model._meta.local_many_to_many:
        yield Error("Write the table in between as a TenantModel.", obj=field, id="tenancy.E004")
