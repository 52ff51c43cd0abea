"""Tie a program to an organisation from the command line."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from iam.models import Role
from iam.services import organisation_by_slug, register_service_account
from prospectflow.errors import DomainError
from prospectflow.tenancy.context import tenant
from prospectflow.tenancy.roles import ServingCommand

SHAPE = "Give the program a name, and a client ID of 1 to 255 characters without spaces."
OFFERED = [role.value for role in Role if role != Role.OWNER]


class Command(ServingCommand):
    """Exit 0 when the program may act in the organisation, 2 when that is refused."""

    help = "Let the program that signs in with this client ID act in one organisation."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="What the program is called on the organisation's pages.")
        parser.add_argument("--client-id", required=True, metavar="ID")
        parser.add_argument("--organisation", required=True, metavar="SLUG")
        parser.add_argument("--role", choices=OFFERED, default=Role.MEMBER.value)

    def handle(
        self, *, name: str, client_id: str, organisation: str, role: str, **options: Any
    ) -> None:
        try:
            entered = organisation_by_slug(organisation)
            with tenant(entered.pk):
                account = register_service_account(name, client_id, role)
        except DomainError as error:
            raise CommandError(str(error), returncode=2) from error
        except ValidationError as error:
            raise CommandError(SHAPE, returncode=2) from error
        self.stdout.write(f"{account} ({client_id}) acts in {entered} as {role}.")
