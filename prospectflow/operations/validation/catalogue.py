"""How the suites ask PostgreSQL, and what the models are to them."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import connection, models

from prospectflow.tenancy import SCHEMAS
from prospectflow.tenancy.checks import tenant_models
from prospectflow.tenancy.models import TenantModel

NOBODY = "00000000-0000-0000-0000-000000000000"

# The names of the columns behind an array of their numbers, in its order.
COLUMNS = """(SELECT array_agg(attname::text ORDER BY place)
    FROM unnest({numbers}) WITH ORDINALITY AS listed (number, place)
    JOIN pg_attribute ON attrelid = {table} AND attnum = number)"""


def rows(query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """What a query answers."""
    with connection.cursor() as cursor:
        # Without parameters a % is a % and needs no second one.
        cursor.execute(query, parameters or None)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def column(query: str, *parameters: Any) -> list[Any]:
    """The first column of what a query answers."""
    return [row[0] for row in rows(query, *parameters)]


def serve(organisation_id: object) -> None:
    """Set the organisation for the rest of the transaction."""
    rows("SELECT set_config('app.organisation_id', %s, true)", str(organisation_id))


def all_models() -> list[type[models.Model]]:
    """Every model with a table of its own, those between two others included."""
    every = apps.get_models(include_auto_created=True)
    return [model for model in every if model._meta.managed and not model._meta.proxy]


def tables_of_libraries() -> set[str]:
    """Tables that a library's own migrations make, its models only read: the queue's."""
    return {place(model) for model in apps.get_models() if not model._meta.managed}


def place(model: type[models.Model]) -> str:
    """Where the model's table belongs: `crm.companies`."""
    app = model._meta.app_label
    return f"{app if app in SCHEMAS else 'public'}.{model._meta.db_table}"


def existing_tables() -> set[str]:
    """Every table of the application's schemas, by its full name."""
    return set(
        column(
            "SELECT format('%%s.%%s', nspname, relname) FROM pg_class"
            " JOIN pg_namespace n ON n.oid = relnamespace"
            " WHERE relkind IN ('r', 'p') AND nspname = ANY (%s)",
            [*SCHEMAS, "public"],
        )
    )


def present(wanted: list[type[models.Model]]) -> Iterator[type[models.Model]]:
    """Those models whose table is there; suite 2 names the others."""
    existing = existing_tables()
    return (model for model in wanted if place(model) in existing)


def present_tenant_models() -> list[type[TenantModel]]:
    return [model for model in present(list(tenant_models())) if issubclass(model, TenantModel)]


def columns_of(model: Any, names: Any) -> list[str]:
    """The columns behind field names; a leading minus says only the order."""
    return [model._meta.get_field(name.removeprefix("-")).column for name in names]


def normal_form(expression: str, table: str | None = None) -> str:
    """The expression as PostgreSQL itself would write it, so that two can be compared.

    It is planned, never run; `table` is the one whose columns it speaks of.
    """
    source = f" FROM ONLY {table}" if table else ""
    [(plan,)] = rows(f"EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) SELECT {expression}{source}")
    return str(plan[0]["Plan"]["Output"][0])


def same(expression: str, other: str, table: str | None = None) -> bool:
    """Whether two expressions mean the same to PostgreSQL."""
    return normal_form(expression, table) == normal_form(other, table)
