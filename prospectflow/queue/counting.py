"""Counts what becomes of jobs, and times them."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from django.db import InterfaceError, OperationalError
from procrastinate.exceptions import JobAborted

from prospectflow.instruments import JOB_SECONDS, JOBS, yes_or_no

# Stopped, given away, or its database went: another try ends it.
PUT_BACK = (JobAborted, OperationalError, InterfaceError)


@contextmanager
def counted(queue: str) -> Iterator[None]:
    """Count a job of this queue by its end: succeeded, failed, or put_back for another try."""
    begun, action = perf_counter(), "failed"
    try:
        yield
        action = "succeeded"
    except PUT_BACK:
        action = "put_back"
        raise
    finally:
        JOBS.labels(queue, action).inc()
        seconds = perf_counter() - begun
        JOB_SECONDS.labels(queue, yes_or_no(action == "succeeded")).observe(seconds)
