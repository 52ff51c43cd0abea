"""manage.py work: read the inboxes and send what may leave, round after round."""

import os
import signal
import socket
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from prospectflow.tenancy.roles import ServingCommand
from prospectflow.working import Worker

GLANCE_SECONDS = 0.2


class Command(ServingCommand):
    """Any number may run. SIGTERM and Ctrl-C end it after the mail that is leaving."""

    help = "Read the inboxes, write drafts that wait for approval, send what is due and approved."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="One round, then end.")
        parser.add_argument("--pause", type=float, default=5, metavar="SECONDS")

    def handle(self, *args: Any, once: bool, pause: float, **options: Any) -> None:
        if not 0 <= pause <= 300:
            raise CommandError("--pause must be from 0 to 300 seconds.", returncode=2)
        worker = Worker(name=f"{socket.gethostname()}:{os.getpid()}", clock=timezone.now)
        with _ends_on_signals(worker):
            while not worker.stopping:
                if sent := worker.round():
                    self.stdout.write(f"{timezone.now():%Y-%m-%d %H:%M:%S} UTC: {sent} sent")
                if once:
                    return
                _pause(worker, pause)


@contextmanager
def _ends_on_signals(worker: Worker) -> Iterator[None]:
    def stop(*_: Any) -> None:
        worker.stopping = True

    before = {each: signal.signal(each, stop) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _pause(worker: Worker, seconds: float) -> None:
    """Sleep in glances: a signal's handler may not wake a sleep, nor safely set an event."""
    end = time.monotonic() + seconds
    while not worker.stopping and (left := end - time.monotonic()) > 0:
        time.sleep(min(left, GLANCE_SECONDS))
