"""Ask the domains of an organisation's addresses whether they take mail."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from iam.services import organisation_by_slug
from outreach.models import AddressCheck
from outreach.services.verifying import REPORTED, run_check, start_check
from prospectflow.errors import DomainError
from prospectflow.tenancy.context import tenant
from prospectflow.tenancy.roles import ServingCommand


class Command(ServingCommand):
    """Go on with the check that has not finished, else begin one; print its report."""

    help = "Ask the domains of all addresses whether they take mail; broken off, it goes on there."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organisation", required=True, metavar="SLUG")

    def handle(self, *, organisation: str, **options: Any) -> None:
        try:
            organisation_id = organisation_by_slug(organisation).pk
            with tenant(organisation_id):
                check = start_check(at=timezone.now())
        except DomainError as error:
            raise CommandError(str(error), returncode=2) from error
        run_check(organisation_id, check.pk, clock=timezone.now)
        with tenant(organisation_id):
            report = AddressCheck.objects.get(pk=check.pk).report
        for name in REPORTED:
            self.stdout.write(f"{name.replace('_', ' '):<13} {report[name]}")
