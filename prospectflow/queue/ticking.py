"""A worker's own clock: it has done, again and again, what makes jobs of what is due."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import InterfaceError, OperationalError, connection

LAST_TICK_SECONDS = 1.0

logger = logging.getLogger(__name__)


@contextmanager
def ticking(tick: Callable[[], object], *, seconds: float) -> Iterator[None]:
    """Call `tick` at once and then every so many seconds, in a thread of its own; 0: never.

    Whatever goes wrong in it is told in the log, and the next one is tried.
    """
    ended = threading.Event()
    thread = threading.Thread(target=_tick, args=(tick, seconds, ended), daemon=True)
    if seconds:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        if seconds:
            thread.join(LAST_TICK_SECONDS)  # one that hangs must not keep the worker


def _tick(tick: Callable[[], object], seconds: float, ended: threading.Event) -> None:
    while not ended.is_set():
        try:
            tick()
        except (OperationalError, InterfaceError) as error:
            logger.warning("Nothing was deferred: %s", " ".join(str(error).split()))
            connection.close()
        except Exception:
            logger.exception("Nothing was deferred")
            connection.close()
        ended.wait(seconds)
    connection.close()
