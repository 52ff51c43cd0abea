"""Write all that one organisation holds into a file."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from iam.services import organisation_by_slug
from prospectflow.errors import DomainError
from prospectflow.operations.organisations.taking_out import take_out
from prospectflow.tenancy.roles import ServingCommand


class Command(ServingCommand):
    """Exit 0 when the file is there, 2 when refused."""

    help = "Write all that one organisation holds into a file: to hand out, or to bring it back."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("organisation", metavar="SLUG")
        parser.add_argument(
            "--to", metavar="DIR", type=Path, help="Instead of into BACKUP_DIRECTORY."
        )

    def handle(self, *, organisation: str, to: Path | None, **options: Any) -> None:
        directory = to or Path(settings.BACKUP_DIRECTORY)
        try:
            path, contents = take_out(
                organisation_by_slug(organisation), directory, now=timezone.now()
            )
        except DomainError as error:
            raise CommandError(str(error), returncode=2) from error
        self.stdout.write(f"{path}: {contents.rows:,} rows of {len(contents.parts)} tables.")
