"""Stop every mail at once, or let them leave again."""

import sys
from contextlib import nullcontext
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from iam.models import Organisation
from iam.services import organisation_by_slug
from outreach.services import switches
from outreach.services.switches import Switch
from prospectflow.errors import DomainError
from prospectflow.tenancy.context import tenant
from prospectflow.tenancy.roles import ServingCommand

EVERYWHERE = {"stop": switches.stop_platform, "resume": switches.resume_platform}
OF_ONE = {"stop": switches.stop_organisation, "resume": switches.resume_organisation}
DONE = {
    ("stop", True): "All sending of {whose} is stopped.",
    ("stop", False): "All sending of {whose} was stopped already: the first reason stands.",
    ("resume", True): "Mails of {whose} may leave again.",
    ("resume", False): "Sending of {whose} was not stopped.",
}


class Command(ServingCommand):
    """Exit 0 when done, or when mails may leave; 1 when `status` says that none may; 2 refused."""

    help = "Stop all sending, everywhere or of one organisation, let it go on, or say how it is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["stop", "resume", "status"])
        parser.add_argument("--organisation", metavar="SLUG", help="Of this organisation alone.")
        parser.add_argument("--reason", default="", help="Why; people read it. Needed to stop.")

    def handle(self, *, action: str, organisation: str | None, reason: str, **options: Any) -> None:
        try:
            closed = self._act(action, organisation, reason)
        except DomainError as error:
            raise CommandError(str(error), returncode=2) from error
        if action != "stop":
            self.stdout.writelines(map(_line, closed))
        if action == "status":
            _conclude(closed, self)

    def _act(self, action: str, slug: str | None, reason: str) -> list[Switch]:
        """Do what was asked, and return what keeps mails from leaving afterwards."""
        organisation = organisation_by_slug(slug) if slug is not None else None
        with tenant(organisation.pk) if organisation else nullcontext():
            if action != "status":
                act = (OF_ONE if organisation else EVERYWHERE)[action]
                changed = act(reason=reason, at=timezone.now())
                whose = organisation or "every organisation"
                self.stdout.write(DONE[action, changed].format(whose=whose))
            return switches.closed_switches() if organisation else switches.closed_everywhere()


def _conclude(closed: list[Switch], command: Command) -> None:
    """The last line, and for whoever only asks for the exit code, that."""
    if closed:
        command.stdout.write("No mail leaves.")
        sys.exit(1)  # an answer, and no error of the command's
    stopped = Organisation.objects.exclude(sending_stopped_at=None).order_by("slug")
    but = ", ".join(stopped.values_list("slug", flat=True))
    command.stdout.write(f"Mails may leave, but not of: {but}." if but else "Mails may leave.")


def _line(switch: Switch) -> str:
    since = f" Since {switch.since:%Y-%m-%d %H:%M} UTC." if switch.since else ""
    return f"{switch.sentence}{since}\n"
