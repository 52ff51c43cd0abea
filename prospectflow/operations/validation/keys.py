"""Primary keys and references: each carries the organisation."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db import models
from django.db.models import DB_CASCADE, DB_SET_NULL

from prospectflow.tenancy.checks import tenant_models
from prospectflow.tenancy.constraints import TenantReference
from prospectflow.tenancy.fields import OrganisationField, TenantForeignKey, UserReference

from .catalogue import COLUMNS, all_models, columns_of, place, present, present_tenant_models, rows

ACTIONS = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}
KEYS = f"""
SELECT n.nspname || '.' || c.relname, {COLUMNS.format(numbers="conkey", table="conrelid")}
FROM pg_constraint JOIN pg_class c ON c.oid = conrelid JOIN pg_namespace n ON n.oid = relnamespace
WHERE contype = 'p'
"""  # noqa: S608  (our own words only)
REFERENCES = f"""
SELECT n.nspname || '.' || c.relname,
    {COLUMNS.format(numbers="conkey", table="conrelid")},
    m.nspname || '.' || t.relname,
    {COLUMNS.format(numbers="confkey", table="confrelid")},
    confdeltype::text,
    {COLUMNS.format(numbers="confdelsetcols", table="conrelid")},
    condeferrable AND condeferred, convalidated AND conenforced, conname::text
FROM pg_constraint
JOIN pg_class c ON c.oid = conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class t ON t.oid = confrelid JOIN pg_namespace m ON m.oid = t.relnamespace
WHERE contype = 'f'
"""  # noqa: S608


class Reference(NamedTuple):
    """A foreign key, by what it joins and what a deletion does."""

    table: str
    columns: tuple[str, ...]
    to_table: str
    to_columns: tuple[str, ...]
    on_delete: str

    def __str__(self) -> str:
        return (
            f"{self.table} ({', '.join(self.columns)}) → {self.to_table}"
            f" ({', '.join(self.to_columns)}) ON DELETE {self.on_delete}"
        )


def composite_keys() -> Iterator[str]:
    """The key of every tenant's table is (organisation_id, id), that of any other is Django's."""
    found = dict(rows(KEYS))
    tenants = set(tenant_models())
    for model in present(all_models()):
        wanted: list[Any] = (
            ["organisation_id", "id"] if model in tenants else [model._meta.pk.column]
        )
        key = found.get(place(model))
        if key != wanted:
            written = f"({', '.join(key)})" if key else "none"
            yield f"the key of {place(model)} is {written}, not ({', '.join(wanted)})"


def composite_foreign_keys() -> Iterator[str]:
    """Each tenant's table has the references of its model, whole and enforced, and no others."""
    tables = {place(model) for model in present_tenant_models()}
    wanted = {reference for model in present_tenant_models() for reference in _wanted(model)}
    found = set()
    for *parts, is_deferred, is_enforced, name in rows(REFERENCES):
        reference = _found(parts)
        if reference.table in tables:
            found.add(reference)
            if not is_deferred:
                yield f"{name} is not DEFERRABLE INITIALLY DEFERRED: {reference}"
            if not is_enforced:
                yield f"{name} is not validated or not enforced: {reference}"
    yield from (f"missing: {each}" for each in sorted(wanted - found))
    yield from (f"of no model: {each}" for each in sorted(found - wanted))


def _found(parts: list[Any]) -> Reference:
    table, columns, to, to_columns, action, nulled = parts
    rule = f"{ACTIONS[action]} ({', '.join(nulled)})" if nulled else ACTIONS[action]
    return Reference(table, tuple(columns), to, tuple(to_columns), rule)


def _wanted(model: Any) -> Iterator[Reference]:
    for field in model._meta.local_fields:
        if isinstance(field, models.ForeignKey):
            yield _of_field(model, field)
    for constraint in model._meta.constraints:
        if isinstance(constraint, TenantReference):
            yield _of_constraint(model, constraint)


def _of_field(model: type[models.Model], field: Any) -> Reference:
    carried = ("organisation_id",) if isinstance(field, TenantForeignKey) else ()
    return Reference(
        place(model),
        (*carried, field.column),
        place(field.related_model),
        (*carried, field.target_field.column),
        _action(field),
    )


def _action(field: Any) -> str:
    if isinstance(field, UserReference):
        return f"SET NULL ({field.column})" if field.null else "CASCADE"
    if isinstance(field, OrganisationField) or field.remote_field.on_delete is DB_CASCADE:
        return "CASCADE"
    if field.remote_field.on_delete is DB_SET_NULL:
        return f"SET NULL ({field.column})"
    return "NO ACTION"


def _of_constraint(model: type[models.Model], constraint: TenantReference) -> Reference:
    target = model._meta.apps.get_model(constraint.to)
    return Reference(
        place(model),
        ("organisation_id", *columns_of(model, constraint.fields)),
        place(target),
        ("organisation_id", *columns_of(target, constraint.to_fields)),
        constraint.on_delete,
    )
