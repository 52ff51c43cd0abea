"""Serve the console on this machine, at PUBLIC_URL, and run the jobs that it defers."""

from contextlib import nullcontext
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from prospectflow.errors import DomainError
from prospectflow.operations.beside import worker_beside
from prospectflow.operations.demo.web import listening_address
from prospectflow.tenancy.roles import ServingCommand


class Command(ServingCommand):
    """Serve the console on a laptop."""

    help = "Serve the console on a laptop, at PUBLIC_URL; a server runs prospectflow.wsgi instead."

    def handle(self, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError(
                "This is for a laptop: with DEBUG off run granian on prospectflow.wsgi"
                " (docs/operations.md).",
                returncode=2,
            )
        try:
            host, port = listening_address(settings.PUBLIC_URL)
        except DomainError as error:
            raise CommandError(str(error), returncode=2) from error
        with worker_beside(settings.LOCAL_DIRECTORY) if settings.EMBEDDED else nullcontext():
            call_command("runserver", f"{host}:{port}", use_reloader=False)
