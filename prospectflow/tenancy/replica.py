"""Statistics and exports read a replica, in the same scope; one that is late or away is passed by.

How late it is, is asked at each reading: of the primary how far it has written, of the replica how
far it has come. A replica that has everything is never late, however long nothing was written.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections

from prospectflow.tenancy.context import tenant

REPLICA = "replica"
REST_SECONDS = 15  # a replica that was away is not asked again for so long
CANCELLED = "57014"  # by a time-out or by hand: elsewhere it would take as long again
PRIMARY_NOW = """
SELECT pg_current_wal_flush_lsn()::text, clock_timestamp(), system_identifier
FROM pg_control_system()
"""
REPLICA_NOW = """
SELECT pg_is_in_recovery() AND system_identifier = %(system)s,
    CASE WHEN pg_last_wal_replay_lsn() >= %(written)s::pg_lsn THEN 0
    ELSE greatest(0, extract(epoch FROM %(at)s - pg_last_xact_replay_timestamp())) END
FROM pg_control_system()
"""

logger = logging.getLogger(__name__)
_read_by: ContextVar[str] = ContextVar("read_by", default=DEFAULT_DB_ALIAS)
_rests_until = {REPLICA: 0.0}


class ReplicaUnfit(Exception):
    """There is no replica, or it is away, too late, or none of this database."""


class Router:
    """Within `by_replica` rows are read from the replica; all else is the primary's."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return _read_by.get()

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return DEFAULT_DB_ALIAS

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        return True  # the same rows, wherever they were read

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db != REPLICA


def reading[T](work: Callable[[], T], organisation_id: UUID, *, user_id: UUID | None = None) -> T:
    """What `work` reads in a scope of its own, on the replica where that is fit to be read.

    Call it outside of any scope. The work only reads: it is done again where the replica fails.
    """
    try:
        return by_replica(work, organisation_id, user_id=user_id)
    except ReplicaUnfit:
        with tenant(organisation_id, user_id=user_id):
            return work()


def reading_within[T](
    work: Callable[[], T], organisation_id: UUID, *, user_id: UUID | None = None
) -> T:
    """The same inside the organisation's scope, which the primary then goes on with."""
    try:
        return by_replica(work, organisation_id, user_id=user_id)
    except ReplicaUnfit:
        return work()


def by_replica[T](
    work: Callable[[], T], organisation_id: UUID, *, user_id: UUID | None = None
) -> T:
    """What `work` reads on the replica, serving this organisation; ReplicaUnfit otherwise."""
    if REPLICA not in connections.settings or monotonic() < _rests_until[REPLICA]:
        raise ReplicaUnfit
    primary = _primary_now()
    with _passed_by_when_away(), tenant(organisation_id, user_id=user_id, using=REPLICA):
        if _behind(primary) > settings.REPLICA_MAX_LAG_SECONDS:
            raise ReplicaUnfit
        token = _read_by.set(REPLICA)
        try:
            return work()
        finally:
            _read_by.reset(token)


def lag() -> float:
    """Seconds by which the replica is behind the primary, 0 where it has everything.

    Raises ReplicaUnfit where it replicates something else, and OperationalError where it is away.
    """
    return _behind(_primary_now())


def _primary_now() -> dict[str, Any]:
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(PRIMARY_NOW)
        return dict(zip(("written", "at", "system"), cursor.fetchone(), strict=True))


def _behind(primary: dict[str, Any]) -> float:
    with connections[REPLICA].cursor() as cursor:
        cursor.execute(REPLICA_NOW, primary)
        replicates, seconds = cursor.fetchone()
    if not replicates:
        logger.error("REPLICA_DATABASE_URL leads to no replica of DATABASE_URL: it is not read")
        raise ReplicaUnfit
    return float("inf") if seconds is None else float(seconds)


@contextmanager
def _passed_by_when_away() -> Iterator[None]:
    """A replica that fails is left alone for a while; what timed out is not tried again."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        if getattr(error.__cause__, "sqlstate", None) == CANCELLED:
            raise
        connections[REPLICA].close()
        _rests_until[REPLICA] = monotonic() + REST_SECONDS
        logger.warning("The replica fails, so the primary is read: %s", error)
        raise ReplicaUnfit from error
