"""Make somebody an operator of the platform, or a plain person again."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from iam.services import grant_operator, known_person, person_of, revoke_operator
from prospectflow.errors import DomainError
from prospectflow.tenancy.roles import ServingCommand


class Command(ServingCommand):
    """Exit 0 when done, 2 when there is no such address, or nobody to take it away from."""

    help = "Let somebody enter any organisation with a reason, for a limited time."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="The operator's address.")
        parser.add_argument("--revoke", action="store_true", help="Take it away again.")

    def handle(self, *, email: str, revoke: bool, **options: Any) -> None:
        try:
            user = known_person(email) if revoke else person_of(email)
        except DomainError as error:
            raise CommandError(str(error), returncode=2) from error
        if revoke:
            revoke_operator(user, at=timezone.now())
            self.stdout.write(f"{user.email} is an operator no more; open visits have ended.")
        else:
            grant_operator(user)
            self.stdout.write(
                f"{user.email} is an operator: visits need a reason and stand in the trail."
            )
