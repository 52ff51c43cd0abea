"""Queries that take long, in the log: their text, never their values."""

import logging
from collections.abc import Callable
from time import perf_counter
from typing import Any

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper

from prospectflow.tenancy.context import request_id

TEXT_LENGTH = 2_000

slow = logging.getLogger("prospectflow.slow")


def watch(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Time every query of a connection that was just opened."""
    if _timed not in connection.execute_wrappers:
        connection.execute_wrappers.append(_timed)


def _timed(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
    began = perf_counter()
    try:
        return execute(sql, params, many, context)
    finally:
        lasted = round((perf_counter() - began) * 1000)
        if 0 < settings.SLOW_QUERY_MS < lasted:
            _tell(str(sql), lasted)


def _tell(sql: str, lasted: int) -> None:
    """A warning in a request; a job's sets of rows are meant to take longer."""
    level = logging.WARNING if request_id.get() else logging.INFO
    slow.log(level, "slow_query", extra={"durationMs": lasted, "sql": sql[:TEXT_LENGTH]})
