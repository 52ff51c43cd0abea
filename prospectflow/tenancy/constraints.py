"""What PostgreSQL is told about tenants beyond columns and keys."""

from collections.abc import Sequence
from typing import Any

from django.db.backends.ddl_references import Statement, Table
from django.db.models.constraints import BaseConstraint


class _JudgedByPostgres(BaseConstraint):
    """A rule that stands in the table's history and that PostgreSQL alone enforces."""

    create: str
    remove: str

    def create_sql(self, model: Any, schema_editor: Any) -> Any:
        return self._statement(self.create, model, schema_editor)

    def remove_sql(self, model: Any, schema_editor: Any) -> Any:
        return self._statement(self.remove, model, schema_editor)

    def constraint_sql(self, model: Any, schema_editor: Any) -> Any:
        # None of these can be part of CREATE TABLE, so they wait until the table is there.
        schema_editor.deferred_sql.append(self.create_sql(model, schema_editor))
        return None

    def validate(self, *args: Any, **kwargs: Any) -> None:
        """Nothing to do in Python."""

    def _statement(self, template: str, model: Any, schema_editor: Any) -> Statement:
        table = Table(model._meta.db_table, schema_editor.quote_name)
        name = schema_editor.quote_name(self.name)
        return Statement(template, table=table, name=name, **self._parts(model))

    def _parts(self, model: Any) -> dict[str, str]:
        return {}

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.deconstruct() == other.deconstruct()

    def __hash__(self) -> int:
        return hash((type(self), self.name))


class TenantIsolation(_JudgedByPostgres):
    """Row-level security: a table shows an organisation its own rows, and no others.

    The condition stands in the policy itself and not behind a function, so that the planner
    sees the tenant's true size; it raises for every statement when no organisation is set.
    """

    condition = """organisation_id = coalesce(
                nullif(btrim(current_setting('app.organisation_id', true)), '')::uuid,
                iam.raise_no_organisation())"""
    create = f"""
        ALTER TABLE %(table)s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
        CREATE POLICY tenant_isolation ON %(table)s
            USING ({condition})"""
    remove = """
        DROP POLICY tenant_isolation ON %(table)s;
        ALTER TABLE %(table)s NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY"""


class TenantReference(_JudgedByPostgres):
    """A foreign key that carries parents' ids along: what it points at has the same parents.

    `fields` are this model's field names, `to_fields` those of `to` in the same order; the
    organisation is added to both. `on_delete` is CASCADE, RESTRICT or `SET NULL (column)`.
    """

    create = """
        ALTER TABLE %(table)s ADD CONSTRAINT %(name)s
            FOREIGN KEY (organisation_id, %(columns)s)
            REFERENCES %(to_table)s (organisation_id, %(to_columns)s)
            ON DELETE %(on_delete)s DEFERRABLE INITIALLY DEFERRED"""
    remove = "ALTER TABLE %(table)s DROP CONSTRAINT %(name)s"

    def __init__(
        self, *, name: str, to: str, fields: Sequence[str], to_fields: Sequence[str], on_delete: str
    ) -> None:
        super().__init__(name=name)
        self.to, self.on_delete = to, on_delete
        self.fields, self.to_fields = tuple(fields), tuple(to_fields)

    def deconstruct(self) -> Any:
        path, args, kwargs = super().deconstruct()
        mine = {"to": self.to, "fields": self.fields, "to_fields": self.to_fields}
        return path, args, kwargs | mine | {"on_delete": self.on_delete}

    def _parts(self, model: Any) -> dict[str, str]:
        target = model._meta.apps.get_model(self.to)
        return {
            "columns": _columns(model, self.fields),
            "to_table": target._meta.db_table,
            "to_columns": _columns(target, self.to_fields),
            "on_delete": self.on_delete,
        }


class Trigger(_JudgedByPostgres):
    """A trigger that runs an existing function."""

    create = (
        "CREATE %(kind)s %(name)s %(when)s ON %(table)s %(how)s"
        " EXECUTE FUNCTION %(function)s(%(arguments)s)"
    )
    remove = "DROP TRIGGER %(name)s ON %(table)s"

    def __init__(self, *, name: str, when: str, function: str, deferred: bool = False) -> None:
        super().__init__(name=name)
        self.when, self.function, self.deferred = when, function, deferred

    def deconstruct(self) -> Any:
        path, args, kwargs = super().deconstruct()
        mine = {"when": self.when, "function": self.function, "deferred": self.deferred}
        return path, args, kwargs | mine

    def arguments(self, model: Any) -> tuple[str, ...]:
        """What the function is told when it fires for this model."""
        return ()

    def _parts(self, model: Any) -> dict[str, str]:
        return {
            "kind": "CONSTRAINT TRIGGER" if self.deferred else "TRIGGER",
            "how": f"{'DEFERRABLE INITIALLY DEFERRED ' if self.deferred else ''}FOR EACH ROW",
            "when": self.when,
            "function": self.function,
            "arguments": ", ".join(f"'{each}'" for each in self.arguments(model)),
        }


class Audited(Trigger):
    """Each change of a row is written to the organisation's trail, by PostgreSQL itself.

    Of the columns in `secret` the trail tells that they changed, of those in `without` nothing.
    """

    def __init__(
        self,
        *,
        name: str,
        when: str = "AFTER INSERT OR UPDATE OR DELETE",
        without: Sequence[str] = (),
        secret: Sequence[str] = (),
    ) -> None:
        super().__init__(name=name, when=when, function="iam.write_audit_event")
        self.without, self.secret = tuple(without), tuple(secret)

    def deconstruct(self) -> Any:
        path, args, kwargs = super().deconstruct()
        mine = {"when": self.when, "without": self.without, "secret": self.secret}
        return path, args, {"name": kwargs["name"]} | mine

    def arguments(self, model: Any) -> tuple[str, ...]:
        return model._meta.label_lower, ",".join(self.without), ",".join(self.secret)


def is_audited(model: Any) -> bool:
    """Whether PostgreSQL writes this model's changes to the trail."""
    return any(isinstance(each, Audited) for each in model._meta.constraints)


def _columns(model: Any, names: Sequence[str]) -> str:
    return ", ".join(model._meta.get_field(name).column for name in names)
