"""How a job gets into the queue: in the transaction that makes it necessary."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from prospectflow.instruments import JOBS

from .declaring import DECLARED, Declared, NotAnId

UNDER_WAY = """
SELECT FROM procrastinate_jobs WHERE status IN ('todo', 'doing') AND args @> %s::jsonb LIMIT 1
"""
ONCE_UNDER_WAY = """
SELECT queueing_lock FROM procrastinate_jobs
WHERE status IN ('todo', 'doing') AND task_name = %s
"""
HASTEN = """
UPDATE procrastinate_jobs SET scheduled_at = now()
WHERE status = 'todo' AND task_name = ANY(%s) AND scheduled_at > now() + make_interval(secs => %s)
"""


class UnknownTask(LookupError):
    """No app declares this task in its tasks.py."""


class NotInATransaction(RuntimeError):
    """A job is deferred in the transaction that makes it necessary, and there is none."""


def defer(name: str, *, at: datetime | None = None, **ids: UUID | int) -> bool:
    """Have a worker run the task once this transaction is committed; a rollback takes it back.

    Not before `at`. False where a job that waits already does for this one too (`once`). Raises
    UnknownTask, NotAnId for an argument that is none, NotInATransaction.
    """
    declared = _declared(name)
    if not connection.in_atomic_block:
        raise NotInATransaction(NotInATransaction.__doc__)
    told = _told(name, declared, ids)
    job = app.configure_task(
        name,
        allow_unknown=False,
        lock=_lock(declared, told),
        queueing_lock=_once(name, told) if declared.once else None,
        schedule_at=at,
    )
    try:
        with transaction.atomic():  # a refusal must not break what is around it
            job.defer(**told)
    except AlreadyEnqueued:
        return False
    transaction.on_commit(JOBS.labels(app.tasks[name].queue, "deferred").inc)
    return True


def defer_missing(name: str, wanted: Iterable[Mapping[str, UUID]]) -> int:
    """Defer a task (`once`) for each of these ids no job of which waits or runs; returns how many.

    Raises what `defer` does.
    """
    declared = _declared(name)
    with connection.cursor() as cursor:
        cursor.execute(ONCE_UNDER_WAY, [name])
        known = {lock for (lock,) in cursor.fetchall()}
    return sum(
        defer(name, at=None, **ids)
        for ids in wanted
        if _once(name, _told(name, declared, dict(ids))) not in known
    )


def hasten(names: Iterable[str], *, beyond: timedelta) -> int:
    """Let jobs of these tasks run now that wait for longer than they ever should; how many did.

    Somebody's clock was wrong then, or was set back.
    """
    with connection.cursor() as cursor:
        cursor.execute(HASTEN, [list(names), beyond.total_seconds()])
        return cursor.rowcount


def is_under_way(**ids: UUID | int) -> bool:
    """Whether a job that is told these ids, perhaps among others, waits or runs."""
    told = {key: str(value) if isinstance(value, UUID) else value for key, value in ids.items()}
    with connection.cursor() as cursor:
        cursor.execute(UNDER_WAY, [json.dumps(told)])
        return cursor.fetchone() is not None


def _declared(name: str) -> Declared:
    if name not in DECLARED:
        raise UnknownTask(f"{name}: {UnknownTask.__doc__}")
    return DECLARED[name]


def _lock(declared: Declared, told: Mapping[str, str | int]) -> str | None:
    """What no two jobs that run at once may have in common."""
    if not declared.lock:
        return None
    return f"{declared.lock}:{told[declared.per]}" if declared.per else declared.lock


def _once(name: str, told: Mapping[str, str | int]) -> str:
    """What no two jobs that wait may have in common."""
    return " ".join([name, *map(str, told.values())])


def _told(name: str, declared: Declared, ids: dict[str, Any]) -> dict[str, str | int]:
    """The arguments as JSON knows them, in the order of the declaration."""
    if ids.keys() != declared.ids.keys():
        raise NotAnId(f"{name} takes {', '.join(declared.ids)}, not {', '.join(ids)}.")
    for key, kind in declared.ids.items():
        if not isinstance(ids[key], kind) or isinstance(ids[key], bool):
            raise NotAnId(f"{name}({key}={ids[key]!r}): {NotAnId.__doc__}")
    return {key: str(ids[key]) if kind is UUID else ids[key] for key, kind in declared.ids.items()}
