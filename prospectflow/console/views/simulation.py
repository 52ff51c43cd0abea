"""What a campaign would do: its mails by day, what holds them back, and what came of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_safe

from outreach.models import Campaign
from outreach.services.forecasting import Comparison, compared
from outreach.services.newcomers import newcomers
from outreach.services.simulating import options_for, simulate
from outreach.simulation import words
from outreach.simulation.outcome import Outcome
from outreach.simulation.state import Newcomers, Options
from prospectflow.console.charts import by_day
from prospectflow.console.forms import SimulationForm
from prospectflow.console.views import page
from prospectflow.errors import DomainError

MOST = 5_000  # waiting mails: a page answers within seconds, the command takes a hundred thousand
SHOWN = 50  # people who are never written to


@require_safe
def shown(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """Simulate the campaign as it stands, and hold what was foreseen against what left."""
    campaign, now = get_object_or_404(Campaign, pk=campaign_id), timezone.now()
    form = SimulationForm(request.GET)
    found = _simulated(campaign, form, now) if form.is_valid() else {}
    comparison = compared(campaign, now=now)
    return page(
        request,
        "simulation.html",
        f"Simulation of {campaign}",
        campaign=campaign,
        form=form,
        **found,
        **(_against(comparison) if comparison else {}),
    )


def _simulated(campaign: Campaign, form: SimulationForm, now: datetime) -> dict[str, Any]:
    try:
        options = options_for(campaign, **form.options())
        everyone = form.cleaned_data["everyone"]
        more = newcomers(campaign, now=now, most=MOST + 1) if everyone else Newcomers()
        outcome = simulate(campaign, options, now=now, more=more, most=MOST)
    except DomainError as refusal:
        return {"refusal": str(refusal)}
    return _told(outcome, options)


def _told(outcome: Outcome, options: Options) -> dict[str, Any]:
    mails = outcome.by_day()
    days = sorted(mails.keys() | outcome.others.keys())
    return {
        "outcome": outcome,
        "options": options,
        "in_short": list(words.in_short(outcome, options)),
        "left_out": list(words.left_out(outcome)),
        "assumed": words.ASSUMED,
        "chart": by_day({"mails": mails, "mails of other campaigns": outcome.others}),
        "days": [(day, mails.get(day, 0), outcome.others[day]) for day in days],
        "holds": [(hold, words.reason(hold)) for hold in outcome.binding()],
        "never": outcome.never_written()[:SHOWN],
    }


def _against(comparison: Comparison) -> dict[str, Any]:
    return {
        "comparison": comparison,
        "actual_chart": by_day(
            {
                "mails foreseen": {day.day: day.foreseen for day in comparison.days},
                "mails that left": {day.day: day.actual for day in comparison.days},
            }
        ),
    }
