"""Reads a file in several processes at once, and hands on what they read in the file's order.

Reading and checking cells takes longer than storing them, and one process of Python uses one core.
"""

import marshal
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.process import BaseProcess

from crm.importing.errors import ReaderKilled
from crm.importing.parsing import BatchParser, Staged
from crm.importing.profiles import Mapped
from crm.importing.reading import Batch, Source

BATCH = 2_000  # rows
ALONE = 8 << 20  # bytes that one process reads sooner than others have started
AHEAD = 3  # batches that wait for each process, so that memory stays bounded

_parser: BatchParser


def parsed(source: Source, mapped: Mapped, *, processes: int) -> Iterator[Staged]:
    """What the rows of the file say, batch by batch; small files are read by this process alone.

    Raises ReaderKilled.
    """
    batches = source.batches(BATCH)
    if processes < 2 or source.path.stat().st_size < ALONE:
        yield from map(BatchParser(mapped, source.headers, people=mapped.people).parse, batches)
        return
    with ProcessPoolExecutor(
        processes,
        mp_context=get_context("spawn"),  # a copy of a process with threads may hang
        initializer=_begin,
        initargs=(mapped, source.headers),
    ) as pool:
        waiting: deque[Future[Staged]] = deque()
        try:
            for batch in batches:
                with _own_signals():
                    waiting.append(pool.submit(_parse, marshal.dumps(tuple(batch))))
                if len(waiting) > processes * AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise ReaderKilled from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _own_signals() -> Iterator[None]:
    """Let processes that begin here not hear Ctrl-C, which a terminal sends to all of them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(mapped: Mapped, headers: tuple[str, ...]) -> None:
    """Serve the process that began this one, and end when that does."""
    global _parser
    threading.Thread(target=_end_with, args=(parent_process(),), daemon=True).start()
    _parser = BatchParser(mapped, headers, people=mapped.people)


def _end_with(parent: BaseProcess | None) -> None:
    if parent is not None:
        parent.join()
        os._exit(1)  # an idle process waits for work where no exception reaches it


def _parse(batch: bytes) -> Staged:
    return _parser.parse(Batch(*marshal.loads(batch)))  # noqa: S302 - written by this program
