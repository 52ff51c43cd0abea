"""The servers: their versions, the role, the pool, and whether all clocks agree."""

import platform
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any

import django
import psycopg
from django.conf import settings
from django.db import connection
from django.db import connections as databases
from django.utils import timezone
from django_redis import get_redis_connection

from prospectflow.monitoring.health import checks
from prospectflow.monitoring.pooler import pool
from prospectflow.operations.validation.server import OLDEST
from prospectflow.tenancy.replica import REPLICA, ReplicaUnfit, lag
from prospectflow.tenancy.roles import powers

from .findings import Finding, ago, share

SKEW_AT_MOST = timedelta(seconds=2)
POOL_SHARE_AT_MOST = 0.9
WAIT_AT_MOST_SECONDS = 1.0
REDIS_SHARE_AT_MOST = 0.9
UPGRADE = "PostgreSQL 18 is needed: upgrade it."
LATE = "It is passed by: see whether it still streams, or what keeps it so busy."
NO_REPLICA = "Lead REPLICA_DATABASE_URL to a standby of DATABASE_URL, or unset it."
CLOCK = "Set this clock by a time server: mails leave, and links and tokens end, by it."
EVICTS = "Set maxmemory-policy to noeviction, or people are signed out at random."


def versions(now: datetime) -> Iterator[Finding]:
    """What runs here, and what it speaks to."""
    yield Finding("Python", f"{platform.python_version()} on {platform.platform(terse=True)}")
    yield Finding("Django", f"{django.__version__}, psycopg {psycopg.__version__}")
    number, text = _one("SELECT current_setting('server_version_num')::int, version()")
    yield Finding("PostgreSQL", " ".join(text.split()[:2]), UPGRADE if number < OLDEST else "")
    yield Finding("Redis", _redis().info("server")["redis_version"])


def services(now: datetime) -> Iterator[Finding]:
    """What /health/ready asks as well."""
    for check in checks(now=now):
        told = "is well" if check.ok else "is not well"
        yield Finding(check.name, f"{told}, asked in {check.milliseconds} ms", check.sentence)


def role(now: datetime) -> Iterator[Finding]:
    """Whether the policies hold for the connected role."""
    (name,) = _one("SELECT current_user::text")
    found = powers(connection)
    for power in found:
        yield Finding(name, "could slip past row-level security", power)
    if not found:
        yield Finding(name, "is held by row-level security")


def connections(now: datetime) -> Iterator[Finding]:
    """The pool, as PgBouncer tells it, or PostgreSQL where no PGBOUNCER_STATS_URL is set."""
    found = pool()
    states = {state.replace("_", " "): number for state, number in found.states.items()}
    clients = sum(number for state, number in states.items() if not state.startswith("server"))
    full = clients > POOL_SHARE_AT_MOST * found.clients_at_most
    waits = found.longest_wait_seconds > WAIT_AT_MOST_SECONDS
    advice = ""
    if full:
        advice = "Raise the limit (PGBOUNCER_MAX_CLIENT_CONN), or find who holds connections."
    elif waits:
        advice = "Requests wait for connections: look for slow queries, then raise the pool's size."
    name = "PgBouncer" if settings.PGBOUNCER_STATS else "PostgreSQL, no pooler asked"
    told = ", ".join(f"{number} {state}" for state, number in states.items())
    yield Finding(name, f"{share(clients, found.clients_at_most)} of its clients: {told}", advice)


def replica(now: datetime) -> Iterator[Finding]:
    """Whether it is near enough to be read, where there is one."""
    if REPLICA not in databases.settings:
        yield Finding("none", "everything is read from the primary")
        return
    try:
        behind = lag()
    except ReplicaUnfit:
        yield Finding("the replica", "is none of this database", NO_REPLICA)
        return
    late = behind > settings.REPLICA_MAX_LAG_SECONDS
    told = f"is {ago(behind)} behind" if isfinite(behind) else "has replayed nothing yet"
    yield Finding("the replica", told, LATE if late else "")


def sessions(now: datetime) -> Iterator[Finding]:
    """Redis has room, and throws no session away to make some."""
    told = _redis().info("memory")
    policy, most = told.get("maxmemory_policy", "unknown"), told.get("maxmemory", 0)
    full = most and told["used_memory"] > REDIS_SHARE_AT_MOST * most
    yield Finding("what it throws away", policy, "" if policy == "noeviction" else EVICTS)
    advice = "Give it more memory (maxmemory): soon nobody can sign in." if full else ""
    yield Finding("memory", f"{share(told['used_memory'], most)} used", advice)


def clocks(now: datetime) -> Iterator[Finding]:
    """This machine's clock beside those of PostgreSQL and Redis, asked one after the other."""
    yield _beside("PostgreSQL", lambda: _one("SELECT clock_timestamp()")[0])
    yield _beside("Redis", lambda: datetime.fromtimestamp(_redis().time()[0], UTC), exact=False)


def _beside(name: str, ask: Any, *, exact: bool = True) -> Finding:
    """How far the other clock is from ours; what the asking took is not held against it."""
    before = timezone.now()
    there = ask()
    after = timezone.now()
    latest = there if exact else there + timedelta(seconds=1)
    skew = max(before - latest, there - after, timedelta())
    advice = CLOCK if skew > SKEW_AT_MOST else ""
    return Finding(name, f"{skew.total_seconds():.1f} s apart", advice)


def _one(query: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()


def _redis() -> Any:
    return get_redis_connection("default")
