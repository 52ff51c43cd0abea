"""The worker beside a laptop's web process, so that an import started in the console runs."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings


@contextmanager
def worker_beside(directory: Path) -> Iterator[None]:
    """A worker in a process of its own, its log in this folder; it ends when this process does.

    Also when this one is killed: the worker reads from a pipe whose other end is gone then.
    """
    command = [sys.executable, "manage.py", "worker", "--attached"]
    with (
        (directory / "worker.log").open("wb") as log,
        subprocess.Popen(
            command, cwd=settings.BASE_DIR, stdin=subprocess.PIPE, stdout=log, stderr=log
        ),  # leaving closes the pipe, and waits
    ):
        yield
