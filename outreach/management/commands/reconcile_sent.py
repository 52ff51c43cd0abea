"""Look for mails in doubt among what the mailboxes sent."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from iam.models import Organisation
from iam.services import organisation_by_slug
from outreach.services.reconciling import reconcile
from prospectflow.errors import DomainError
from prospectflow.tenancy.roles import ServingCommand


class Command(ServingCommand):
    """Exit 0 when every mailbox could be looked into, 1 when one could not, 2 when refused."""

    help = "Look for the mails whose sending ended in doubt in the mailboxes' folders of sent mail."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organisation", metavar="SLUG", help="Of this organisation alone.")

    def handle(self, *, organisation: str | None, **options: Any) -> None:
        try:
            chosen = [organisation_by_slug(organisation)] if organisation else _everybody()
        except DomainError as error:
            raise CommandError(str(error), returncode=2) from error
        unread = sum(self._look(each) for each in chosen)
        if unread:
            raise CommandError(f"{unread} mailbox(es) could not be looked into.", returncode=1)

    def _look(self, organisation: Organisation) -> int:
        """How many mailboxes could not be looked into."""
        result = reconcile(organisation.pk, now=timezone.now())
        self.stdout.write(
            f"{organisation.slug}: {result.found} found among the sent mails,"
            f" {result.missing} not found."
        )
        for problem in result.problems:
            self.stderr.write(f"{organisation.slug}: {problem}")
        return len(result.problems)


def _everybody() -> list[Organisation]:
    return list(Organisation.objects.order_by("slug"))
