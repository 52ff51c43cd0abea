"""Restore a backup over the database that serves."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from prospectflow.errors import DomainError
from prospectflow.operations.backups.archives import OpenArchive, verified
from prospectflow.operations.backups.connecting import owner_url
from prospectflow.operations.backups.databases import Server
from prospectflow.operations.backups.disk import sweep
from prospectflow.operations.backups.locking import alone
from prospectflow.operations.backups.restoring import Plan, planned, restore


class Command(BaseCommand):
    """Exit 0 when it was restored; 1 when not confirmed, 2 when refused: all is as it was."""

    help = (
        "Restore a backup into a new database, compare it, and let it take the place of the present"
        " one, which is kept. Nothing is sent afterwards until confirm_restore."
    )
    requires_system_checks: list[str] = []  # it must work while the database is broken

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="The backup; its manifest stands beside it.")
        parser.add_argument("--schema", help="Restore the rows of this schema alone.")
        parser.add_argument("--yes", action="store_true", help="Do not ask.")

    def handle(self, *args: Any, file: Path, schema: str | None, yes: bool, **options: Any) -> None:
        server = Server(owner_url())
        try:
            with alone(server.owner_url), _verified(file) as archive:
                plan = planned(server, archive, schema=schema, now=timezone.now())
                self._foretell(plan)
                if not yes and not _confirmed(server.database):
                    raise CommandError("Nothing was changed.", returncode=1)
                left = self._perform(plan)
        except KeyboardInterrupt:
            said = f"Stopped: {server.database} is as it was, unless it was just being replaced."
            raise CommandError(said, returncode=130) from None
        except DomainError as error:
            raise CommandError(str(error), returncode=2) from error
        self._say_what_is_next(plan, left)

    def _perform(self, plan: Plan) -> int:
        directory = Path(settings.BACKUP_DIRECTORY)
        return restore(plan, directory, now=timezone.now(), tell=self.stdout.write)

    def _foretell(self, plan: Plan) -> None:
        said, name = plan.archive.manifest, plan.server.database
        what = f"{plan.archive.path.name}, made at {said.made_at:%Y-%m-%d %H:%M %Z}"
        rows = sum(n for table, n in said.rows.items() if plan.takes(table))
        self.stdout.write(f"{what} of {said.database}: {rows:,} rows are restored.")
        if plan.is_empty:
            self.stdout.write(f"{name} is empty: there is nothing to back up.")
        else:
            self.stdout.write(f"First {name} is backed up to {settings.BACKUP_DIRECTORY}.")
        self.stdout.write(
            f"Its server needs room for both: {name} takes {_size(plan.takes_bytes)}, and the"
            f" archive is {_size(said.unpacked_bytes)} unpacked, without indexes."
        )
        if plan.schema:
            self.stdout.write(f"Other schemas than {plan.schema} stay; nobody writes meanwhile.")
        self.stdout.write(
            f"Sessions in {name} end, and it is kept as {plan.kept}. No mail leaves until"
            " confirm_restore."
        )

    def _say_what_is_next(self, plan: Plan, left: int) -> None:
        since = plan.archive.manifest.made_at.isoformat(timespec="seconds")
        self.stdout.write(f"{plan.server.database} is restored; it was kept as {plan.kept}.")
        if left:
            self.stdout.write(f"{left} job(s) of its queue begin again with the first worker.")
        self.stdout.write(
            f"Next, before any worker starts: manage.py confirm_restore --since {since}"
        )


@contextmanager
def _verified(file: Path) -> Iterator[OpenArchive]:
    """The archive, unpacked where nothing is left any more of what killed runs unpacked."""
    sweep(Path(settings.BACKUP_DIRECTORY))
    with verified(file) as archive:
        yield archive


def _size(count: int) -> str:
    return filesizeformat(count).replace("\N{NO-BREAK SPACE}", " ")


def _confirmed(database: str) -> bool:
    try:
        return input(f"Type the database's name, {database}, to restore: ").strip() == database
    except EOFError:
        return False
