"""Migrations: all of this version applied, and none that it does not know."""

from collections.abc import Iterator

from django.db import connection
from django.db.migrations.exceptions import InconsistentMigrationHistory
from django.db.migrations.executor import MigrationExecutor


def migrations_applied() -> Iterator[str]:
    """The database and the code agree about every migration and its order."""
    executor = MigrationExecutor(connection)
    loader = executor.loader
    for migration, _ in executor.migration_plan(loader.graph.leaf_nodes()):
        yield f"{migration.app_label}.{migration.name} is not applied"
    for app, name in sorted(set(loader.applied_migrations) - set(loader.disk_migrations)):
        yield f"{app}.{name} is applied, but this version of the code has no such migration"
    try:
        loader.check_consistent_history(connection)
    except InconsistentMigrationHistory as error:
        yield str(error)
