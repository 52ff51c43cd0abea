"""One backup or restore of a database at a time, wherever it is started."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from .errors import BackupRefused

MAINTENANCE = "postgres"  # whoever is connected to a database keeps it from being renamed
LOCK = "SELECT pg_try_advisory_lock(hashtextextended('prospectflow backup of ' || %s, 0))"


@contextmanager
def alone(database_url: str) -> Iterator[None]:
    """Keep others out while the block runs; PostgreSQL lets go when this process dies."""
    database = conninfo_to_dict(database_url).get("dbname")
    url = make_conninfo(database_url, dbname=MAINTENANCE, keepalives_idle=60)
    try:
        connection = psycopg.connect(url, autocommit=True)
    except psycopg.OperationalError as error:
        raise unreachable(error) from error
    with connection:
        if not connection.execute(LOCK, [database]).fetchone() == (True,):
            raise BackupRefused(
                f"Another backup or restore of {database} is running: wait for its end."
            )
        yield


def unreachable(error: psycopg.OperationalError) -> BackupRefused:
    """The refusal where no connection can be had."""
    return BackupRefused(f"The database cannot be reached: {str(error).splitlines()[0]}")
