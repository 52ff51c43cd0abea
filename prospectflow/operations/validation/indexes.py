"""Indexes: those of the models, whole, and each beginning with the organisation."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db import connection, models

from prospectflow.tenancy.fields import TenantForeignKey

from .catalogue import COLUMNS, NOBODY, columns_of, place, present_tenant_models, rows, same, serve

# A sign-in, a visit, a program and a link in a mail begin before any organisation is known.
MAY_BEGIN_ELSEWHERE = {
    "organisation_users_user",
    "operator_entries_user",
    "service_accounts_client_id_key",
    "service_accounts_client_id_3e6a1147_like",
}
INDEXES = f"""
SELECT i.relname::text, {COLUMNS.format(numbers="indkey::int2[]", table="indrelid")},
    indisunique, indisvalid AND indisready, indnullsnotdistinct,
    pg_get_expr(indpred, indrelid)
FROM pg_index JOIN pg_class i ON i.oid = indexrelid WHERE indrelid = to_regclass(%s)
"""  # noqa: S608  (our own words only)


class Index(NamedTuple):
    """An index as the catalogue has it, or as a model wants it."""

    columns: list[str]
    is_unique: bool = False
    is_valid: bool = True
    nulls_not_distinct: bool = False
    condition: str | None = None


def organisation_first() -> Iterator[str]:
    """Each index begins with the organisation, and each index of the models is there."""
    serve(NOBODY)  # else PostgreSQL would refuse to plan what the conditions are compared with
    for model in present_tenant_models():
        found = {name: Index(columns or [], *rest) for name, columns, *rest in _indexes(model)}
        for what in (*_order(found), *_named(model, found), *_of_references(model, found)):
            yield f"{place(model)}: {what}"


def _indexes(model: type[models.Model]) -> list[tuple[Any, ...]]:
    return rows(INDEXES, place(model))


def _order(found: dict[str, Index]) -> Iterator[str]:
    for name, index in sorted(found.items()):
        documented = name in MAY_BEGIN_ELSEWHERE or name.endswith("_everywhere")
        if index.columns[:1] != ["organisation_id"] and not documented:
            yield f"the index {name} begins with {', '.join(index.columns) or 'an expression'}"
        if not index.is_valid:
            yield f"the index {name} is not valid: REINDEX it"


def _named(model: type[models.Model], found: dict[str, Index]) -> Iterator[str]:
    for name, wanted in _wanted(model):
        index = found.get(name)
        if index is None:
            yield f"the index {name} is missing"
        elif not _alike(index, wanted, place(model)):
            yield f"the index {name} is {_written(index)}, not {_written(wanted)}"


def _wanted(model: Any) -> Iterator[tuple[str, Index]]:
    editor = connection.SchemaEditorClass(connection, collect_sql=True)
    for index in model._meta.indexes:
        condition = index._get_condition_sql(model, editor)
        yield index.name, Index(columns_of(model, index.fields), condition=condition)
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint):
            yield constraint.name, _of_constraint(constraint, model, editor)


def _of_constraint(constraint: Any, model: Any, editor: Any) -> Index:
    return Index(
        columns_of(model, constraint.fields),
        is_unique=True,
        nulls_not_distinct=constraint.nulls_distinct is False,
        condition=constraint._get_condition_sql(model, editor),
    )


def _of_references(model: Any, found: dict[str, Index]) -> Iterator[str]:
    references = (f for f in model._meta.local_fields if isinstance(f, TenantForeignKey))
    for pair in (["organisation_id", f.column] for f in references if vars(f)["db_index"]):
        if not any(index.columns[:2] == pair for index in found.values()):
            yield f"no index begins with {', '.join(pair)}"


def _alike(index: Index, wanted: Index, table: str) -> bool:
    if None in (index.condition, wanted.condition):
        return index == wanted._replace(is_valid=index.is_valid)
    return same(str(index.condition), str(wanted.condition), table) and (
        index._replace(condition=None) == wanted._replace(condition=None, is_valid=index.is_valid)
    )


def _written(index: Index) -> str:
    kind = "unique " if index.is_unique else ""
    nulls = " NULLS NOT DISTINCT" if index.nulls_not_distinct else ""
    where = f" WHERE {index.condition}" if index.condition else ""
    return f"{kind}({', '.join(index.columns)}){nulls}{where}"
