"""No process serves people with a role that could slip past the policies."""

import os
import subprocess
import sys

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from psycopg.conninfo import conninfo_to_dict

from prospectflow.environment import database_from
from prospectflow.operations import embedded
from prospectflow.tenancy.roles import UnsafeRole, powers, refuse_powerful_role

TABLE = "trial_tenant_table"
MADE_POWERFUL_BY = {
    "superuser": ("ALTER ROLE {role} SUPERUSER", "is a superuser"),
    "bypass": ("ALTER ROLE {role} BYPASSRLS", "has BYPASSRLS"),
    "member": (
        "GRANT prospectflow_owner TO {role}",
        "is a member of prospectflow_owner, which is a superuser or has BYPASSRLS",
    ),
    "silent_member": (
        "GRANT prospectflow_owner TO {role} WITH INHERIT FALSE, SET FALSE",
        "is a member of prospectflow_owner, which is a superuser or has BYPASSRLS",
    ),
    "owner": (f"ALTER TABLE {TABLE} OWNER TO {{role}}", f"owns the tenant table {TABLE}"),
}


@pytest.fixture
def superuser(owner_url):
    database = conninfo_to_dict(owner_url)["dbname"]
    url = embedded.database_url(settings.LOCAL_DIRECTORY, role="superuser", database=database)
    with psycopg.connect(url, autocommit=True) as opened:
        opened.execute(f"CREATE TABLE {TABLE} (organisation_id uuid)")
        opened.execute(f"ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY")
        yield opened
        opened.execute(f"DROP TABLE {TABLE}")


@pytest.fixture
def make_role(superuser):
    """Make a throwaway role that may serve, and give back its URL."""
    made = []

    def make_role(kind="harmless"):
        role = f"trial_{os.getpid()}_{kind}"
        made.append(role)
        superuser.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'trial' IN ROLE prospectflow_app")
        superuser.execute(f"ALTER ROLE {role} SET search_path = public, iam, crm")
        if kind in MADE_POWERFUL_BY:
            superuser.execute(MADE_POWERFUL_BY[kind][0].format(role=role))
        place = superuser.info
        return f"postgresql://{role}:trial@{place.host}:{place.port}/{place.dbname}", role

    yield make_role
    connection.close()
    for role in made:
        superuser.execute(f"ALTER TABLE {TABLE} OWNER TO postgres")
        superuser.execute(f"DROP ROLE {role}")


@pytest.fixture
def serve_as(db_unblocked):
    """Let the project's connection be that of another role, for the length of a test."""
    before = dict(connection.settings_dict)

    def serve_as(url):
        connection.close()
        wanted = database_from(url)
        connection.settings_dict.update({key: wanted[key] for key in ("USER", "PASSWORD")})

    yield serve_as
    connection.close()
    connection.settings_dict.update(before)


@pytest.fixture
def db_unblocked(django_db_setup, django_db_blocker):
    connection.close()
    with django_db_blocker.unblock():
        yield


@pytest.mark.parametrize("kind", MADE_POWERFUL_BY)
def test_a_role_that_could_slip_past_is_refused_and_named_with_its_power(make_role, serve_as, kind):
    url, role = make_role(kind)
    serve_as(url)

    with pytest.raises(UnsafeRole) as refusal:
        refuse_powerful_role()

    assert str(refusal.value) == (
        f'The database role "{role}" {MADE_POWERFUL_BY[kind][1]}: '
        "serve with prospectflow_app instead."
    )


def test_the_owner_is_refused(owner_url, serve_as):
    serve_as(owner_url)

    with pytest.raises(UnsafeRole, match='"prospectflow_owner" has BYPASSRLS'):
        refuse_powerful_role()


def test_a_role_without_such_powers_may_serve(make_role, serve_as):
    serve_as(make_role()[0])

    assert powers(connection) == []
    refuse_powerful_role()


def test_the_serving_role_may_serve(db):
    assert powers(connection) == []


@pytest.mark.parametrize(
    "program",
    [
        ["-c", "import prospectflow.wsgi"],
        ["manage.py", "runserver", "--noreload", "--skip-checks", "127.0.0.1:0"],
    ],
    ids=["wsgi", "runserver"],
)
def test_a_web_process_ends_at_once_with_the_sentence(make_role, program):
    url, role = make_role("bypass")

    ended = run(program, DATABASE_URL=url)

    assert ended.returncode != 0
    assert f'The database role "{role}" has BYPASSRLS' in ended.stderr


def test_the_same_process_starts_with_the_serving_role(owner_url):
    database = conninfo_to_dict(owner_url)["dbname"]
    url = embedded.database_url(settings.LOCAL_DIRECTORY, role="app", database=database)

    assert run(["-c", "import prospectflow.wsgi"], DATABASE_URL=url).returncode == 0


def run(program, **variables):
    given = {
        "DEBUG": "on",
        "SECRET_KEY": "a secret of this test",
        "TOKEN_KEYS": "bm90LWEtc2VjcmV0LWJ1dC1leGFjdGx5LTMyLWJ5dGU=",
        "CREDENTIAL_KEYS": "bm90LWEtc2VjcmV0LWJ1dC1leGFjdGx5LTMyLWJ5dGU=",
        "REDIS_URL": settings.REDIS_URL,
        "PUBLIC_URL": "https://prospectflow.example",
        "ALLOWED_HOSTS": "prospectflow.example",
    }
    return subprocess.run(
        [sys.executable, *program],
        cwd=settings.BASE_DIR,
        env=os.environ | given | variables,
        capture_output=True,
        text=True,
        timeout=60,
    )
