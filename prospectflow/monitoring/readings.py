"""How things stand at this moment, over all organisations: numbers, never anybody's rows."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection

from prospectflow import tasks  # noqa: F401  (whose queues there are)
from prospectflow.queue.working import queue_names

# A job that waits for its hour is due from then on, any other since it was deferred.
QUEUES = """
SELECT queue_name, status, count(*) FILTER (WHERE due_since <= %(at)s),
    coalesce(extract(epoch FROM %(at)s - min(due_since) FILTER (WHERE due_since <= %(at)s)), 0)
FROM procrastinate_jobs, LATERAL (
    SELECT CASE WHEN status = 'todo' THEN coalesce(scheduled_at, (
        SELECT min(e.at) FROM procrastinate_events e WHERE e.job_id = procrastinate_jobs.id
    ), %(at)s) ELSE %(at)s END AS due_since
) AS known
WHERE status IN ('todo', 'doing', 'failed') GROUP BY 1, 2
"""
HEARTBEATS = """
SELECT count(*) FILTER (WHERE last_heartbeat > %(alive)s),
    extract(epoch FROM %(at)s - max(last_heartbeat))
FROM procrastinate_workers
"""


class Queue(NamedTuple):
    """Jobs of one queue: due and waiting, since when the oldest is; running; failed."""

    name: str
    due: int = 0
    oldest_seconds: float = 0.0
    running: int = 0
    failed: int = 0


class Workers(NamedTuple):
    """How many workers are alive, and how long ago one was last heard; None: never."""

    alive: int
    heard_seconds_ago: float | None


class Monitored(NamedTuple):
    """Campaigns and mailboxes by their status, mails in the air or in doubt, and the inboxes.

    The lag is how long ago the longest unread active mailbox was read; 0 where there is none.
    """

    campaigns: dict[str, int]
    mailboxes: dict[str, int]
    mails: dict[str, int]
    inbox_lag_seconds: float


def queues(*, now: datetime) -> list[Queue]:
    """Every queue that has tasks, the empty ones too."""
    found = {name: Queue(name) for name in sorted(queue_names())}
    for name, status, jobs, seconds in _rows(QUEUES, {"at": now}):
        queue = found.get(name, Queue(name))
        told = {
            "todo": {"due": jobs, "oldest_seconds": float(seconds)},
            "doing": {"running": jobs},
            "failed": {"failed": jobs},
        }
        found[name] = queue._replace(**told[status])
    return list(found.values())


def workers(*, now: datetime) -> Workers:
    """Who runs jobs; one that is silent for WORKER_STALLED_SECONDS counts as gone."""
    alive = now - timedelta(seconds=settings.WORKER_STALLED_SECONDS)
    [(number, seconds)] = _rows(HEARTBEATS, {"at": now, "alive": alive})
    return Workers(number, None if seconds is None else max(float(seconds), 0.0))


def monitored(*, now: datetime) -> Monitored:
    """What PostgreSQL tells of all organisations together."""
    found: dict[str, dict[str, float]] = {}
    for figure, state, value in _rows("SELECT * FROM outreach.monitored(%(at)s)", {"at": now}):
        found.setdefault(figure, {})[state] = value
    campaigns, mailboxes, mails = (
        {state: int(number or 0) for state, number in found.get(figure, {}).items()}
        for figure in ("campaigns", "mailboxes", "mails")
    )
    return Monitored(campaigns, mailboxes, mails, found["inbox lag"][""])


def _rows(query: str, values: dict[str, datetime]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found
