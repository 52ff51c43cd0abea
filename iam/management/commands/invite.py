"""Invite somebody into an organisation from the command line."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from iam.models import Role
from iam.services import invite, organisation_by_slug
from prospectflow.errors import DomainError
from prospectflow.tenancy.context import tenant
from prospectflow.tenancy.roles import ServingCommand

OFFERED = [role.value for role in Role if role != Role.OWNER]


class Command(ServingCommand):
    """Exit 0 when the place is offered or its offer renewed, 2 when that is refused."""

    help = "Offer an address a place in an organisation; its first verified sign-in joins."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="The invited person's address.")
        parser.add_argument("--organisation", required=True, metavar="SLUG")
        parser.add_argument("--role", choices=OFFERED, default=Role.MEMBER.value)

    def handle(self, *, email: str, organisation: str, role: str, **options: Any) -> None:
        try:
            entered = organisation_by_slug(organisation)
            with tenant(entered.pk):
                invited = invite(email, role, at=timezone.now())
        except DomainError as error:
            raise CommandError(str(error), returncode=2) from error
        self.stdout.write(
            f"{invited.user.email} may join {entered} as {role} until"
            f" {invited.expires_at:%Y-%m-%d %H:%M} UTC, by signing in with that address."
        )
