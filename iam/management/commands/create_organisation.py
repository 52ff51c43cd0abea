"""Make an organisation and its owner: the first step on a new server."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import IntegrityError
from django.utils.text import slugify

from iam.services import found_organisation, person_of
from prospectflow.errors import DomainError
from prospectflow.tenancy.roles import ServingCommand


class Command(ServingCommand):
    """Make an organisation with its one owner."""

    help = "Make an organisation with its one owner, who is made too if nobody has that address."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="What people call it.")
        parser.add_argument("--owner", required=True, metavar="EMAIL", help="Its owner's address.")
        parser.add_argument("--slug", help="Its short name in commands; made from the name.")

    def handle(self, *, name: str, owner: str, slug: str | None, **options: Any) -> None:
        slug = slug or slugify(name)
        try:
            organisation = found_organisation(name=name, slug=slug, owner=person_of(owner))
        except DomainError as error:
            raise CommandError(str(error), returncode=2) from error
        except IntegrityError as error:
            raise CommandError(
                f'"{slug}" cannot be its slug: it is taken, or has other characters than'
                " a to z, 0 to 9 and hyphens; choose another with --slug.",
                returncode=2,
            ) from error
        self.stdout.write(
            f"{organisation} is made: enter it as “{organisation.slug}”. {_way_in(owner)}"
        )


def _way_in(owner: str) -> str:
    """How the owner signs in for the first time, by what this server allows."""
    ways = []
    if settings.AUTH.configured:
        ways.append(f"Whoever first signs in with the verified address {owner} is its owner.")
    if settings.PASSWORD_SIGN_IN:
        ways.append(f"Set a password with `manage.py changepassword {owner}`.")
    return " ".join(ways)
