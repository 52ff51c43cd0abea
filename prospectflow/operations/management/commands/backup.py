"""Back up the database, once or each day."""

import signal
import sys
from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time
from pathlib import Path
from time import sleep
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from prospectflow.errors import DomainError
from prospectflow.operations.backups.connecting import owner_url
from prospectflow.operations.backups.copying import is_behind
from prospectflow.operations.backups.daily import is_due, waits
from prospectflow.operations.backups.errors import BackupFailed, ProgramFailed
from prospectflow.operations.backups.making import Made, back_up, copy_again
from prospectflow.operations.backups.names import KINDS, Name
from prospectflow.operations.backups.retention import newest
from prospectflow.tenancy import SCHEMAS

LOOKS_SECONDS = 30
TO = "Else BACKUP_DIRECTORY; what expires is deleted there alone, and never here."


class Command(BaseCommand):
    """Exit 0 when it was made, 1 when it or what follows it failed, 2 when refused."""

    help = "Back up the database as its owner: full, schema (definitions) or data (rows)."
    requires_system_checks: list[str] = []  # a backup is wanted most where something is wrong

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", choices=KINDS, help="Definitions and rows, or one of them.")
        parser.add_argument("--schema", choices=SCHEMAS, help="Of this schema alone.")
        parser.add_argument("--to", type=Path, metavar="DIR", help=TO)
        parser.add_argument(
            "--trial-restore",
            action="store_true",
            help="Restore it into a scratch database, and compare rows and migrations.",
        )
        parser.add_argument(
            "--daily",
            type=_hour,
            metavar="HH:MM",
            help="Run for ever, and make one each day at this hour (UTC).",
        )

    def handle(self, *args: Any, daily: time | None, **options: Any) -> None:
        try:
            with _ended_by_sigterm(0 if daily else 143):
                if daily:
                    self._for_ever(daily, options)
                self.stdout.write(f"{_make(options, timezone.now())}.")
        except KeyboardInterrupt:
            raise CommandError("Stopped: nothing was kept of it.", returncode=130) from None
        except DomainError as error:
            failed = isinstance(error, BackupFailed | ProgramFailed)
            raise CommandError(str(error), returncode=1 if failed else 2) from error

    def _for_ever(self, daily: time, options: dict[str, Any]) -> None:
        failed = None
        while True:
            now = timezone.now()
            if not waits(now=now, failed=failed):
                try:
                    self._do_what_is_due(daily, options, now)
                except DomainError as error:
                    self.stderr.write(str(error))
                    failed = now
            sleep(LOOKS_SECONDS)

    def _do_what_is_due(self, daily: time, options: dict[str, Any], now: datetime) -> None:
        """A backup, or only the copy of one that was made and not copied."""
        directory = _directory(options)
        last = newest(directory, kind=options["kind"], schemas=_schemas(options))
        if is_due(daily, now=now, newest=last):
            self.stdout.write(f"{_make(options, now)}.")
        elif is_behind(directory):
            copy_again(directory, now=now, database_url=owner_url())
            self.stdout.write("What had not been copied is copied.")


def _make(options: dict[str, Any], now: datetime) -> Made:
    return back_up(
        Name(options["kind"], _schemas(options), now),
        _directory(options),
        trial=options["trial_restore"],
        now=now,
        database_url=owner_url(),
    )


def _schemas(options: dict[str, Any]) -> tuple[str, ...]:
    return (options["schema"],) if options["schema"] else ()


def _directory(options: dict[str, Any]) -> Path:
    return Path(options["to"] or settings.BACKUP_DIRECTORY)


def _hour(text: str) -> time:
    try:
        return datetime.strptime(text, "%H:%M").replace(tzinfo=UTC).time()
    except ValueError:
        raise ArgumentTypeError(f"“{text}” is no hour such as 02:00") from None


@contextmanager
def _ended_by_sigterm(code: int) -> Iterator[None]:
    """A container's stop ends us as Ctrl-C would: what is not finished is taken away."""
    before = signal.signal(signal.SIGTERM, lambda *told: sys.exit(code))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
