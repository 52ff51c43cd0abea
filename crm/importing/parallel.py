"""Reads a file in several processes at once, and hands on what they read in the file's order.

Reading and checking cells takes longer than storing them, and one process of Python uses one core.
"""

import marshal
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context

from crm.importing.parsing import BatchParser, Staged
from crm.importing.profiles import Mapped
from crm.importing.reading import Batch, Source

BATCH = 2_000  # rows
ALONE = 8 << 20  # bytes that one process reads sooner than others have started
AHEAD = 3  # batches that wait for each process, so that memory stays bounded

_parser: BatchParser


def parsed(source: Source, mapped: Mapped, *, processes: int) -> Iterator[Staged]:
    """What the rows of the file say, batch by batch; small files are read by this process alone."""
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
                waiting.append(pool.submit(_parse, marshal.dumps(tuple(batch))))
                if len(waiting) > processes * AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _begin(mapped: Mapped, headers: tuple[str, ...]) -> None:
    global _parser
    _parser = BatchParser(mapped, headers, people=mapped.people)


def _parse(batch: bytes) -> Staged:
    return _parser.parse(Batch(*marshal.loads(batch)))  # noqa: S302 - written by this program
