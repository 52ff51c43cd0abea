"""How a job gets into the queue: in the transaction that makes it necessary."""

import json
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from .declaring import DECLARED, Declared, NotAnId

UNDER_WAY = """
SELECT FROM procrastinate_jobs WHERE status IN ('todo', 'doing') AND args @> %s::jsonb LIMIT 1
"""


class UnknownTask(LookupError):
    """No app declares this task in its tasks.py."""


class NotInATransaction(RuntimeError):
    """A job is deferred in the transaction that makes it necessary, and there is none."""


def defer(name: str, **ids: UUID | int) -> bool:
    """Have a worker run the task once this transaction is committed; a rollback takes it back.

    False where a job that waits already does for this one too (`once`). Raises UnknownTask,
    NotAnId for an argument that is none, NotInATransaction.
    """
    declared = DECLARED.get(name)
    if declared is None:
        raise UnknownTask(f"{name}: {UnknownTask.__doc__}")
    if not connection.in_atomic_block:
        raise NotInATransaction(NotInATransaction.__doc__)
    told = _told(name, declared, ids)
    job = app.configure_task(
        name,
        allow_unknown=False,
        lock=f"{declared.lock}:{ids['organisation_id']}" if declared.lock else None,
        queueing_lock=" ".join([name, *map(str, told.values())]) if declared.once else None,
    )
    try:
        with transaction.atomic():  # a refusal must not break what is around it
            job.defer(**told)
    except AlreadyEnqueued:
        return False
    return True


def is_under_way(**ids: UUID | int) -> bool:
    """Whether a job that is told these ids, perhaps among others, waits or runs."""
    told = {key: str(value) if isinstance(value, UUID) else value for key, value in ids.items()}
    with connection.cursor() as cursor:
        cursor.execute(UNDER_WAY, [json.dumps(told)])
        return cursor.fetchone() is not None


def _told(name: str, declared: Declared, ids: dict[str, Any]) -> dict[str, str | int]:
    """The arguments as JSON knows them, in the order of the declaration."""
    if ids.keys() != declared.ids.keys():
        raise NotAnId(f"{name} takes {', '.join(declared.ids)}, not {', '.join(ids)}.")
    for key, kind in declared.ids.items():
        if not isinstance(ids[key], kind) or isinstance(ids[key], bool):
            raise NotAnId(f"{name}({key}={ids[key]!r}): {NotAnId.__doc__}")
    return {key: str(ids[key]) if kind is UUID else ids[key] for key, kind in declared.ids.items()}
