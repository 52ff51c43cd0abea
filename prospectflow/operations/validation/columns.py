"""Schemas, tables and columns: what the models say, and nothing else."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db import connection, models
from django.db.models import NOT_PROVIDED

from prospectflow.tenancy import SCHEMAS

from .catalogue import (
    NOBODY,
    all_models,
    existing_tables,
    place,
    present,
    rows,
    same,
    serve,
    tables_of_libraries,
)

NOT_OF_A_MODEL = {"public.django_migrations"}


class Column(NamedTuple):
    """A column as the catalogue has it."""

    type: str
    not_null: bool
    default: str | None
    is_identity: bool


def schemas() -> Iterator[str]:
    """The schemas are there, the owner's, open to the serving role but closed to its making."""
    found = {
        name: rest
        for name, *rest in rows(
            "SELECT nspname::text, pg_get_userbyid(nspowner)::text, CASE WHEN"
            " has_schema_privilege(nspname, 'USAGE') THEN 1 END,"
            " CASE WHEN has_schema_privilege(nspname, 'CREATE') THEN 1 END FROM pg_namespace"
        )
    }
    for name in (*SCHEMAS, "public", "extensions", "search"):
        if name not in found:
            yield f"schema {name} is missing"
            continue
        owner, usable, open_to_making = found[name]
        if name in SCHEMAS and owner != "prospectflow_owner":
            yield f"schema {name} belongs to {owner}, not to prospectflow_owner"
        if not usable:
            yield f"schema {name} is closed to the serving role: GRANT USAGE is missing"
        if open_to_making:
            yield f"schema {name} lets the serving role create things in it"


def tables_and_columns() -> Iterator[str]:
    """Each model has its table, and each table the columns of its model and no others."""
    serve(NOBODY)  # else PostgreSQL would refuse to plan what expressions are compared with
    existing, wanted = existing_tables(), {place(model) for model in all_models()}
    yield from (f"table {name} is missing" for name in sorted(wanted - existing))
    unknown = sorted(existing - wanted - NOT_OF_A_MODEL - tables_of_libraries())
    yield from (f"table {name} belongs to no model" for name in unknown)
    for model in present(all_models()):
        yield from _columns(model)


def _columns(model: type[models.Model]) -> Iterator[str]:
    existing = _existing(place(model))
    fields = {str(field.column): field for field in model._meta.local_concrete_fields}
    for name in sorted(fields.keys() | existing.keys()):
        where = f"{place(model)}.{name}"
        if name not in existing:
            yield f"column {where} is missing"
        elif name not in fields:
            yield f"column {where} belongs to no field"
        else:
            yield from (f"column {where} {what}" for what in _of(fields[name], existing[name]))


def _existing(table: str) -> dict[str, Column]:
    return {
        name: Column(*rest)
        for name, *rest in rows(
            "SELECT attname::text, format_type(atttypid, atttypmod), attnotnull,"
            " pg_get_expr(adbin, adrelid), attidentity <> ''"
            " FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum"
            " WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped",
            table,
        )
    }


def _of(field: Any, found: Column) -> Iterator[str]:
    wanted = _type(field)
    if found.type != wanted and not (_is_numbered(field) and found.type == "bigint"):
        yield f"is of type {found.type}, not {wanted}"
    if found.not_null == field.null and not field.generated:
        yield "is NOT NULL, and may be null" if found.not_null else "may be null"
    if found.is_identity != _is_numbered(field):
        yield "is numbered by the table" if found.is_identity else "is not numbered by the table"
    yield from (_generated if field.generated else _default)(field, found.default)


def _is_numbered(field: Any) -> bool:
    # Django's migrations make the keys of tables in between wider than its models say.
    return isinstance(field, models.AutoField | models.BigAutoField)


def _type(field: Any) -> str:
    written = field.db_type(connection)
    return str(written.replace("varchar", "character varying").replace(", ", ","))


def _default(field: Any, found: str | None) -> Iterator[str]:
    if not field.has_db_default() or field.db_default is NOT_PROVIDED:
        if found is not None:
            yield f"has the default {found}, and should have none"
        return
    wanted = _default_sql(field)
    if found is None:
        yield f"has no default, and should have {wanted}"
    elif not same(*(f"({each})::{_type(field).partition('(')[0]}" for each in (wanted, found))):
        yield f"has the default {found}, not {wanted}"


def _default_sql(field: Any) -> str:
    editor = connection.SchemaEditorClass(connection, collect_sql=True)
    return _spelled_out(*editor.db_default_sql(field))


def _generated(field: Any, found: str | None) -> Iterator[str]:
    wanted = _spelled_out(*field.generated_sql(connection))
    if found is None:
        yield f"is not generated, and should be {wanted}"
    elif not same(found, wanted, place(field.model)):
        yield f"is generated as {found}, not {wanted}"


def _spelled_out(expression: str, parameters: Any) -> str:
    editor = connection.SchemaEditorClass(connection, collect_sql=True)
    return str(expression % tuple(editor.quote_value(each) for each in parameters))
