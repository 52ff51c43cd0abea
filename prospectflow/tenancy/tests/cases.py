"""What an operation works on, and how a test says what it reached."""

from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, connection, models, transaction

from prospectflow.tenancy.fields import TenantForeignKey

APPEND_ONLY = {"audit_events"}  # of which the serving role may change nothing, its own included


class Case(NamedTuple):
    """What an operation works on: a table, our rows in it, and a row of the stranger's."""

    model: Any
    ours: list[Any]
    other_organisation: UUID
    theirs: Any

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    @property
    def rows(self) -> Any:
        return self.model._default_manager.all()


class rolled_back:  # noqa: N801  (reads as a statement)
    """Undo what stands within, and let scopes be opened in it, which an atomic block would not."""

    def __enter__(self):
        self.savepoint = transaction.savepoint_create()

    def __exit__(self, *error):
        transaction.savepoint_rollback(self.savepoint)


def sql(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, list(parameters))
        return cursor.fetchall() if cursor.description is not None else []


@transaction.atomic
def together(*statements: tuple[Any, ...]) -> None:
    for statement, *parameters in statements:
        sql(statement, *parameters)


def changed(statement: str, *parameters: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, list(parameters))
        return cursor.rowcount


def current_organisation() -> UUID:
    return sql("SELECT iam.current_organisation_id()")[0][0]


def own(case: Case) -> list[UUID]:
    """Our rows that are still there."""
    return list(case.rows.filter(pk__in=[row.pk for row in case.ours]).values_list("pk", flat=True))


def references(case: Case) -> list[Any]:
    return [f for f in case.model._meta.local_fields if isinstance(f, TenantForeignKey)]


def content(model: type[models.Model]) -> list[tuple[Any, ...]]:
    return sql(f"SELECT t::text FROM {model._meta.db_table} t ORDER BY 1")


def copy_of(case: Case, **fields: Any) -> Any:
    """The stranger's row again, under a name of its own."""
    values = {f.attname: getattr(case.theirs, f.attname) for f in case.model._meta.local_fields}
    return case.model(**(values | {"id": uuid4()} | fields))


def touched(case: Case, statement: Any) -> int:
    """How many rows a statement changed; a table that only grows refuses it altogether."""
    if case.table in APPEND_ONLY:
        assert_refused(statement)
        return 0
    with transaction.atomic():
        return statement()


def assert_refused(statement: Any) -> None:
    with pytest.raises(DatabaseError) as refusal, transaction.atomic():
        statement()
    assert refusal.value.__cause__.sqlstate == "42501"


def assert_refused_by_name(setting: str, statement: str, table: str) -> None:
    with pytest.raises(DatabaseError, match="app.organisation_id is not set") as refusal:
        together((setting,), (statement.format(table=table),))
    assert refusal.value.__cause__.sqlstate == "42501"
