"""Each trap that the tenancy room once fell into, so that nobody falls into it again."""

from uuid import uuid4

import psycopg
import pytest
from django.apps import apps
from django.contrib.admin import AdminSite, ModelAdmin
from django.core.management import call_command
from django.db import connection, connections, migrations, models, transaction
from django.db.migrations.state import ProjectState
from django.db.models import Count

from outreach.models import Campaign, Prompt
from prospectflow.environment import database_from
from prospectflow.tenancy.checks import tenant_models
from prospectflow.tenancy.constraints import TenantIsolation
from prospectflow.tenancy.context import tenant
from prospectflow.tenancy.fields import OrganisationField, TenantForeignKey
from prospectflow.testing.factories import make_campaign, make_enrollment
from prospectflow.testing.rows import make_row, make_variant

PATH = "public, iam, crm, outreach, tracking, extensions"


# 1 Django's key is `id`, the table's is the pair ----------------------------------------------


def test_the_admin_accepts_every_model():
    site = AdminSite()
    for model in apps.get_models():
        site.register(model, ModelAdmin)

    assert all(model._meta.pk.name == "id" for model in tenant_models())


# 2 Schemas by the role's search_path ----------------------------------------------------------


def test_the_search_path_comes_from_the_role_and_not_from_the_connection(db):
    assert "options" not in connection.settings_dict["OPTIONS"]
    assert ask("SHOW search_path") == PATH
    assert ask("SELECT source FROM pg_settings WHERE name = 'search_path'") == "user"


def test_table_names_are_plain_and_each_is_found_in_the_schema_of_its_app(db):
    for model in tenant_models():
        table = model._meta.db_table
        assert '"' not in table
        schema = "SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = %s::regclass"
        assert ask(schema, table) == model._meta.app_label


# 3, 7, 8 What migrations write ----------------------------------------------------------------


@pytest.fixture
def owner(db, owner_url):
    """A connection of the owner's, whose every change is undone."""
    copy = connection.copy(alias="owner")
    copy.settings_dict = connection.settings_dict | database_from(owner_url)
    copy.settings_dict["ENGINE"] = connection.settings_dict["ENGINE"]
    connections["owner"] = copy
    with transaction.atomic(using="owner"):
        yield copy
        transaction.set_rollback(True, using="owner")
    copy.close()
    del connections["owner"]


@pytest.fixture
def migrate(owner):
    """Run migration operations as the owner would, one after the other."""
    state = ProjectState.from_apps(apps)

    def migrate(*operations):
        nonlocal state
        for operation in operations:
            before, state = state, state.clone()
            operation.state_forwards("outreach", state)
            with owner.schema_editor(atomic=False) as editor:
                operation.database_forwards("outreach", editor, before, state)
        return state.apps

    migrate(table("Parent"), table("Child"))
    return migrate


def table(name):
    return migrations.CreateModel(
        name=name,
        fields=[
            ("id", models.UUIDField(primary_key=True)),
            ("organisation", OrganisationField()),
        ],
        options={"constraints": [TenantIsolation(name=f"{name}_isolation")]},
    )


def parent(on_delete, **options):
    return TenantForeignKey("outreach.Parent", on_delete, **options)


def reference_of_child(owner):
    with owner.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = 'outreach_child'::regclass AND contype = 'f' AND %s = ANY (conkey)",
            [3],
        )
        [(definition,)] = cursor.fetchall()
        return definition


def test_a_reference_over_a_row_without_parent_is_refused_although_rows_are_hidden(owner_url):
    isolation = TenantIsolation.create.replace("%(table)s", "{table}")
    with psycopg.connect(owner_url) as owner:
        for table in ("trap_parent", "trap_child"):
            owner.execute(f"CREATE TABLE {table} (organisation_id uuid, id uuid, parent_id uuid)")
            owner.execute(f"ALTER TABLE {table} ADD PRIMARY KEY (organisation_id, id)")
            owner.execute(isolation.format(table=table))
        owner.execute("INSERT INTO trap_child VALUES (uuidv7(), uuidv7(), uuidv7())")
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            owner.execute(
                "ALTER TABLE trap_child ADD FOREIGN KEY (organisation_id, parent_id)"
                " REFERENCES trap_parent (organisation_id, id)"
            )
        owner.rollback()


def test_a_created_reference_is_paired(owner, migrate):
    migrate(migrations.AddField("Child", "parent", parent(models.DB_CASCADE)))

    assert reference_of_child(owner) == (
        "FOREIGN KEY (organisation_id, parent_id) REFERENCES outreach_parent(organisation_id, id)"
        " ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED"
    )


def test_a_reference_added_later_gets_an_index_that_begins_with_the_organisation(owner, migrate):
    migrate(migrations.AddField("Child", "parent", parent(models.DB_CASCADE)))

    with owner.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'outreach_child'")
        definitions = [definition for (definition,) in cursor.fetchall()]
    assert any(d.endswith("(organisation_id, parent_id)") for d in definitions)


def test_a_changed_rule_of_deletion_really_changes(owner, migrate):
    migrate(
        migrations.AddField("Child", "parent", parent(models.DB_CASCADE, null=True)),
        migrations.AlterField("Child", "parent", parent(models.DB_SET_NULL, null=True)),
    )

    assert "ON DELETE SET NULL (parent_id)" in reference_of_child(owner)


def test_a_removed_reference_is_gone_and_leaves_the_key(owner, migrate):
    migrate(
        migrations.AddField("Child", "parent", parent(models.DB_CASCADE, null=True)),
        migrations.RemoveField("Child", "parent"),
    )

    with owner.cursor() as cursor:
        constraints = connections["owner"].introspection.get_constraints(cursor, "outreach_child")
    assert [c["columns"] for c in constraints.values() if c["primary_key"]] == [
        ["organisation_id", "id"]
    ]
    assert not any("parent_id" in c["columns"] for c in constraints.values())


# 4 SET NULL keeps the organisation ------------------------------------------------------------


def test_a_deleted_parent_leaves_the_childs_organisation(inside):
    variant = make_variant(prompt=make_row(Prompt))
    variant.prompt.delete()
    ask_nothing("SET CONSTRAINTS ALL IMMEDIATE")

    variant.refresh_from_db()
    assert (variant.prompt_id, variant.organisation_id) == (None, inside.pk)


# 5 Grouping -----------------------------------------------------------------------------------


def test_counting_children_groups_by_every_column(inside):
    two, none = make_campaign(), make_campaign()
    for _ in range(2):
        make_enrollment(campaign=two)

    counts = dict(Campaign.objects.annotate(n=Count("enrollments")).values_list("pk", "n"))

    assert counts == {two.pk: 2, none.pk: 0}
    assert {c.name: c.n for c in Campaign.objects.annotate(n=Count("enrollments"))} == {
        two.name: 2,
        none.name: 0,
    }


# 6 Upserts ------------------------------------------------------------------------------------


def test_an_upsert_names_the_organisation_with_the_id(inside):
    campaign = make_campaign(name="Before")
    campaign.name = "After"

    Campaign.objects.bulk_create(
        [campaign],
        update_conflicts=True,
        unique_fields=["organisation", "id"],
        update_fields=["name"],
    )

    assert list(Campaign.objects.values_list("name", flat=True)) == ["After"]


# 10 Rights ------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["auth_group", "django_content_type", "users", "companies"])
def test_rights_reach_also_the_tables_that_django_makes(db, table):
    rights = "SELECT has_table_privilege(%s, 'SELECT') AND has_table_privilege(%s, 'INSERT')"
    assert ask(rights, table, table)


def test_a_table_made_tomorrow_will_be_served_too(owner, migrate):
    with owner.cursor() as cursor:
        cursor.execute("SELECT has_table_privilege('prospectflow_app', 'outreach_child', 'UPDATE')")
        assert cursor.fetchone() == (True,)


# 11 A scope ends with its transaction ---------------------------------------------------------


def test_the_setting_does_not_outlive_its_transaction(committed):
    with tenant(uuid4()):
        assert ask("SELECT current_setting('app.organisation_id')") != ""

    assert ask("SELECT current_setting('app.organisation_id', true)") in ("", None)


def test_an_inner_savepoint_that_is_undone_leaves_the_scope_as_it_was(inside):
    with transaction.atomic():
        transaction.set_rollback(True)

    assert ask("SELECT iam.current_organisation_id()") == inside.pk


# 12 Tests prove something ---------------------------------------------------------------------


def test_tests_run_as_the_role_that_serves(db):
    assert ask("SELECT session_user") == ask("SELECT current_user") == "prospectflow_app"


# 13 One kind of deletion along a chain --------------------------------------------------------


def test_the_system_checks_find_nothing(db):
    call_command("check", fail_level="WARNING")


# ----------------------------------------------------------------------------------------------


def ask(question, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(question, parameters)
        return cursor.fetchone()[0]


def ask_nothing(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
