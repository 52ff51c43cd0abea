"""How full the pool of connections is: as PgBouncer says, or PostgreSQL where none is asked."""

from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection
from psycopg import Error, connect
from psycopg.rows import dict_row

from prospectflow.errors import DomainError

ANSWERS_WITHIN_SECONDS = 2
# What each state is called in SHOW POOLS.
CLIENTS = {"client_active": "cl_active", "client_waiting": "cl_waiting"}
SERVERS = {"server_active": "sv_active", "server_idle": "sv_idle", "server_used": "sv_used"}
# Of other roles a session's state is not shown to the one that serves.
SESSIONS = """
SELECT coalesce(replace(state, ' ', '_'), 'unknown'), count(*) FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
GROUP BY 1
"""
IDLE = ("active", "idle", "idle_in_transaction")


class PoolerSilent(DomainError):
    """PgBouncer does not say how full it is: look at PGBOUNCER_STATS_URL and at its stats_users."""


class Pool(NamedTuple):
    """Connections by state, how many clients there may be at most, and the longest wait."""

    states: dict[str, int]
    clients_at_most: int
    longest_wait_seconds: float


def pool() -> Pool:
    """The pool as it is now. Raises PoolerSilent, or what Django does where it asks PostgreSQL."""
    return _of_the_pooler() if settings.PGBOUNCER_STATS else _of_the_server()


def _of_the_pooler() -> Pool:
    try:
        shown, told = _shown("SHOW POOLS"), _shown("SHOW CONFIG")
    except Error as error:
        raise PoolerSilent(PoolerSilent.__doc__) from error
    ours = [row for row in shown if row["database"] != "pgbouncer"]
    names = CLIENTS | SERVERS
    states = {state: sum(int(row[name]) for row in ours) for state, name in names.items()}
    waits = [int(row["maxwait"]) + int(row["maxwait_us"]) / 1e6 for row in ours]
    [most] = [row["value"] for row in told if row["key"] == "max_client_conn"]
    return Pool(states, int(most), max(waits, default=0.0))


def _shown(command: str) -> list[dict[str, Any]]:
    """What the pooler's console answers: it knows neither transactions nor prepared statements."""
    asked = settings.PGBOUNCER_STATS
    with connect(
        host=asked["HOST"],
        port=asked["PORT"] or None,
        user=asked["USER"],
        password=asked["PASSWORD"],
        dbname=asked["NAME"],
        connect_timeout=ANSWERS_WITHIN_SECONDS,
        autocommit=True,
        prepare_threshold=None,
        row_factory=dict_row,
    ) as console:
        return console.execute(command.encode()).fetchall()


def _of_the_server() -> Pool:
    with connection.cursor() as cursor:
        cursor.execute(SESSIONS)
        found = dict.fromkeys(IDLE, 0) | dict(cursor.fetchall())
        cursor.execute("SELECT current_setting('max_connections')::int")
        return Pool(found, cursor.fetchone()[0], 0.0)
