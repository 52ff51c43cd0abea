"""Prove that every migration runs forward, back to zero, and forward again."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from prospectflow.environment import database_from
from prospectflow.errors import DomainError
from prospectflow.operations import embedded

from .embedded import refuse_unless_embedded

# What the application's schemas still hold, beside Django's own list of migrations.
LEFT_OVER = """
    SELECT format('%s.%s', nspname, name)
    FROM (
        SELECT relnamespace AS schema, relname AS name FROM pg_class
        UNION ALL SELECT pronamespace, proname FROM pg_proc
    ) AS thing
    JOIN pg_namespace ON pg_namespace.oid = schema
    WHERE nspname IN ('public', 'iam', 'crm', 'outreach', 'tracking')
        AND name NOT LIKE 'django_migrations%'
    ORDER BY 1
"""


class Command(BaseCommand):
    """Migrate a scratch database forward, to zero, and forward again."""

    help = "Migrate a scratch database forward, to zero, and forward again."
    requires_system_checks: list[str] = []  # they would look at the database that is being made

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_unless_embedded()
        try:
            with scratch_database():
                call_command("migrate", verbosity=0)
                to_zero()
                call_command("migrate", verbosity=0)
        except DomainError as error:
            raise CommandError(str(error), returncode=2) from error
        self.stdout.write("Migrations run forward, to zero, and forward again.")


@contextmanager
def scratch_database() -> Iterator[None]:
    """Point the default connection at an empty database, as the owner, and delete it afterwards."""
    name = f"check_migrations_{os.getpid()}"
    url = embedded.database_url(settings.LOCAL_DIRECTORY, role="owner", database=name)
    before = dict(connection.settings_dict)
    connection.close()
    embedded.create_database(settings.LOCAL_DIRECTORY, name)
    connection.settings_dict.update(database_from(url) | {"ENGINE": before["ENGINE"]})
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(before)
        embedded.drop_database(settings.LOCAL_DIRECTORY, name)


def to_zero() -> None:
    """Unapply every migration, and refuse what one of them leaves behind."""
    executor = MigrationExecutor(connection)
    executor.migrate([(app, None) for app in sorted(executor.loader.migrated_apps)])
    with connection.cursor() as cursor:
        cursor.execute(LEFT_OVER)
        left = [name for (name,) in cursor.fetchall()]
    if left:
        raise CommandError(f"Migrated to zero, the database still holds {', '.join(left)}.")
