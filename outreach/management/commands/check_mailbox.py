"""Try a mailbox's two servers, as whoever set it up would."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from iam.services import organisation_by_slug
from outreach.models import Mailbox
from outreach.services.checking import check
from prospectflow.errors import DomainError
from prospectflow.tenancy.context import tenant
from prospectflow.tenancy.roles import ServingCommand


class Command(ServingCommand):
    """Sign in at a mailbox's servers, and say in one sentence what is wrong."""

    help = "Sign in at a mailbox's SMTP and IMAP servers; nothing is sent and nothing is marked."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("address", help="The mailbox's address.")
        parser.add_argument("--organisation", required=True, metavar="SLUG")

    def handle(self, *, address: str, organisation: str, **options: Any) -> None:
        try:
            with tenant(organisation_by_slug(organisation).pk):
                mailbox = Mailbox.objects.filter(address=address.strip().lower()).first()
            if mailbox is None:
                raise CommandError(f"{organisation} has no mailbox {address}.", returncode=2)
            folders = check(mailbox)
        except DomainError as error:
            raise CommandError(str(error), returncode=2) from error
        self.stdout.write(f"{mailbox} sends and is read ({', '.join(folders)}).")
