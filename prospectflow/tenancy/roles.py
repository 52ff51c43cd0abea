"""What a database role must not be able to do while it serves people."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management import BaseCommand
from django.db import connection, connections

POWERS = """
WITH RECURSIVE me AS (
    SELECT oid, rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user
), reachable AS (
    SELECT oid FROM me
    UNION SELECT m.roleid FROM pg_auth_members m JOIN reachable r ON m.member = r.oid
)
SELECT format('is a superuser') FROM me WHERE rolsuper
UNION ALL SELECT 'has BYPASSRLS' FROM me WHERE rolbypassrls
UNION ALL
SELECT format('is a member of %I, which is a superuser or has BYPASSRLS', rolname)
    FROM pg_roles WHERE oid IN (SELECT oid FROM reachable EXCEPT SELECT oid FROM me)
    AND (rolsuper OR rolbypassrls)
UNION ALL
SELECT format('owns the tenant table %s', c.oid::regclass)
    FROM pg_class c WHERE c.relrowsecurity AND c.relkind IN ('r', 'p')
    AND c.relowner IN (SELECT oid FROM reachable)
"""

# A replica has the roles of its primary, so what was found of one role holds on both.
ANOTHER_ROLE = "REPLICA_DATABASE_URL names another role than DATABASE_URL: give both the same."


class UnsafeRole(ImproperlyConfigured):
    """The database role that serves people could slip past row-level security."""


def powers(database: Any) -> list[str]:
    """A sentence for each way in which the connected role could slip past the policies."""
    with database.cursor() as cursor:
        cursor.execute("SELECT current_user")
        role = cursor.fetchone()[0]
        cursor.execute(POWERS)
        return [
            f'The database role "{role}" {power}: serve with prospectflow_app instead.'
            for (power,) in cursor.fetchall()
        ]


def refuse_powerful_role() -> None:
    """Stop a serving process whose role could see another organisation's rows.

    Raises UnsafeRole, naming the role and its first power.
    """
    found = powers(connection)
    connection.close()
    if found:
        raise UnsafeRole(found[0])
    if any(
        each["USER"] != connection.settings_dict["USER"] for each in connections.settings.values()
    ):
        raise UnsafeRole("REPLICA_DATABASE_URL names another role than DATABASE_URL: use the same.")


class ServingCommand(BaseCommand):
    """A command that works on tenants' rows: it starts only with the serving role."""

    def execute(self, *args: Any, **options: Any) -> Any:
        refuse_powerful_role()
        return super().execute(*args, **options)
