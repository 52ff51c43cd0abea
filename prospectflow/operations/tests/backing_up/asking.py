"""What tests ask an archive."""

from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import connection

from prospectflow.operations import embedded
from prospectflow.operations.backups.archives import verified
from prospectflow.operations.backups.programs import run

NIGHT = datetime(2026, 11, 24, 2, 0, 0, 123456, tzinfo=UTC)
STEM = "prospectflow_full_20261124_020000"


def url_as(role: str) -> str:
    """The way of a role into the tests' database."""
    name = str(connection.settings_dict["NAME"])
    return embedded.database_url(settings.LOCAL_DIRECTORY, role=role, database=name)


def listed(archive: Path) -> str:
    """What pg_restore says is in it."""
    with verified(archive) as opened:
        return run("pg_restore", "--list", opened.dump)


def rows_of(table: str, archive: Path) -> str:
    """The rows of a table in it, as COPY writes them."""
    with verified(archive) as opened:
        return run("pg_restore", "--data-only", f"--table={table}", "-f", "-", opened.dump)
