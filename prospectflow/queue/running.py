"""What is around a job while it runs: nobody else runs it, and it learns that it must stop."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import (
    DEFAULT_DB_ALIAS,
    InterfaceError,
    OperationalError,
    connection,
    connections,
    reset_queries,
)
from django.utils import timezone
from procrastinate import BaseRetryStrategy, JobContext, RetryDecision
from procrastinate.exceptions import JobAborted
from procrastinate.jobs import Job
from structlog.contextvars import bound_contextvars

# One lock of PostgreSQL's for each job, held by the session that runs it: while that session
# lives, nobody takes the job over, however silent its worker may be.
LOCK = "hashtextextended('prospectflow job ' || {id}, 0)"
HOLD = f"""
SELECT pg_try_advisory_lock({LOCK.format(id="%(id)s")}) AND EXISTS (
    SELECT FROM procrastinate_jobs
    WHERE id = %(id)s AND status = 'doing' AND worker_id = %(worker_id)s
)
"""  # noqa: S608  (our own words alone)
MOST_ATTEMPTS = 25
LONGEST_WAIT = timedelta(minutes=5)
FIRST_WAIT = timedelta(seconds=5)


class GivenAway(JobAborted):
    """Another worker has taken this job over, while this one was asleep."""


class SessionLost(OperationalError):
    """The session of PostgreSQL's that held the job ended while it ran."""


class Stopped(JobAborted):
    """The job ended early, as it was told to."""


class TriedTooOften(Exception):
    """The job ended early again and again, perhaps with its whole process."""


class Again(BaseRetryStrategy):
    """A job runs again when its worker is stopped, or when the database goes away under it."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """At once after a stop, ever later after an error of the server, never after others."""
        if isinstance(exception, Stopped):
            return RetryDecision(retry_at=timezone.now())
        if isinstance(exception, OperationalError | InterfaceError):
            return RetryDecision(
                retry_at=timezone.now() + min(FIRST_WAIT * 2**job.attempts, LONGEST_WAIT)
            )
        return None


AGAIN = Again()


def run(
    context: JobContext,
    work: Callable[[Callable[[], bool]], None],
    given_up: Callable[[], None] = lambda: None,
) -> None:
    """Do the work of a job, in a session of its own that ends with it.

    One that was tried too often is given up, which `given_up` is told instead.

    Raises Stopped where the work was told to stop, GivenAway where it is not this worker's,
    SessionLost where it may have become another's meanwhile.
    """
    if context.job.attempts >= MOST_ATTEMPTS:
        given_up()
        raise TriedTooOften(f"{context.job.call_string}: {TriedTooOften.__doc__}")
    told_to_stop = False

    with bound_contextvars(**_told_to_the_log(context.job)), _held(context.job) as still_held:

        def stopping() -> bool:
            nonlocal told_to_stop
            told_to_stop = told_to_stop or context.should_abort()
            return told_to_stop or not still_held()

        work(stopping)
        if not still_held():
            raise SessionLost(SessionLost.__doc__)
    if told_to_stop:
        raise Stopped(Stopped.__doc__)


def _told_to_the_log(job: Job) -> dict[str, object]:
    organisation_id = job.task_kwargs.get("organisation_id", "")
    return {"job": job.id, "task": job.task_name, "organisationId": organisation_id}


@contextmanager
def _held(job: Job) -> Iterator[Callable[[], bool]]:
    """Hold the job for as long as this session lives; gives a way to ask whether it does."""
    connection.close()
    try:
        with connection.cursor() as cursor:
            cursor.execute(HOLD, {"id": job.id, "worker_id": job.worker_id})
            if cursor.fetchone() != (True,):
                raise GivenAway(GivenAway.__doc__)
        mine = connections[DEFAULT_DB_ALIAS]  # this thread's, whichever thread asks
        session = mine.connection
        yield lambda: mine.connection is session
    finally:
        connection.close()  # ends the hold, and the temporary tables of the job
        reset_queries()
