"""What a worker writes of jobs: only of its own; and whose workers are gone, it takes over."""

import logging
from datetime import datetime
from typing import Any

from django.utils import timezone
from procrastinate import App
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

from .running import LOCK

OWN = """
FROM procrastinate_jobs job
WHERE id = %(job_id)s AND status = 'doing' AND coalesce(worker_id, %(worker_id)s) = %(worker_id)s
FOR UPDATE
"""
FINISH = f"SELECT procrastinate_finish_job_v1(id, %(status)s, %(delete_job)s) {OWN}"
# A job whose like waits already (`once`) is not put back beside it: that one does for both.
PUT_BACK = """CASE WHEN EXISTS (
    SELECT FROM procrastinate_jobs AS like_it
    WHERE like_it.status = 'todo' AND like_it.queueing_lock = job.queueing_lock
) THEN procrastinate_finish_job_v1(id, 'aborted', true)
ELSE procrastinate_retry_job_v2(id, {at}, NULL, NULL, NULL) END"""
RETRY = f"SELECT {PUT_BACK.format(at='%(at)s')} {OWN}"
TAKE_OVER = f"""
WITH silent AS MATERIALIZED (
    SELECT job.* FROM procrastinate_jobs job
    LEFT JOIN procrastinate_workers worker ON worker.id = job.worker_id
    WHERE job.status = 'doing' AND (worker.id IS NULL
        OR worker.last_heartbeat < now() - make_interval(secs => %(seconds)s))
    FOR UPDATE OF job SKIP LOCKED
), job AS MATERIALIZED (
    SELECT * FROM silent WHERE pg_try_advisory_xact_lock({LOCK.format(id="id")})
)
SELECT id, task_name, {PUT_BACK.format(at="now()")} FROM job
"""  # noqa: S608  (our own words alone)

logger = logging.getLogger(__name__)


class OwnJobs(JobManager):
    """Ends a job, or puts it back, only while it is still this worker's."""

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        await self._of_own(FINISH, job, status=status.value, delete_job=delete_job)

    async def retry_job(
        self, job: Job, retry_at: datetime | None = None, *args: Any, **kwargs: Any
    ) -> None:
        await self._of_own(RETRY, job, at=retry_at or timezone.now())

    async def _of_own(self, query: Any, job: Job, **arguments: Any) -> None:
        await self.connector.execute_query_async(
            query, job_id=job.id, worker_id=job.worker_id, **arguments
        )


async def take_over(app: App, *, seconds: float) -> int:
    """Put back the jobs of workers that are gone and silent for so long; returns how many.

    A worker that is only silent keeps its jobs, since its sessions live.
    """
    found = await app.connector.execute_query_all_async(TAKE_OVER, seconds=seconds)
    for job in found:
        logger.warning("Job %s (%s) is taken over: its worker is gone", job["id"], job["task_name"])
    return len(found)
