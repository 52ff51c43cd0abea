"""Each suite is seen to fail when what it watches is broken, and only the whole is ok."""

import json
from io import StringIO

import psycopg
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from iam.models import Organisation
from prospectflow.environment import database_from
from prospectflow.operations import embedded
from prospectflow.operations.tests.breakages import BREAKAGES, COMPANY_OF_POSITION, DATABASE
from prospectflow.operations.validation import SUITES, problems_of
from prospectflow.tenancy.checks import tenant_models
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_organisation, make_user
from prospectflow.testing.rows import make_row

PATH = "public, iam, crm, outreach, tracking, extensions"


def url(role):
    return embedded.database_url(settings.LOCAL_DIRECTORY, role=role, database=DATABASE)


def connect_as(role):
    connection.close()
    wanted = database_from(url(role))
    for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT"):
        connection.settings_dict[name] = wanted[name]


@pytest.fixture(scope="module")
def scratch(django_db_setup, django_db_blocker):
    """A database of this module's own, to be broken; the connection is the serving role's."""
    before = dict(connection.settings_dict)
    embedded.create_database(settings.LOCAL_DIRECTORY, DATABASE)
    with django_db_blocker.unblock():
        connect_as("owner")
        call_command("migrate", verbosity=0)
        connect_as("app")
        yield
    connection.close()
    connection.settings_dict.update(before)
    embedded.drop_database(settings.LOCAL_DIRECTORY, DATABASE)


@pytest.fixture
def superuser(scratch):
    connection.close()  # so that settings of the role and the database are read afresh
    with psycopg.connect(url("superuser"), autocommit=True) as opened:
        opened.execute(f"SET search_path = {PATH}")
        yield opened


def run(*arguments):
    """What the command prints, and its exit code."""
    out = StringIO()
    try:
        call_command("validate_database", *arguments, stdout=out)
    except CommandError as error:
        return out.getvalue(), error.returncode
    return out.getvalue(), 0


# As it should be ------------------------------------------------------------------------------


def test_a_migrated_database_is_twelve_times_ok(scratch):
    written, code = run()

    assert [line.split(maxsplit=2)[0] for line in written.splitlines()] == ["ok"] * 12, written
    assert code == 0


def test_json_is_one_document_with_the_twelve(scratch):
    written, code = run("--format", "json")
    document = json.loads(written)

    assert document["ok"]
    assert [suite["suite"] for suite in document["suites"]] == [suite.name for suite in SUITES]
    assert code == 0


def test_a_database_in_use_is_ok_too_and_nothing_in_it_changes(superuser):
    organisation = make_organisation()
    with tenant(organisation.pk):
        for model in tenant_models():
            make_row(model)
    before = content(superuser)
    try:
        assert run()[1] == 0
        assert content(superuser) == before
    finally:
        superuser.execute("TRUNCATE organisations, users, django_admin_log CASCADE")


def content(superuser):
    tables = [Organisation._meta.db_table, "users", *(m._meta.db_table for m in tenant_models())]
    return {
        table: superuser.execute(f"SELECT array_agg(t::text ORDER BY 1) FROM {table} t").fetchone()
        for table in tables
    }


# Broken ---------------------------------------------------------------------------------------


@pytest.fixture
def broken(superuser, request):
    """The scratch database with one thing broken, which is mended afterwards."""
    suite, breaking, mending, said = request.param
    superuser.execute(breaking)
    try:
        yield suite, said
    finally:
        connection.close()
        superuser.execute(mending)
        assert found_by(suite) == ""


def found_by(name):
    """What one suite finds, each problem a line."""
    [suite] = [suite for suite in SUITES if suite.name == name]
    return "".join(f"{problem}\n" for problem in problems_of(suite))


@pytest.mark.parametrize(
    "broken", BREAKAGES, indirect=True, ids=[f"{suite}: {said}" for suite, *_, said in BREAKAGES]
)
@pytest.mark.usefixtures("breaking_isolation")
def test_what_is_broken_is_found_by_its_suite_and_named(broken):
    suite, said = broken

    assert said in found_by(suite)


def test_every_suite_has_been_seen_to_fail():
    assert {suite for suite, *_ in BREAKAGES} == {suite.name for suite in SUITES}


def test_a_single_reference_in_place_of_a_paired_one_is_found(superuser):
    [(name,)] = superuser.execute(COMPANY_OF_POSITION).fetchall()
    superuser.execute("ALTER TABLE companies ADD CONSTRAINT companies_id UNIQUE (id)")
    definition = f"SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = '{name}'"
    paired = superuser.execute(definition).fetchone()[0]
    superuser.execute(f'ALTER TABLE positions DROP CONSTRAINT "{name}"')
    superuser.execute(
        f'ALTER TABLE positions ADD CONSTRAINT "{name}" FOREIGN KEY (company_id)'
        " REFERENCES companies (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED"
    )
    try:
        assert "of no model: crm.positions (company_id)" in found_by("composite foreign keys")
        assert "crm.positions.company_id accepts a row of another" in found_by("isolation")
        assert "the index companies_id begins with id" in found_by("organisation-first indexes")
    finally:
        superuser.execute(f'ALTER TABLE positions DROP CONSTRAINT "{name}"')
        superuser.execute(f'ALTER TABLE positions ADD CONSTRAINT "{name}" {paired}')
        superuser.execute("ALTER TABLE companies DROP CONSTRAINT companies_id")


def test_rows_that_a_stranger_sees_are_found_in_every_table(superuser):
    organisation = make_organisation()
    with tenant(organisation.pk):
        make_row(next(model for model in tenant_models() if model.__name__ == "Suppression"))
    superuser.execute("ALTER TABLE suppressions DISABLE ROW LEVEL SECURITY")
    try:
        seen = "outreach.suppressions: an organisation sees rows of others"
        assert seen in found_by("isolation")
    finally:
        superuser.execute("ALTER TABLE suppressions ENABLE ROW LEVEL SECURITY")
        superuser.execute("TRUNCATE organisations, users, django_admin_log CASCADE")


def test_a_powerful_role_is_found(scratch):
    connect_as("owner")
    try:
        assert '"prospectflow_owner" has BYPASSRLS' in found_by("roles and grants")
        assert "is seen" in found_by("isolation")
        assert "accepted with the setting" in found_by("missing setting")
    finally:
        connect_as("app")


# How it is said -------------------------------------------------------------------------------


def test_a_failure_is_a_line_beneath_its_suite_and_the_exit_code_is_1(superuser):
    superuser.execute("CREATE INDEX stray ON companies (name)")
    try:
        written, code = run()
        document = json.loads(run("--format", "json")[0])
    finally:
        superuser.execute("DROP INDEX stray")

    lines = written.splitlines()
    place = lines.index("FAILED   4 organisation-first indexes")
    assert lines[place + 1].strip() == "crm.companies: the index stray begins with name"
    assert code == 1
    assert not document["ok"]
    assert [suite["suite"] for suite in document["suites"] if not suite["ok"]] == [
        "organisation-first indexes"
    ]


def test_a_suite_that_cannot_finish_has_failed_and_the_others_go_on(superuser):
    superuser.execute("ALTER SCHEMA iam RENAME TO whoever")
    try:
        written, code = run()
    finally:
        superuser.execute("ALTER SCHEMA whoever RENAME TO iam")

    assert "the suite could not finish" in written
    assert "schema iam is missing" in written
    assert len([line for line in written.splitlines() if line[0] != " "]) == 12
    assert code == 1


def test_a_server_that_does_not_answer_fails_every_suite_without_a_traceback(scratch):
    connection.close()
    port = connection.settings_dict["PORT"]
    connection.settings_dict["PORT"] = 1
    try:
        written, code = run()
    finally:
        connection.close()
        connection.settings_dict["PORT"] = port

    assert written.count("FAILED") == 12
    assert code == 1


def test_trying_leaves_nobody_behind(superuser):
    make_user()
    try:
        run()
        assert superuser.execute("SELECT count(*) FROM users").fetchone() == (1,)
    finally:
        superuser.execute("TRUNCATE users, django_admin_log CASCADE")
