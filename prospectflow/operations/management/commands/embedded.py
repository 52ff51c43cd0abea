"""Start, stop, look at or reset the embedded servers."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from prospectflow.errors import DomainError
from prospectflow.operations import embedded


class Command(BaseCommand):
    """Rule the embedded servers of a laptop."""

    help = (
        "Start, stop, look at or reset the embedded PostgreSQL, Valkey, mail and sign-in servers."
    )
    requires_system_checks: list[str] = []  # it must work while no database runs

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["start", "stop", "status", "reset"])
        parser.add_argument("--mail", action="store_true", help="Start the mail server as well.")
        parser.add_argument(
            "--sign-in", action="store_true", help="Start the OpenID provider as well."
        )
        parser.add_argument("--yes", action="store_true", help="Reset without asking.")

    def handle(self, *args: Any, action: str, yes: bool, **options: Any) -> None:
        refuse_unless_embedded()
        if action == "reset" and not yes and not self._confirmed():
            raise CommandError("Nothing was deleted.", returncode=2)
        try:
            self._do(action, {name: options[name] for name in ("mail", "sign_in")})
        except DomainError as error:
            raise CommandError(str(error), returncode=2) from error

    def _do(self, action: str, wanted: dict[str, bool]) -> None:
        directory = settings.LOCAL_DIRECTORY
        if action == "start":
            embedded.start(directory, **wanted)
        elif action == "stop":
            embedded.stop(directory)
        elif action == "reset":
            embedded.reset(directory)
        self._report(embedded.status(directory))

    def _report(self, status: embedded.Status) -> None:
        for server in status.servers:
            ports = ", ".join(f"{name} {port}" for name, port in server.ports.items())
            state = f"running, pid {server.pid}, {ports}" if server.running else "stopped"
            self.stdout.write(f"{server.name}: {state}")

    def _confirmed(self) -> bool:
        question = f"Delete every database and mail under {settings.LOCAL_DIRECTORY}? [y/N] "
        try:
            return input(question).strip().lower() in ("y", "yes")
        except EOFError:
            return False


def refuse_unless_embedded() -> None:
    """Raise where servers of one's own are configured, or where people are served."""
    if not settings.EMBEDDED:
        raise CommandError(
            "DATABASE_URL is set, so nothing embedded runs: unset it to use embedded servers.",
            returncode=2,
        )
    if not settings.DEBUG:
        raise CommandError(
            "The embedded servers are a young package, for a laptop: with DEBUG off, "
            "set DATABASE_URL to a PostgreSQL 18 server.",
            returncode=2,
        )
