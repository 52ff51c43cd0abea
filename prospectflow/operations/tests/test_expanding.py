"""A release only adds to the database: the version before goes on serving while it is migrated."""

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader

from prospectflow.operations.expanding import FIRST_RELEASE, disturbances

INDEX = models.Index(fields=["name"], name="companies_name")


def found(*operations, contracts="", number=9000, app="crm"):
    migration = migrations.Migration(f"{number}_next", app)
    migration.operations, migration.contracts = list(operations), contracts
    return list(disturbances([migration]))


@pytest.mark.parametrize(
    "operation",
    [
        migrations.RemoveField("company", "name"),
        migrations.RenameField("company", "name", "title"),
        migrations.DeleteModel("company"),
        migrations.RenameModel("company", "firm"),
    ],
)
def test_what_the_version_before_uses_is_taken_away_a_release_later(operation):
    (sentence,) = found(operation)

    assert sentence.startswith("crm 9000_next: ")
    assert sentence.endswith("take it away a release later.")
    assert found(operation, contracts="Not used since 0.2.0.") == []


def test_a_column_that_the_version_before_cannot_fill_in_is_refused():
    (sentence,) = found(migrations.AddField("company", "size", models.IntegerField(default=0)))

    assert "db_default" in sentence


@pytest.mark.parametrize("filled", [{"null": True}, {"db_default": 0}])
def test_a_column_that_fills_itself_in_disturbs_nobody(filled):
    assert found(migrations.AddField("company", "size", models.IntegerField(**filled))) == []


def test_an_index_on_a_table_that_is_there_is_built_while_others_write():
    (sentence,) = found(migrations.AddIndex("company", INDEX))

    assert sentence.endswith("use AddIndexConcurrently.")
    assert found(AddIndexConcurrently("company", INDEX)) == []


def test_a_table_that_is_new_may_have_anything():
    new = migrations.CreateModel("Company", [("id", models.AutoField(primary_key=True))])
    more = migrations.AddField("company", "size", models.IntegerField())

    assert found(new, more, migrations.AddIndex("company", INDEX)) == []


def test_migrations_of_before_the_first_release_and_of_others_are_theirs():
    gone = migrations.RemoveField("company", "name")

    assert found(gone, number=f"{FIRST_RELEASE['crm']:04}") == []
    assert found(gone, app="procrastinate") == []


def test_no_migration_of_ours_disturbs_the_version_before():
    ours = MigrationLoader(None).disk_migrations.values()

    assert {each.app_label for each in ours} >= set(FIRST_RELEASE)
    assert list(disturbances(ours)) == []
