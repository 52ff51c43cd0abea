"""What PostgreSQL says, whatever the models claim."""

import pytest
from django.db import connection

from prospectflow.tenancy import SCHEMAS
from prospectflow.tenancy.checks import tenant_models

TABLES = sorted(model._meta.db_table for model in tenant_models())
# A sign-in, a token and a link in a mail begin before any organisation is known.
BEGIN_ELSEWHERE = {
    "organisation_users_user",
    "operator_entries_user",
    "service_accounts_client_id_key",
    "service_accounts_client_id_3e6a1147_like",
    "pixels_token_digest_everywhere",
    "messages_unsubscribe_digest_everywhere",
}
AUDITED = {
    "organisations", "organisation_users", "service_accounts", "operator_entries", "mailboxes",
    "campaigns", "campaign_mailboxes", "workflow_steps", "prompts", "step_experiments",
    "step_experiment_variants",
    "drafts", "suppressions", "webhook_endpoints",
}  # fmt: skip
pytestmark = pytest.mark.django_db

OURS = "relnamespace::regnamespace::text = ANY (%s)"
COLUMNS_OF_KEY = """
    SELECT array_agg(attname ORDER BY place)::text[] FROM unnest({key}) WITH ORDINALITY k (n, place)
    JOIN pg_attribute a ON a.attrelid = {table} AND a.attnum = k.n
"""


def column(query, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return {row[0] for row in cursor.fetchall()}


def test_every_table_with_an_organisation_is_a_tenants_and_the_other_way_round():
    found = column(
        "SELECT relname FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid"
        " WHERE attname = 'organisation_id' AND relkind IN ('r', 'p')"
    )
    assert found == set(TABLES)


def test_every_tenant_table_is_isolated_and_forced():
    isolated = column(
        "SELECT relname FROM pg_class c JOIN pg_policy p ON polrelid = c.oid"
        " WHERE relrowsecurity AND relforcerowsecurity"
        " AND polpermissive AND polcmd = '*' AND polroles = '{0}'"
    )
    assert isolated == set(TABLES)


def test_no_table_of_tenants_has_a_second_policy():
    counts = "SELECT relname, count(*) FROM pg_policy JOIN pg_class c ON c.oid = polrelid"
    second = column(f"{counts} GROUP BY relname HAVING count(*) > 1")

    assert second == {"organisations"}  # seen from everywhere, changed from inside


def test_the_key_of_every_tenant_table_is_the_pair():
    columns = COLUMNS_OF_KEY.format(key="conkey", table="conrelid")
    keys = column(
        f"SELECT conrelid::regclass || ' ' || ({columns})::text FROM pg_constraint"
        " WHERE contype = 'p' AND conrelid IN (SELECT oid FROM pg_class WHERE relname = ANY (%s))",
        TABLES,
    )
    assert keys == {f"{table} {{organisation_id,id}}" for table in TABLES}


def test_no_reference_between_tenant_tables_leaves_the_organisation():
    ours = COLUMNS_OF_KEY.format(key="conkey", table="conrelid")
    theirs = COLUMNS_OF_KEY.format(key="confkey", table="confrelid")
    references = (
        "SELECT conname FROM pg_constraint WHERE contype = 'f'"
        " AND conrelid IN (SELECT oid FROM pg_class WHERE relname = ANY (%s))"
        " AND confrelid IN (SELECT oid FROM pg_class WHERE relname = ANY (%s))"
    )
    paired = f" AND ({ours})[1] = 'organisation_id' AND ({theirs})[1] = 'organisation_id'"
    every = column(references, TABLES, TABLES)

    assert len(every) > 30
    assert every == column(references + paired, TABLES, TABLES)


def test_no_deletion_nulls_an_organisation():
    nulling = (
        "SELECT conname FROM pg_constraint WHERE contype = 'f' AND confdeltype IN ('n', 'd')"
        " AND conrelid <> 'procrastinate_jobs'::regclass"  # the queue's, of no organisation
    )
    one_column = (
        " AND cardinality(confdelsetcols) = 1 AND NOT EXISTS (SELECT FROM pg_attribute WHERE"
        " attrelid = conrelid AND attname = 'organisation_id' AND attnum = confdelsetcols[1])"
    )
    assert len(column(nulling)) > 10
    assert column(nulling) == column(nulling + one_column)


def test_every_index_of_a_tenant_table_begins_with_the_organisation():
    elsewhere = column(
        "SELECT i.relname FROM pg_index JOIN pg_class i ON i.oid = indexrelid"
        " JOIN pg_class t ON t.oid = indrelid"
        " LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = indkey[0]"
        " WHERE t.relname = ANY (%s) AND attname IS DISTINCT FROM 'organisation_id'",
        TABLES,
    )
    assert elsewhere == BEGIN_ELSEWHERE


def test_every_table_that_knows_when_it_changed_is_kept_by_a_trigger():
    knowing = column(
        "SELECT relname FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid"
        " WHERE attname = 'updated_at' AND relkind = 'r'"
    )
    touched = column(
        "SELECT tgrelid::regclass::text FROM pg_trigger"
        " WHERE tgfoid = 'set_updated_at'::regproc AND tgenabled = 'O'"
    )
    assert knowing == touched >= set(TABLES)


def test_the_serving_role_owns_nothing_and_cannot_slip_past():
    owned = "SELECT count(*) FROM {} WHERE {} = current_user::regrole"
    assert column(owned.format("pg_class", "relowner")) == {0}
    assert column(owned.format("pg_proc", "proowner")) == {0}
    assert column(owned.format("pg_namespace", "nspowner")) == {0}
    powers = (
        "SELECT rolsuper OR rolbypassrls OR rolcreaterole FROM pg_roles WHERE oid = %s::regrole"
    )
    assert column(powers, "prospectflow_app") == {False}


def test_a_function_with_its_owners_rights_has_a_fixed_path_and_is_nobodys_by_default():
    definers = (
        "SELECT proname FROM pg_proc WHERE prosecdef"
        " AND pronamespace::regnamespace::text = ANY (%s)"
    )
    places = [*SCHEMAS, "public"]
    safe = (
        " AND 'search_path=pg_catalog, pg_temp' = ANY (proconfig)"
        " AND NOT EXISTS (SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner)))"
        " WHERE grantee = 0)"
    )
    assert len(column(definers, places)) >= 4
    assert column(definers, places) == column(definers + safe, places)


def test_a_function_of_a_trigger_has_a_fixed_path_that_no_temporary_table_stands_in():
    triggers = (
        "SELECT proname FROM pg_proc WHERE prorettype = 'trigger'::regtype"
        " AND pronamespace::regnamespace::text = ANY (%s)"
    )
    safe = (
        " AND EXISTS (SELECT FROM unnest(proconfig) AS setting"
        " WHERE setting ~ '^search_path=pg_catalog, .*pg_temp$')"
    )
    places = [*SCHEMAS, "public"]
    assert len(column(triggers, places)) >= 4
    assert column(triggers, places) == column(triggers + safe, places)


def test_the_serving_role_only_adds_to_the_audit_trail():
    rights = "SELECT has_table_privilege('audit_events', %s)"
    granted = {right: column(rights, right).pop() for right in ("INSERT", "UPDATE", "DELETE")}

    assert granted == {"INSERT": True, "UPDATE": False, "DELETE": False}


def test_what_must_be_told_is_written_to_the_trail_by_a_trigger():
    told = column(
        "SELECT tgrelid::regclass::text FROM pg_trigger"
        " WHERE tgfoid = 'iam.write_audit_event'::regproc AND tgenabled = 'O'"
    )
    assert told == AUDITED
