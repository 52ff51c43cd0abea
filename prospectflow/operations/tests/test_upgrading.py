"""An installation from before programs and visits is migrated forward with what it knows."""

import pytest
from django.core.management import call_command
from django.db import connection

from prospectflow.operations.scratch import scratch_database

BEFORE = """
WITH o AS (INSERT INTO iam.organisations (name, slug) VALUES ('Acme', 'acme') RETURNING id),
u AS (INSERT INTO iam.users (email, password, is_superuser)
      VALUES ('ada@acme.example', '', false), ('ines@acme.example', '', false)
      RETURNING id, email),
m AS (INSERT INTO iam.organisation_users (organisation_id, user_id, role, status)
      SELECT o.id, u.id, CASE WHEN email LIKE 'ada%%' THEN 'owner' ELSE 'viewer' END,
             CASE WHEN email LIKE 'ada%%' THEN 'active' ELSE 'invited' END FROM o, u)
INSERT INTO iam.audit_entries (organisation_id, at, action, description)
SELECT id, now(), 'entered', 'Acme' FROM o
"""


@pytest.fixture
def installed_before(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), scratch_database():
        for app, migration in (("iam", "0002"), ("outreach", "0001")):
            call_command("migrate", app, migration, verbosity=0)
        with connection.cursor() as cursor:
            cursor.execute(BEFORE, [])
        yield


def test_invitations_and_the_trail_are_kept(installed_before):
    call_command("migrate", verbosity=0)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT invited_address, expires_at > now() FROM iam.organisation_users"
            " WHERE status = 'invited'"
        )
        assert cursor.fetchall() == [("ines@acme.example", True)]
        cursor.execute("SELECT action, description, changes::text FROM iam.audit_events")
        assert cursor.fetchall() == [("entered", "Acme", "{}")]
