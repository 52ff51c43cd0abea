"""Seal every secret anew by the newest key, so that older keys can be retired."""

from typing import Any

from django.core.management.base import CommandError

from outreach.services.rotating import rotate
from prospectflow.errors import DomainError
from prospectflow.tenancy.roles import ServingCommand


class Command(ServingCommand):
    """Go through the secrets of all organisations; broken off, it goes on where it was."""

    help = "Seal every stored secret by the first of CREDENTIAL_KEYS; says how many were changed."

    def handle(self, **options: Any) -> None:
        try:
            done = rotate()
        except DomainError as error:
            raise CommandError(str(error), returncode=2) from error
        self.stdout.write(f"{done.sealed} sealed anew, {done.newest} by the newest key already.")
        if done.unreadable:
            names = ", ".join(done.unreadable)
            raise CommandError(
                f"No key in CREDENTIAL_KEYS opens {names}: restore the key or enter them again.",
                returncode=2,
            )
