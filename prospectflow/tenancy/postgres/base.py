"""Derives from the models what need not be said: schemas, composite keys, paired references."""

from select import POLLIN, poll
from typing import Any

from django.db.backends.postgresql import base, features, schema
from django.db.models import DB_SET_NULL

from prospectflow.tenancy import SCHEMAS
from prospectflow.tenancy.fields import OrganisationField, TenantForeignKey, UserReference


def is_tenant(model: Any) -> bool:
    """Whether the rows of this model (also a historical one) belong to an organisation."""
    return any(isinstance(field, OrganisationField) for field in model._meta.local_fields)


class DatabaseFeatures(features.DatabaseFeatures):
    # PostgreSQL 18 is required; to ask the server would keep `check` from running without one.
    supports_virtual_generated_columns = True

    def allows_group_by_selected_pks_on_model(self, model: Any) -> bool:
        # The table's key is a pair, so grouping by `id` alone does not cover the other columns.
        return not is_tenant(model) and super().allows_group_by_selected_pks_on_model(model)


class DatabaseSchemaEditor(schema.DatabaseSchemaEditor):
    sql_create_column_inline_fk = None  # a pair of columns has no inline form

    def create_model(self, model: Any) -> None:
        super().create_model(model)
        table = model._meta.db_table
        if is_tenant(model):
            self._widen_primary_key(table)
        if any(field.name == "updated_at" for field in model._meta.local_fields):
            self._touch_on_update(table)
        if model._meta.app_label in SCHEMAS:
            schema_name = self.quote_name(model._meta.app_label)
            self.execute(f"ALTER TABLE {self.quote_name(table)} SET SCHEMA {schema_name}")

    def _widen_primary_key(self, table: str) -> None:
        key = self.quote_name(f"{table}_pkey")
        self.execute(
            f"ALTER TABLE {self.quote_name(table)} DROP CONSTRAINT {key},"
            f" ADD CONSTRAINT {key} PRIMARY KEY (organisation_id, id)"
        )

    def _touch_on_update(self, table: str) -> None:
        self.execute(
            f"CREATE TRIGGER {self.quote_name(f'{table}_updated_at')}"
            f" BEFORE UPDATE ON {self.quote_name(table)}"
            " FOR EACH ROW EXECUTE FUNCTION set_updated_at()"
        )

    def _create_fk_sql(self, model: Any, field: Any, suffix: str) -> Any:
        statement = super()._create_fk_sql(model, field, suffix)
        if isinstance(field, TenantForeignKey):
            statement.parts["column"].columns = ["organisation_id", field.column]
            statement.parts["to_column"].columns = ["organisation_id", "id"]
        return statement

    def _create_on_delete_sql(self, model: Any, field: Any) -> str:
        column = self.quote_name(field.column)
        if isinstance(field, UserReference):
            return f" ON DELETE SET NULL ({column})" if field.null else " ON DELETE CASCADE"
        if isinstance(field, TenantForeignKey) and field.remote_field.on_delete is DB_SET_NULL:
            # Without the column list PostgreSQL would null organisation_id as well.
            return f" ON DELETE SET NULL ({column})"
        return super()._create_on_delete_sql(model, field)

    def _field_indexes_sql(self, model: Any, field: Any) -> list[Any]:
        if isinstance(field, TenantForeignKey) and self._field_should_be_indexed(model, field):
            organisation = model._meta.get_field("organisation")
            return [self._create_index_sql(model, fields=[organisation, field])]
        return super()._field_indexes_sql(model, field)

    def _constraint_names(self, model: Any, column_names: Any = None, **kwargs: Any) -> Any:
        found = super()._constraint_names(model, column_names, **kwargs)
        if column_names and self._is_paired(model, column_names):
            pair = ["organisation_id", *column_names]
            found += super()._constraint_names(model, pair, **kwargs)
        return found

    def _is_paired(self, model: Any, column_names: list[str]) -> bool:
        return any(
            isinstance(field, TenantForeignKey) and [field.column] == list(column_names)
            for field in model._meta.local_fields
        )


class DatabaseWrapper(base.DatabaseWrapper):
    SchemaEditorClass = DatabaseSchemaEditor
    features_class = DatabaseFeatures

    @property
    def queries_logged(self) -> bool:
        """Whether queries are kept, as tests ask for; DEBUG alone does not, or a worker on a laptop
        would hold every file that it reads."""
        return bool(self.force_debug_cursor)

    def close_if_health_check_failed(self) -> None:
        """Ask a kept connection how it is only when it has something to say, as a closed one has.

        An idle PostgreSQL says nothing, and asking each time would cost a round trip a request.
        """
        if self.health_check_enabled and self.connection is not None and not self._has_news():
            self.health_check_done = True
        super().close_if_health_check_failed()

    def _has_news(self) -> bool:
        if self.connection.closed:
            return True
        news = poll()
        news.register(self.connection.fileno(), POLLIN)
        return bool(news.poll(0))
