"""Prove that every migration runs forward, back to zero, and forward again, disturbing nobody."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from prospectflow.errors import DomainError
from prospectflow.operations.expanding import disturbances
from prospectflow.operations.scratch import scratch_database

from .embedded import refuse_unless_embedded

# Their migrations have no way back: what they made stays, and is found by the second forward run.
ONE_WAY = {"procrastinate"}
# What the application's schemas still hold, beside Django's own list of migrations.
LEFT_OVER = """
    SELECT format('%s.%s', nspname, name)
    FROM (
        SELECT relnamespace AS schema, relname AS name FROM pg_class
        UNION ALL SELECT pronamespace, proname FROM pg_proc
    ) AS thing
    JOIN pg_namespace ON pg_namespace.oid = schema
    WHERE nspname IN ('public', 'iam', 'crm', 'outreach', 'tracking')
        AND name NOT LIKE 'django_migrations%' AND name NOT LIKE '%procrastinate%'
    ORDER BY 1
"""


class Command(BaseCommand):
    """Migrate a scratch database forward, to zero, and forward again."""

    help = "Migrate a scratch database forward, to zero, and forward again."
    requires_system_checks: list[str] = []  # they would look at the database that is being made

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_unless_embedded()
        refuse_disturbances()
        try:
            with scratch_database():
                call_command("migrate", verbosity=0)
                to_zero()
                call_command("migrate", verbosity=0)
        except DomainError as error:
            raise CommandError(str(error), returncode=2) from error
        self.stdout.write("Migrations run forward, to zero, and forward again.")


def refuse_disturbances() -> None:
    """Refuse migrations that the version before could not live with."""
    loader = MigrationLoader(None)
    if found := list(disturbances(loader.disk_migrations.values())):
        raise CommandError("\n".join(found))


def to_zero() -> None:
    """Unapply every migration, and refuse what one of them leaves behind."""
    executor = MigrationExecutor(connection)
    ours = executor.loader.migrated_apps - ONE_WAY
    executor.migrate([(app, None) for app in sorted(ours)])
    with connection.cursor() as cursor:
        cursor.execute(LEFT_OVER)
        left = [name for (name,) in cursor.fetchall()]
    if left:
        raise CommandError(f"Migrated to zero, the database still holds {', '.join(left)}.")
