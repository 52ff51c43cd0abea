"""Two organisations, every table, every operation: nothing of the other is reached."""

from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import Count, Exists, Max, OuterRef
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prospectflow.tenancy.checks import tenant_models
from prospectflow.tenancy.context import tenant
from prospectflow.tenancy.fields import TenantForeignKey
from prospectflow.tenancy.tests.cases import (
    APPEND_ONLY,
    Case,
    assert_refused,
    assert_refused_by_name,
    changed,
    content,
    copy_of,
    current_organisation,
    own,
    references,
    rolled_back,
    sql,
    together,
    touched,
)
from prospectflow.testing.rows import make_row

pytestmark = pytest.mark.usefixtures("pooled")

TENANT_MODELS = tenant_models()
NOW = "2026-11-24T12:00:00Z"


# Reading, through the ORM ---------------------------------------------------------------------


def get(case):
    with pytest.raises(case.model.DoesNotExist):
        case.model._default_manager.get(pk=case.theirs.pk)


def filter_(case):
    assert list(case.rows.filter(pk=case.theirs.pk)) == []
    assert list(case.rows.filter(organisation=case.other_organisation)) == []


def list_all(case):
    assert {row.organisation_id for row in case.rows} <= {current_organisation()}
    assert case.theirs.pk not in case.rows.in_bulk()


def exists(case):
    assert not case.rows.filter(pk=case.theirs.pk).exists()
    assert case.rows.exists() == bool(own(case))


def count(case):
    assert case.rows.count() == len(own(case))


def aggregate(case):
    found = case.rows.aggregate(rows=Count("pk"), newest=Max("created_at"))
    assert found["rows"] == len(own(case))
    assert (found["newest"] is None) == (not own(case))


def select_related(case):
    parents = [f.name for f in case.model._meta.local_fields if isinstance(f, TenantForeignKey)]
    for row in case.rows.select_related("organisation", *parents):
        joined = [getattr(row, name) for name in parents]
        assert {parent.organisation_id for parent in joined if parent} <= {current_organisation()}


def look_up_through_a_parent(case):
    for field in references(case):
        theirs = getattr(case.theirs, field.attname)
        assert not case.rows.filter(**{f"{field.name}__pk": theirs or uuid4()}).exists()


def subquery(case):
    inner = case.model._default_manager.filter(pk=case.theirs.pk)
    assert not case.rows.filter(Exists(inner)).exists()
    assert not case.rows.filter(Exists(inner.filter(pk=OuterRef("pk")))).exists()


def lock(case):
    if case.table not in APPEND_ONLY:
        assert list(case.rows.select_for_update().filter(pk=case.theirs.pk)) == []


# Writing, through the ORM ---------------------------------------------------------------------


def update(case):
    assert touched(case, lambda: case.rows.filter(pk=case.theirs.pk).update(created_at=NOW)) == 0
    assert touched(case, lambda: case.rows.update(created_at=NOW)) <= len(own(case))


def bulk_update(case):
    write = case.model._default_manager.bulk_update
    assert touched(case, lambda: write([case.theirs], ["created_at"])) == 0


def delete(case):
    assert touched(case, lambda: case.rows.filter(pk=case.theirs.pk)._raw_delete("default")) == 0


def delete_everything(case):
    assert touched(case, lambda: case.rows._raw_delete("default")) <= len(case.ours)


def bulk_create_for_the_other(case):
    copies = [copy_of(case, organisation_id=case.other_organisation) for _ in range(2)]
    assert_refused(lambda: case.model._default_manager.bulk_create(copies))


def upsert_over_the_others_row(case):
    copy = copy_of(case, pk=case.theirs.pk, organisation_id=case.other_organisation)
    manager = case.model._default_manager
    assert_refused(
        lambda: manager.bulk_create(
            [copy],
            update_conflicts=True,
            unique_fields=["organisation", "id"],
            update_fields=["created_at"],
        )
    )


def save_the_others_row(case):
    with pytest.raises(DatabaseError), transaction.atomic():
        case.theirs.save(force_update=True)


def save_under_the_others_id(case):
    assert_refused(
        lambda: copy_of(case, pk=case.theirs.pk, organisation_id=case.other_organisation).save(
            force_insert=True
        )
    )


def give_away(case):
    if own(case):
        rows = case.rows.filter(pk=own(case)[0])
        assert_refused(lambda: rows.update(organisation_id=case.other_organisation))


def link_to_the_others_row(case):
    for field in references(case):
        theirs = getattr(case.theirs, field.attname)
        for ours in own(case)[:1] if theirs else []:
            link = f"UPDATE {case.table} SET {field.column} = %s WHERE id = %s"
            with pytest.raises(IntegrityError) as refusal:
                together((link, theirs, ours), ("SET CONSTRAINTS ALL IMMEDIATE",))
            # A sent message keeps its draft whosever the other one is: a trigger says so first.
            settled = (case.table, field.name) == ("messages", "draft")
            assert refusal.value.__cause__.sqlstate == ("23514" if settled else "23503")


# Raw SQL --------------------------------------------------------------------------------------


def raw_select(case):
    assert sql(f"SELECT id FROM {case.table} WHERE id = %s", case.theirs.pk) == []
    assert (
        sql(f"SELECT id FROM {case.table} WHERE organisation_id = %s", case.other_organisation)
        == []
    )


def raw_count(case):
    [(rows, organisations)] = sql(
        f"SELECT count(*), count(DISTINCT organisation_id) FROM {case.table}"
    )
    assert (rows, organisations) == (len(own(case)), min(1, len(own(case))))


def raw_join(case):
    joined = f"SELECT FROM {case.table} a FULL JOIN {case.table} b ON a.id = b.id WHERE b.id = %s"
    assert sql(joined, case.theirs.pk) == []


def raw_update(case):
    statement = f"UPDATE {case.table} SET created_at = now() WHERE id = %s"
    assert touched(case, lambda: changed(statement, case.theirs.pk)) == 0


def raw_delete(case):
    statement = f"DELETE FROM {case.table} WHERE id = %s"
    assert touched(case, lambda: changed(statement, case.theirs.pk)) == 0


def raw_insert(case):
    statement = f"INSERT INTO {case.table} (organisation_id) VALUES (%s)"
    assert_refused(lambda: sql(statement, case.other_organisation))


def raw_merge(case):
    merge = (
        f"MERGE INTO {case.table} t USING (SELECT %s::uuid AS id) s ON t.id = s.id"
        " WHEN MATCHED THEN UPDATE SET created_at = now()"
    )
    assert touched(case, lambda: changed(merge, case.theirs.pk)) == 0


def raw_truncate(case):
    assert_refused(lambda: sql(f"TRUNCATE {case.table} CASCADE"))


OPERATIONS = [
    get, filter_, list_all, exists, count, aggregate, select_related, look_up_through_a_parent,
    subquery, lock, update, bulk_update, delete, delete_everything, bulk_create_for_the_other,
    upsert_over_the_others_row, save_the_others_row, save_under_the_others_id, give_away,
    link_to_the_others_row, raw_select, raw_count, raw_join, raw_update, raw_delete, raw_insert,
    raw_merge, raw_truncate,
]  # fmt: skip


# The property ---------------------------------------------------------------------------------


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model._meta.db_table)
@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(operations=st.permutations(OPERATIONS), rows=st.integers(min_value=0, max_value=2))
def test_no_operation_in_any_order_reaches_the_other_organisations_rows(
    model, operations, rows, organisation, other_organisation
):
    with rolled_back():
        with tenant(other_organisation.pk):
            theirs = make_row(model)
            before = content(model)
        with tenant(organisation.pk):
            founders = list(model._default_manager.all())
            ours = founders + [make_row(model) for _ in range(rows)]
            case = Case(model, ours, other_organisation.pk, theirs)
            for operation in operations:
                operation(case)
        with tenant(other_organisation.pk):
            assert content(model) == before


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model._meta.db_table)
def test_every_table_has_a_row_to_try(inside, model):
    row = make_row(model)
    sql("SET CONSTRAINTS ALL IMMEDIATE")

    assert row.organisation_id == inside.pk
    assert model._default_manager.filter(pk=row.pk).exists()


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model._meta.db_table)
def test_the_other_organisation_may_use_the_same_id(organisation, other_organisation, model):
    with tenant(other_organisation.pk):
        theirs = make_row(model)
    with tenant(organisation.pk):
        ours = make_row(model)
        if model._meta.db_table not in APPEND_ONLY:
            changed(f"UPDATE {model._meta.db_table} SET id = %s WHERE id = %s", theirs.pk, ours.pk)
            assert model._default_manager.get(pk=theirs.pk).organisation_id == organisation.pk


# Outside of a scope ---------------------------------------------------------------------------

STATEMENTS = {
    "SELECT": "SELECT FROM {table}",
    "INSERT": "INSERT INTO {table} (organisation_id) VALUES (uuidv7())",
    "INSERT of defaults": "INSERT INTO {table} DEFAULT VALUES",
    "UPDATE": "UPDATE {table} SET id = id",
    "DELETE": "DELETE FROM {table}",
}
SETTINGS = {
    "unset": "RESET app.organisation_id",
    "empty": "SET LOCAL app.organisation_id = ''",
    "blank": "SET LOCAL app.organisation_id = '   '",
    "no UUID": "SET LOCAL app.organisation_id = 'acme'",
}
TOUCHES = [
    pytest.param(model._meta.db_table, statement, id=f"{kind} {model._meta.db_table}")
    for model in TENANT_MODELS
    for kind, statement in STATEMENTS.items()
]


@pytest.fixture
def never_served(django_db_setup, django_db_blocker):
    """A connection that names no organisation, in a session that may have served one before."""
    connection.close()
    with django_db_blocker.unblock():
        yield
        connection.close()


@pytest.mark.parametrize(("table", "statement"), TOUCHES)
def test_on_an_empty_table_without_an_organisation_each_statement_is_refused(
    never_served, table, statement
):
    for state in ("unset", "empty", "blank"):
        assert_refused_by_name(SETTINGS[state], statement, table)


@pytest.mark.parametrize(("table", "statement"), TOUCHES)
def test_an_organisation_that_is_no_uuid_is_an_error(never_served, table, statement):
    with pytest.raises(DatabaseError) as refusal:
        together((SETTINGS["no UUID"],), (statement.format(table=table),))
    assert refusal.value.__cause__.sqlstate == "22P02"


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model._meta.db_table)
def test_on_a_table_with_rows_too(organisation, model):
    with tenant(organisation.pk):
        make_row(model)
    for statement in STATEMENTS.values():
        assert_refused_by_name(SETTINGS["empty"], statement, model._meta.db_table)
