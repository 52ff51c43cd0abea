"""What was foreseen when a campaign started, held against what left."""

import logging
from collections import Counter
from datetime import date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Count, Q
from django.db.models.functions import TruncDate

from iam.models import Organisation
from outreach.models import Campaign, Enrollment, Forecast, Message
from outreach.services.simulating import options_for, simulate
from outreach.simulation.outcome import Outcome
from outreach.simulation.state import Options
from outreach.states import MessageStatus, TaskStatus
from prospectflow.errors import DomainError

LONG = 365  # days that are foreseen at a start
MOST = 5_000  # mails that may wait then: whoever starts a campaign does not wait for a minute
LEFT = Q(status=MessageStatus.SENT) | Q(task__status=TaskStatus.UNKNOWN)

logger = logging.getLogger(__name__)


class Day(NamedTuple):
    """One day's mails, foreseen and as they left."""

    day: date
    foreseen: int
    actual: int

    @property
    def error(self) -> int:
        """How many more left than foreseen; negative for fewer."""
        return self.actual - self.foreseen


class Comparison(NamedTuple):
    """The days that are over, from the first start on, on which mails left or should have.

    `made_at` is the last start, from which on its own forecast counts.
    """

    made_at: datetime
    days: list[Day]
    newcomers: int

    @property
    def mean_error(self) -> float:
        """The mean absolute error per day, in mails."""
        return sum(abs(day.error) for day in self.days) / len(self.days) if self.days else 0.0

    @property
    def difference(self) -> int:
        """How many more mails left than foreseen, in all; negative for fewer."""
        return sum(day.error for day in self.days)

    @property
    def sentence(self) -> str:
        """The error in words."""
        if not self.days:
            return "Simulated against actual: no day is over yet."
        later = f" {self.newcomers:,} people were enrolled later." if self.newcomers else ""
        return (
            f"Simulated against actual, over {len(self.days)} days: off by {self.mean_error:.1f}"
            f" mails a day on average, by {self.difference:+,} in all.{later}"
        )

    def as_values(self) -> dict[str, Any]:
        """The comparison as programs take it."""
        return {
            "made_at": self.made_at,
            "days": [each._asdict() for each in self.days],
            "mean_absolute_error": round(self.mean_error, 2),
            "difference": self.difference,
            "enrolled_later": self.newcomers,
        }


def foresee_start(campaign: Campaign, *, at: datetime) -> Forecast | None:
    """Keep what is foreseen for a campaign that starts; None, and a line in the log, if it fails.

    It never raises: a campaign starts whether or not it can be simulated.
    """
    try:
        with transaction.atomic():
            options = options_for(campaign, days=LONG)
            return keep(campaign, simulate(campaign, options, now=at, most=MOST), options)
    except DomainError as refusal:
        logger.info("Campaign %s starts without a forecast: %s", campaign.pk, refusal)
    except Exception:
        logger.exception("Campaign %s could not be simulated when it started.", campaign.pk)
    return None


def keep(campaign: Campaign, outcome: Outcome, options: Options) -> Forecast:
    """Write an outcome down as the campaign's forecast, from now on; the days before stay."""
    days = _foreseen_before(campaign, outcome.began_at) + Counter(outcome.by_day())
    return Forecast.objects.create(
        campaign=campaign,
        made_at=outcome.began_at,
        options={"days": options.days, "reply_rate": options.reply_rate, "seed": options.seed},
        days={str(day): number for day, number in sorted(days.items())},
        ends_at=outcome.ends_at,
    )


def compared(campaign: Campaign, *, now: datetime) -> Comparison | None:
    """The last forecast against what left, up to yesterday; None where nothing was foreseen."""
    forecasts = Forecast.objects.filter(campaign=campaign).order_by("made_at")
    first, last = forecasts.first(), forecasts.last()
    if first is None or last is None:
        return None
    zone = _zone_of(campaign)
    today = now.astimezone(zone).date()
    foreseen, actual = _foreseen(last), _left(campaign, first.made_at, zone)
    over = sorted(day for day in foreseen.keys() | actual.keys() if day < today)
    later = Enrollment.objects.filter(campaign=campaign, enrolled_at__gt=last.made_at).count()
    days = [Day(day, foreseen[day], actual[day]) for day in over]
    return Comparison(last.made_at, days, later)


def _foreseen_before(campaign: Campaign, at: datetime) -> Counter[date]:
    """What earlier starts foresaw for the days that are over, and what left today until now."""
    forecasts = Forecast.objects.filter(campaign=campaign).order_by("made_at")
    first, last = forecasts.first(), forecasts.last()
    if first is None or last is None:
        return Counter()
    zone = _zone_of(campaign)
    today = at.astimezone(zone).date()
    over = Counter({day: number for day, number in _foreseen(last).items() if day < today})
    return over + Counter({today: _left(campaign, first.made_at, zone)[today]})


def _foreseen(forecast: Forecast) -> Counter[date]:
    return Counter({date.fromisoformat(day): number for day, number in forecast.days.items()})


def _zone_of(campaign: Campaign) -> ZoneInfo:
    organisation = Organisation.objects.only("time_zone").get(pk=campaign.organisation_id)
    return ZoneInfo(organisation.time_zone)


def _left(campaign: Campaign, since: datetime, zone: ZoneInfo) -> Counter[date]:
    """The campaign's mails on each local day from an instant on, those in doubt included."""
    mails = Message.objects.outbound().filter(
        LEFT, enrollment__campaign=campaign, sent_at__gte=since
    )
    counted = mails.order_by().annotate(day=TruncDate("sent_at", tzinfo=zone)).values("day")
    return Counter(dict(counted.annotate(number=Count("pk")).values_list("day", "number")))
