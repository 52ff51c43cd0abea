"""What Citus refuses in a table that it spreads, said so that it accepts it.

Citus takes a unique key only if the column by which rows are spread is in it, and no foreign key
with that column that sets others to NULL (its issue 7132). So the first is widened, and what the
second did is done by a trigger; the reference itself stays.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db import connection, models
from django.db.models import DB_SET_NULL

from prospectflow.operations.validation.catalogue import place
from prospectflow.tenancy.constraints import TenantReference
from prospectflow.tenancy.fields import TenantForeignKey

# With the owner's rights, as a foreign key acts: who deletes a program may not change the trail.
FORGET = """\
CREATE FUNCTION public.forget_deleted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('UPDATE %1$s SET %2$I = NULL WHERE organisation_id = $1 AND %2$I = $2',
        TG_ARGV[0], TG_ARGV[1]) USING OLD.organisation_id, OLD.id;
    RETURN NULL;
END $$;
ALTER FUNCTION public.forget_deleted() OWNER TO prospectflow_owner;
REVOKE ALL ON FUNCTION public.forget_deleted() FROM PUBLIC"""


class Reference(NamedTuple):
    """A foreign key that empties `emptied` when the row it points at is deleted."""

    name: str
    table: str
    columns: str
    to_table: str
    to_columns: str
    emptied: str

    def without_emptying(self) -> str:
        """The same key, which refuses at the end of the transaction instead."""
        return (
            f"ALTER TABLE {self.table} DROP CONSTRAINT {self.name},\n"
            f"    ADD CONSTRAINT {self.name} FOREIGN KEY (organisation_id, {self.columns})\n"
            f"    REFERENCES {self.to_table} (organisation_id, {self.to_columns})\n"
            "    DEFERRABLE INITIALLY DEFERRED"
        )

    def emptying(self) -> str:
        """What empties the column as the key did."""
        name = f"{self.table.partition('.')[2]}_{self.emptied}_forgotten"
        call = f"public.forget_deleted('{self.table}', '{self.emptied}')"
        return (
            f"CREATE TRIGGER {name} AFTER DELETE ON {self.to_table}\n"
            f"    FOR EACH ROW EXECUTE FUNCTION {call}"
        )


def preparations(spread: list[type[models.Model]]) -> Iterator[str]:
    """The statements that make each key of these tables one that Citus accepts."""
    for model in spread:
        for constraint in model._meta.constraints:
            if isinstance(constraint, models.UniqueConstraint) and not _is_within(constraint):
                yield from _widened(model, constraint)
    references = [reference for model in spread for reference in _references(model)]
    yield FORGET
    yield from (reference.without_emptying() for reference in references)
    yield from sorted({reference.emptying() for reference in references})


def _is_within(constraint: models.UniqueConstraint) -> bool:
    return "organisation" in constraint.fields


def _widened(model: Any, constraint: models.UniqueConstraint) -> Iterator[str]:
    columns = ", ".join(model._meta.get_field(name).column for name in constraint.fields)
    name, table = constraint.name, place(model)
    yield (
        f"ALTER TABLE {table} DROP CONSTRAINT {name},\n"
        f"    ADD CONSTRAINT {name} UNIQUE (organisation_id, {columns})"
    )
    yield f"CREATE INDEX {name}_found ON {table} ({columns})"


def _references(model: type[models.Model]) -> Iterator[Reference]:
    for field in model._meta.local_fields:
        if isinstance(field, TenantForeignKey) and field.remote_field.on_delete is DB_SET_NULL:
            yield _of_field(model, field)
    for constraint in model._meta.constraints:
        if isinstance(constraint, TenantReference) and "SET NULL" in constraint.on_delete:
            yield _of_constraint(model, constraint)


def _of_field(model: type[models.Model], field: Any) -> Reference:
    editor: Any = connection.schema_editor(collect_sql=True)
    written = editor._create_fk_sql(model, field, "_fk_%(to_table)s_%(to_column)s")
    name = str(written.parts["name"]).strip('"')
    return Reference(
        name, place(model), field.column, place(field.related_model), "id", field.column
    )


def _of_constraint(model: type[models.Model], constraint: TenantReference) -> Reference:
    parts = constraint._parts(model)
    emptied = parts["on_delete"].partition("(")[2].rstrip(")")
    target = model._meta.apps.get_model(constraint.to)
    return Reference(
        constraint.name, place(model), parts["columns"], place(target), parts["to_columns"], emptied
    )
