"""Reads a file in several processes at once, and hands on what they read in the file's order.

Reading and checking cells takes longer than storing them, and one process of Python uses one core.
"""

import marshal
import signal
import traceback
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.resource_tracker import ensure_running
from queue import SimpleQueue

from crm.importing.errors import ReaderKilled
from crm.importing.parsing import BatchParser, Staged
from crm.importing.profiles import Mapped
from crm.importing.reading import Batch, Source

BATCH = 1_000  # rows
ALONE = 8 << 20  # bytes that one process reads sooner than others have started
AHEAD = 3  # batches that wait for each process, so that memory stays bounded

type Idle = SimpleQueue["_Reader"]


def parsed(source: Source, mapped: Mapped, *, processes: int) -> Iterator[Staged]:
    """What the rows of the file say, batch by batch; small files are read by this process alone.

    Raises ReaderKilled.
    """
    batches = source.batches(BATCH)
    if processes < 2 or source.path.stat().st_size < ALONE:
        yield from map(BatchParser(mapped, source.headers, people=mapped.people).parse, batches)
        return
    with _readers(mapped, source.headers, processes) as idle, _threads(processes) as threads:
        waiting: deque[Future[Staged]] = deque()
        for batch in batches:
            waiting.append(threads.submit(_by_one_of, idle, marshal.dumps(tuple(batch))))
            if len(waiting) > processes * AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


class _Reader:
    """A process that parses what it is given, one batch after another, and keeps nothing.

    A pool of `concurrent.futures` waits for ever where one is killed while it writes its answer:
    all of them share a pipe there, which then stays open.
    """

    def __init__(self, mapped: Mapped, headers: tuple[str, ...]) -> None:
        context = get_context("spawn")  # a copy of a process with threads may hang
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, mapped, headers), daemon=True)
        with _own_signals():
            self._process.start()
        theirs.close()

    def parse(self, batch: bytes) -> Staged:
        """What the batch says. Raises ReaderKilled."""
        try:
            self._pipe.send_bytes(batch)
            told = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise ReaderKilled from error
        if isinstance(told, Exception):
            raise told
        assert isinstance(told, Staged)  # noqa: S101 - for types
        return told

    def end(self) -> None:
        """Whoever waits for its answer hears that none comes."""
        self._process.kill()
        self._process.join()
        self._pipe.close()


def _by_one_of(idle: Idle, batch: bytes) -> Staged:
    reader = idle.get()
    try:
        return reader.parse(batch)
    finally:
        idle.put(reader)


@contextmanager
def _readers(mapped: Mapped, headers: tuple[str, ...], count: int) -> Iterator[Idle]:
    idle: Idle = SimpleQueue()
    readers: list[_Reader] = []
    try:
        for _ in range(count):
            readers.append(_Reader(mapped, headers))
            idle.put(readers[-1])
        yield idle
    finally:
        for reader in readers:
            reader.end()


@contextmanager
def _threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """One for each reader to wait for it; what nobody has begun is forgotten at the end."""
    threads = ThreadPoolExecutor(count)
    try:
        yield threads
    finally:
        threads.shutdown(cancel_futures=True)


@contextmanager
def _own_signals() -> Iterator[None]:
    """Let processes that begin here not hear Ctrl-C, which a terminal sends to all of them."""
    ensure_running()  # as it starts, it would have signals heard again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(theirs: Connection, mapped: Mapped, headers: tuple[str, ...]) -> None:
    """Serve the process that began this one, and end when that does."""
    parser = BatchParser(mapped, headers, people=mapped.people)
    with suppress(EOFError, OSError):
        while True:
            theirs.send(_told(parser, theirs.recv_bytes()))


def _told(parser: BatchParser, batch: bytes) -> Staged | Exception:
    try:
        return parser.parse(Batch(*marshal.loads(batch)))  # noqa: S302 - written by this program
    except Exception as error:  # noqa: BLE001 - raised where somebody hears it
        error.add_note(traceback.format_exc())
        return error
