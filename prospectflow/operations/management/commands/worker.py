"""manage.py worker: run the jobs of the queue, and make jobs of what is due."""

import asyncio
import gc
import os
import socket
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.utils import timezone

from prospectflow.monitoring.serving import PortTaken, answering
from prospectflow.queue.connecting import connect_directly
from prospectflow.queue.working import Work, queue_names, work
from prospectflow.tenancy.roles import ServingCommand
from prospectflow.ticking import tick


class Command(ServingCommand):
    """Any number may run. SIGTERM and Ctrl-C end it within ten seconds, wherever its jobs are."""

    help = "Send, read the inboxes, write drafts, import, verify: run the jobs of the queue."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--queues", metavar="NAMES", help="Only these, separated by commas.")
        parser.add_argument("--name", help="How the log names it; else the machine and process.")
        parser.add_argument(
            "--one-shot", action="store_true", help="Work off what is there, then end."
        )
        parser.add_argument(
            "--attached", action="store_true", help="End when standard input does as well."
        )

    def execute(self, *args: Any, **options: Any) -> Any:
        connect_directly()
        return super().execute(*args, **options)

    def handle(
        self,
        *args: Any,
        queues: str | None,
        name: str | None,
        one_shot: bool,
        attached: bool,
        **options: Any,
    ) -> None:
        chosen = queues.split(",") if queues else None
        if unknown := set(chosen or ()) - queue_names():
            names, known = (", ".join(sorted(each)) for each in (unknown, queue_names()))
            raise CommandError(f"There is no queue {names}: choose from {known}.", returncode=2)
        wanted = Work(
            name=name or f"{socket.gethostname()}:{os.getpid()}",
            queues=chosen,
            one_shot=one_shot,
            attached=attached,
            tick=lambda: tick(now=timezone.now()),
        )
        gc.freeze()  # what is loaded stays; to look through it for garbage took a tenth of the time
        try:
            with answering(settings.WORKER_METRICS):
                asyncio.run(work(wanted))
        except PortTaken as error:
            raise CommandError(str(error), returncode=2) from error
