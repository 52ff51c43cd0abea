"""Look for mails in doubt among what the mailboxes sent."""

from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from iam.models import Organisation
from iam.services import organisation_by_slug
from outreach.management.moments import moment_of_the_past
from outreach.services.recalling import recall
from outreach.services.reconciling import reconcile
from prospectflow.errors import DomainError
from prospectflow.tenancy.roles import ServingCommand


class Command(ServingCommand):
    """Exit 0 when every mailbox could be looked into, 1 when one could not, 2 when refused."""

    help = "Look for the mails whose sending ended in doubt in the mailboxes' folders of sent mail."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organisation", metavar="SLUG", help="Of this organisation alone.")
        parser.add_argument(
            "--since",
            metavar="ISO",
            help="After a restore: also for mails since then that this database does not know.",
        )

    def handle(self, *, organisation: str | None, since: str | None, **options: Any) -> None:
        now = timezone.now()
        begin = moment_of_the_past(since, now) if since else None
        try:
            chosen = [organisation_by_slug(organisation)] if organisation else _everybody()
        except DomainError as error:
            raise CommandError(str(error), returncode=2) from error
        unread = sum(self._look(each, begin, now) for each in chosen)
        if unread:
            raise CommandError(f"{unread} mailbox(es) could not be looked into.", returncode=1)

    def _look(self, organisation: Organisation, since: datetime | None, now: datetime) -> int:
        """How many mailboxes could not be looked into."""
        unread = self._recall(organisation, since, now) if since else {}
        result = reconcile(organisation.pk, now=now)
        self.stdout.write(
            f"{organisation.slug}: {result.found} found among the sent mails,"
            f" {result.missing} not found."
        )
        for mailbox, problem in [*unread.items(), *result.problems.items()]:
            self.stderr.write(f"{organisation.slug}: {mailbox}: {problem}")
        return len(unread.keys() | result.problems.keys())

    def _recall(self, organisation: Organisation, since: datetime, now: datetime) -> dict[str, str]:
        recalled = recall(organisation.pk, since=since, now=now)
        self.stdout.write(f"{organisation.slug}: {recalled.found} forgotten mail(s) found.")
        return recalled.problems


def _everybody() -> list[Organisation]:
    return list(Organisation.objects.order_by("slug"))
