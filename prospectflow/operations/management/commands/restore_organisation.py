"""Bring one organisation back from a file that backup_organisation wrote."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from iam.models import Organisation
from prospectflow.errors import DomainError
from prospectflow.operations.organisations.archives import Archive, Contents, opened
from prospectflow.operations.organisations.bringing_back import Brought, bring_back
from prospectflow.operations.organisations.taking_out import take_out
from prospectflow.tenancy.roles import ServingCommand


class Command(ServingCommand):
    """Exit 0 when it is back, 1 when not confirmed, 2 when refused; then nothing is changed."""

    help = (
        "Put one organisation back as it was when backup_organisation wrote the file. What it"
        " holds now is saved beside that file first; its sending stays stopped until resumed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--yes", action="store_true", help="Do not ask.")

    def handle(self, *, file: Path, yes: bool, **options: Any) -> None:
        now = timezone.now()
        try:
            archive = opened(file)
            there = Organisation.objects.filter(pk=archive.contents.organisation_id).first()
            self._foretell(archive.contents, there)
            if not yes and not _confirmed(archive.contents.slug):
                raise CommandError("Nothing was changed.", returncode=1)
            if there is not None:
                saved, _ = take_out(there, file.parent, now=now, why="_before")
                self.stdout.write(f"What it holds now is in {saved}.")
            self._conclude(archive, bring_back(archive, now=now))
        except DomainError as error:
            raise CommandError(str(error), returncode=2) from error

    def _foretell(self, contents: Contents, there: Organisation | None) -> None:
        self.stdout.write(
            f"{contents.name} ({contents.slug}), as it was on"
            f" {contents.made_at:%Y-%m-%d %H:%M} UTC."
        )
        self.stdout.write(
            "It takes the place of what the organisation holds now. Its members, its programs, its"
            " trail and whom it must not write to stay."
            if there
            else "It is not in this database: its members come back with it."
        )

    def _conclude(self, archive: Archive, brought: Brought) -> None:
        self.stdout.write(f"{brought.rows:,} rows are back.")
        if brought.doubtful:
            self.stdout.write(
                f"{brought.doubtful} mail(s) may have left meanwhile: they are not sent unless a"
                " person says so."
            )
        self.stdout.write(
            "Its sending is stopped. Once the inboxes were read and you looked it through:"
            f" manage.py sending resume --organisation {archive.contents.slug}"
        )


def _confirmed(slug: str) -> bool:
    try:
        return input(f"Type “{slug}” to confirm: ").strip() == slug
    except EOFError:
        return False
