"""manage.py simulate_campaign: when each mail would leave, and what holds mails back."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, TextIO, cast

from django.core.management.base import CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from iam.models import Organisation
from iam.services import organisation_by_slug
from outreach.models import Campaign
from outreach.services.campaigns import CampaignUnknown, campaign_called
from outreach.services.forecasting import Comparison, compared
from outreach.services.newcomers import newcomers
from outreach.services.simulating import LONGEST, options_for, simulate
from outreach.simulation.outcome import Outcome
from outreach.simulation.state import DAYS, Newcomers, Options
from outreach.simulation.words import as_values, sentences
from prospectflow.errors import DomainError
from prospectflow.tenancy.context import tenant
from prospectflow.tenancy.roles import ServingCommand

WIDEST, WIDTH = 40, 160  # characters of the longest bar, and of a line where nobody watches


class CampaignElsewhere(DomainError):
    """Several organisations have a campaign of this name: name one with --organisation."""


class Command(ServingCommand):
    """Exit 0 when it could be simulated, 2 when not. Nothing is written."""

    help = "Say when each mail of a campaign would leave, and what holds mails back."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("campaign", metavar="CAMPAIGN", help="Its name or id.")
        parser.add_argument("--organisation", metavar="SLUG", help="Else: whose campaign it is.")
        parser.add_argument("--days", type=int, default=DAYS, help=f"At most {LONGEST}.")
        parser.add_argument(
            "--reply-rate", type=float, metavar="SHARE", help="Such as 0.03; else its own so far."
        )
        parser.add_argument("--seed", type=int, default=0, help="Another draws other answers.")
        parser.add_argument(
            "--everyone", action="store_true", help="With all who would be enrolled now."
        )
        parser.add_argument("--json", action="store_true", help="Everything, for programs.")
        parser.add_argument("--mails", action="store_true", help="Every single mail as well.")

    def handle(self, *, campaign: str, organisation: str | None, **options: Any) -> None:
        now = timezone.now()
        try:
            whose = _whose(campaign, organisation)
            with tenant(whose.pk):
                chosen = campaign_called(campaign)
                asked = {name: options[name] for name in ("days", "reply_rate", "seed")}
                given = options_for(chosen, **asked)
                more = newcomers(chosen, now=now) if options["everyone"] else Newcomers()
                outcome = simulate(chosen, given, now=now, more=more)
                comparison = compared(chosen, now=now)
        except DomainError as error:
            raise CommandError(str(error), returncode=2) from error
        tell = self._tell_json if options["json"] else self._tell
        tell(chosen, outcome, given, comparison, mails=options["mails"])

    def _tell_json(
        self,
        campaign: Campaign,
        outcome: Outcome,
        options: Options,
        comparison: Comparison | None,
        *,
        mails: bool,
    ) -> None:
        told = {"campaign": campaign.pk} | as_values(outcome, options, mails=mails)
        told |= {"against_actual": comparison.as_values() if comparison else None}
        self.stdout.write(json.dumps(told, indent=2, ensure_ascii=False, cls=DjangoJSONEncoder))

    def _tell(
        self,
        campaign: Campaign,
        outcome: Outcome,
        options: Options,
        comparison: Comparison | None,
        *,
        mails: bool,
    ) -> None:
        console = Console(file=cast(TextIO, self.stdout), highlight=False, markup=False)
        if not console.is_terminal:
            console.width = WIDTH
        for table in _tables(campaign, outcome, comparison, mails=mails):
            if table.row_count:
                console.print(table)
        for line in sentences(outcome, options):
            console.print(line, soft_wrap=True)
        if comparison:
            console.print(comparison.sentence, soft_wrap=True)


def _whose(campaign: str, slug: str | None) -> Organisation:
    """The organisation that was named, or the only one that has this campaign."""
    if slug is not None:
        return organisation_by_slug(slug)
    match [each for each in Organisation.objects.order_by("name") if _has(each, campaign)]:
        case [organisation]:
            return organisation
        case []:
            raise CampaignUnknown(f"There is no campaign “{campaign}”: look its name up.")
    raise CampaignElsewhere


def _has(organisation: Organisation, campaign: str) -> bool:
    with tenant(organisation.pk):
        try:
            return bool(campaign_called(campaign))
        except CampaignUnknown:
            return False


def _tables(
    campaign: Campaign, outcome: Outcome, comparison: Comparison | None, *, mails: bool
) -> Iterator[Table]:
    yield _by_day(campaign, outcome)
    if mails:
        yield _each_mail(outcome)
    if comparison:
        yield _against(comparison)


def _by_day(campaign: Campaign, outcome: Outcome) -> Table:
    days, table = outcome.by_day(), Table("Day", title=f"Simulation of “{campaign}”")
    table.add_column("Mails", justify="right")
    table.add_column("Of others", justify="right")
    table.add_column("", no_wrap=True)
    most = max(days.values(), default=1)
    for day in sorted(days.keys() | outcome.others.keys()):
        number, others = days.get(day, 0), outcome.others[day]
        bar = "█" * max(round(WIDEST * number / most), number > 0)
        table.add_row(f"{day:%a %Y-%m-%d}", str(number), str(others or ""), bar)
    return table


def _each_mail(outcome: Outcome) -> Table:
    table = Table("Instant", "Mailbox", "Step", "Position", "To", title="Every mail")
    for mail in outcome.mails:
        table.add_row(
            _instant(outcome, mail.at),
            mail.mailbox,
            str(mail.step_index + 1),
            str(mail.position_id),
            mail.address,
        )
    return table


def _instant(outcome: Outcome, at: datetime) -> str:
    return f"{at.astimezone(outcome.zone):%Y-%m-%d %H:%M:%S}"


def _against(comparison: Comparison) -> Table:
    table = Table("Day", title="Simulated against actual")
    for name in ("Simulated", "Actual", "Difference"):
        table.add_column(name, justify="right")
    for day in comparison.days:
        table.add_row(f"{day.day:%a %Y-%m-%d}", *map(str, (day.foreseen, day.actual, day.error)))
    return table
