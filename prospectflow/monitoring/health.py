"""Whether this process can serve: what it needs, asked one after another, each with its latency."""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import cache
from time import perf_counter
from typing import NamedTuple

from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.loader import MigrationLoader
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from prospectflow.errors import DomainError
from prospectflow.monitoring.readings import workers

logger = logging.getLogger(__name__)


class Unwell(DomainError):
    """Something that is needed does not work."""


class Check(NamedTuple):
    """What was found of one thing; `is_needed` where nobody can be served without it."""

    name: str
    ok: bool
    milliseconds: float
    sentence: str
    is_needed: bool = True


def checks(*, now: datetime) -> list[Check]:
    """The database by the way that requests take, Redis, the migrations, the workers."""
    return [
        _asked("database", _database),
        _asked("redis", _redis),
        _asked("migrations", _migrations),
        _asked("worker", lambda: _workers(now), is_needed=False),
    ]


def _asked(name: str, ask: Callable[[], None], *, is_needed: bool = True) -> Check:
    """What is told is our own sentence: an error's text may name hosts and people."""
    begun, sentence = perf_counter(), ""
    try:
        ask()
    except Unwell as error:
        sentence = str(error)
    except (DatabaseError, InterfaceError, RedisError) as error:
        logger.warning("The check of %s failed: %s", name, " ".join(str(error).split()))
        sentence = "It does not answer."
    milliseconds = round(1000 * (perf_counter() - begun), 1)
    return Check(name, not sentence, milliseconds, sentence, is_needed)


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _redis() -> None:
    get_redis_connection("default").ping()


def _migrations() -> None:
    """Later ones than this version knows are no harm: the next version brought them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT app, name FROM django_migrations")
        missing = len(_known() - set(cursor.fetchall()))
    if missing:
        raise Unwell(f"{missing} migrations are not applied: run manage.py migrate.")


@cache
def _known() -> frozenset[tuple[str, str]]:
    """The migrations of this version; read once, since they cannot change under a process."""
    return frozenset(MigrationLoader(None).disk_migrations)


def _workers(now: datetime) -> None:
    found = workers(now=now)
    if not found.alive:
        raise Unwell("No worker is alive: nothing is sent, read or imported.")
