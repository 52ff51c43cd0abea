"""Which tables Citus spreads by organisation, and which it copies to every node."""

from collections.abc import Iterable, Iterator
from graphlib import TopologicalSorter
from typing import Any

from django.apps import apps
from django.db import models

from prospectflow.operations.validation.catalogue import place
from prospectflow.tenancy import SCHEMAS
from prospectflow.tenancy.checks import tenant_models

type Model = type[models.Model]


def distributed() -> list[Model]:
    """Each organisation's rows on one shard: parents before those that refer to them."""
    return _parents_first(model for model in tenant_models() if not is_asked_first(model))


def reference() -> list[Model]:
    """Whole on every node: what is no organisation's, and what is asked before one is known."""
    spread = set(distributed())
    ours = (
        model
        for schema in SCHEMAS
        for model in apps.get_app_config(schema).get_models(include_auto_created=True)
    )
    return _parents_first(model for model in ours if model not in spread)


def is_asked_first(model: Model) -> bool:
    """Whether iam finds rows of this table before it knows whose they are: by person or program."""
    keys = [index.fields[0] for index in model._meta.indexes if index.fields]
    keys += [
        field.name for field in model._meta.local_fields if field.unique and field.name != "id"
    ]
    return model._meta.app_label == "iam" and any(key.lstrip("-") != "organisation" for key in keys)


def _parents_first(found: Iterable[Model]) -> list[Model]:
    wanted = {place(model): model for model in found}
    parents = {
        name: sorted(set(_parents(model)) & set(wanted) - {name})
        for name, model in sorted(wanted.items())
    }
    return [wanted[name] for name in TopologicalSorter(parents).static_order()]


def _parents(model: Any) -> Iterator[str]:
    for field in model._meta.local_fields:
        if isinstance(field, models.ForeignKey):
            yield place(field.related_model)
