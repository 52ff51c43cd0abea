"""The worker: runs the jobs of its queues, and takes over those of workers that are gone."""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from procrastinate import App
from procrastinate.app import WorkerOptions
from procrastinate.contrib.django import app as declared
from procrastinate.exceptions import ConnectorException
from psycopg_pool import PoolTimeout

from prospectflow.errors import DomainError

from .connecting import connector
from .keeping import OwnJobs, take_over
from .ticking import ticking

LOOK_SECONDS = 2.0  # for jobs that were put back: only new ones are told of by PostgreSQL
AGAIN_SECONDS = 5.0
GLANCE_SECONDS = 0.2
ENDS_WITHIN_SECONDS = 9.5
ENDED_KEPT_HOURS = 30 * 24
LEFT = """
SELECT EXISTS (
    SELECT FROM procrastinate_jobs
    WHERE (status = 'doing' OR status = 'todo' AND coalesce(scheduled_at, now()) <= now())
        AND (%(queues)s::text[] IS NULL OR queue_name = ANY (%(queues)s::text[]))
) AS is_left
"""

logger = logging.getLogger(__name__)


class QueueAway(DomainError):
    """The queue cannot be reached."""


@dataclass(frozen=True)
class Work:
    """What a worker is to do: these queues (None: all), under this name, once or until stopped.

    Until then it also calls `tick`, every WORKER_TICK_SECONDS.
    """

    name: str
    queues: list[str] | None = None
    one_shot: bool = False
    attached: bool = False
    tick: Callable[[], object] | None = None


def queue_names() -> set[str]:
    """The queues that have tasks of ours."""
    return {task.queue for task in declared.tasks.values()} - {"builtin"}


async def work(wanted: Work) -> None:
    """Run jobs until a signal, or the end of standard input where attached, or of the work.

    Running jobs are told to stop and waited for; one that does not, for ENDS_WITHIN_SECONDS, is
    left to other workers. While PostgreSQL is away, it is tried again; raises QueueAway where
    there is no time for that.
    """
    stop = asyncio.Event()
    _listen(stop, attached=wanted.attached)
    with _ticks(wanted):
        await _until_stopped(wanted, stop)


def _ticks(wanted: Work) -> AbstractContextManager[None]:
    if wanted.one_shot or wanted.tick is None:
        return nullcontext()
    return ticking(wanted.tick, seconds=settings.WORKER_TICK_SECONDS)


async def _until_stopped(wanted: Work, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await _run(wanted, stop)
        except (ConnectorException, PoolTimeout) as error:
            if wanted.one_shot:
                raise QueueAway(f"The queue cannot be reached: {_sentence(error)}") from error
            logger.warning("The worker begins anew: %s", _sentence(error))
        if wanted.one_shot:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), AGAIN_SECONDS)


async def _run(wanted: Work, stop: asyncio.Event) -> None:
    app = _app()
    async with app.open_async():
        await app.job_manager.delete_old_jobs(
            ENDED_KEPT_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
        )
        await take_over(app, seconds=settings.WORKER_STALLED_SECONDS)
        ends = [_watch(app), stop.wait()]
        ends += [_worked_off(app, wanted.queues)] if wanted.one_shot else []
        await _until_one_of(ends, app.run_worker_async(**_options(wanted)))


def _options(wanted: Work) -> WorkerOptions:
    options: WorkerOptions = {
        "name": wanted.name,
        "concurrency": settings.WORKER_JOBS_AT_ONCE,
        "fetch_job_polling_interval": LOOK_SECONDS,
        "abort_job_polling_interval": LOOK_SECONDS,
        "shutdown_graceful_timeout": 0,  # jobs are told to stop at once, and then waited for
        "delete_jobs": "successful",
        "install_signal_handlers": False,
        "update_heartbeat_interval": settings.WORKER_STALLED_SECONDS / 4,
        "stalled_worker_timeout": settings.WORKER_STALLED_SECONDS,
    }
    return options | {"queues": wanted.queues} if wanted.queues else options


def _app() -> App:
    """The tasks that were declared, with the worker's own way to the database.

    Jobs that a job defers still go by Django's connection, in its transaction.
    """
    app = App(connector=connector(), import_paths=declared.import_paths)
    app.tasks = declared.tasks
    app.job_manager = OwnJobs(connector=app.connector)
    return app


async def _watch(app: App) -> None:
    while True:
        await asyncio.sleep(settings.WORKER_STALLED_SECONDS / 4)
        try:
            await take_over(app, seconds=settings.WORKER_STALLED_SECONDS)
        except ConnectorException as error:
            logger.warning("Nothing could be taken over: %s", _sentence(error))


async def _worked_off(app: App, queues: list[str] | None) -> None:
    """Returns once no job of these queues is due or running, whoever ran it."""
    while (await app.connector.execute_query_one_async(LEFT, queues=queues))["is_left"]:
        await asyncio.sleep(GLANCE_SECONDS)


async def _until_one_of(
    ends: list[Coroutine[Any, Any, Any]], work: Coroutine[Any, Any, None]
) -> None:
    """Let the worker run until it ends, or one of these does; what one of them raises, is raised.

    A worker takes a cancellation as its way to stop.
    """
    worker, *others = map(asyncio.create_task, [work, *ends])
    done, _ = await asyncio.wait((worker, *others), return_when=asyncio.FIRST_COMPLETED)
    for each in (worker, *others):
        each.cancel()
    with suppress(asyncio.CancelledError):
        await worker
    for each in done - {worker}:
        each.result()


def _listen(stop: asyncio.Event, *, attached: bool) -> None:
    loop = asyncio.get_running_loop()

    def told() -> None:
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(each)  # so that a second one ends it at once
        _end_in_time()
        stop.set()

    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, told)
    if attached:
        _when_standard_input_ends(lambda: loop.call_soon_threadsafe(told))


def _end_in_time() -> None:
    """End this process for certain, whatever its jobs wait for: others take them over."""

    def end() -> None:
        logger.warning("A job did not stop in time: it is left to other workers")
        os._exit(1)

    timer = threading.Timer(ENDS_WITHIN_SECONDS, end)
    timer.daemon = True
    timer.start()


def _when_standard_input_ends(then: Callable[[], object]) -> None:
    def wait() -> None:
        sys.stdin.buffer.read()
        then()

    threading.Thread(target=wait, daemon=True).start()


def _sentence(error: BaseException) -> str:
    return " ".join(str(error.__cause__ or error).split())
