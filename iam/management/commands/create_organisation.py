"""Make an organisation and its owner: the first step on a new server."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import IntegrityError
from django.utils.text import slugify

from iam.services import found_organisation, person_of
from prospectflow.tenancy.roles import ServingCommand


class Command(ServingCommand):
    """Make an organisation with its one owner."""

    help = "Make an organisation with its one owner, who is made too if nobody has that address."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="What people call it.")
        parser.add_argument("--owner", required=True, metavar="EMAIL", help="Its owner's address.")
        parser.add_argument("--slug", help="Its short name in commands; made from the name.")

    def handle(self, *, name: str, owner: str, slug: str | None, **options: Any) -> None:
        if "@" not in owner:
            raise CommandError(f'"{owner}" is no e-mail address.', returncode=2)
        slug = slug or slugify(name)
        try:
            organisation = found_organisation(name=name, slug=slug, owner=person_of(owner))
        except IntegrityError as error:
            raise CommandError(
                f'"{slug}" cannot be its slug: it is taken, or has other characters than'
                " a to z, 0 to 9 and hyphens; choose another with --slug.",
                returncode=2,
            ) from error
        self.stdout.write(
            f"{organisation} is made: enter it as “{organisation.slug}”."
            f" Set a password with `manage.py changepassword {owner}`."
        )
