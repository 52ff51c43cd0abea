"""The worker beside a laptop's web process, so that an import started in the console runs."""

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from django.conf import settings

AGAIN_SECONDS = 2.0

logger = logging.getLogger(__name__)


@contextmanager
def worker_beside(directory: Path) -> Iterator[None]:
    """A worker in a process of its own, its log in this folder; it ends when this process does.

    Also when this one is killed: the worker reads from a pipe whose other end is gone then. One
    that ends before is started again after a moment.
    """
    ended = threading.Event()
    with (directory / "worker.log").open("wb") as log:
        keeper = threading.Thread(target=_keep, args=(_start(log), log, ended))
        keeper.start()
        try:
            yield
        finally:
            ended.set()
            keeper.join()


def _start(log: IO[bytes]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "manage.py", "worker", "--attached"]
    return subprocess.Popen(
        command, cwd=settings.BASE_DIR, stdin=subprocess.PIPE, stdout=log, stderr=log
    )


def _keep(worker: subprocess.Popen[bytes], log: IO[bytes], ended: threading.Event) -> None:
    """Start another whenever this one is gone, until the end; then wait for the last one."""
    while not ended.wait(AGAIN_SECONDS):
        if (code := worker.poll()) is not None:
            logger.warning("The worker ended with code %s: another one is started", code)
            worker.communicate()  # closes its pipe
            worker = _start(log)
    worker.communicate()
