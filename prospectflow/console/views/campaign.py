"""A campaign's own page: its numbers, its steps, and the buttons that move it."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from iam.roles import may
from outreach.admin.campaigns import CAMPAIGN_COLOURS
from outreach.admin.enrolling import tell
from outreach.calendar import WEEKDAYS
from outreach.models import Campaign, Mailbox
from outreach.services import campaigns as services
from outreach.services.enrolling import enroll_everyone, not_yet_in
from outreach.services.explaining import waiting_in
from outreach.services.sharing import shares_of
from outreach.states import CampaignStatus, TaskStatus
from prospectflow.console import figures
from prospectflow.console.forms import CampaignMoveForm
from prospectflow.console.views import SeeOther, page
from prospectflow.errors import DomainError

SERVICES = {
    "start": (services.start, "started"),
    "pause": (services.pause, "paused"),
    "archive": (services.archive, "archived"),
    "restore": (services.restore, "restored"),
}
MOVES = {
    CampaignStatus.DRAFT: [("start", "Start"), ("archive", "Archive")],
    CampaignStatus.RUNNING: [("pause", "Pause"), ("archive", "Archive")],
    CampaignStatus.PAUSED: [("start", "Resume"), ("archive", "Archive")],
    CampaignStatus.ARCHIVED: [("restore", "Restore")],
}

WAITING_SHOWN = 5  # of the positions not yet in


@require_safe
def overview(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """What the campaign is, how far it has come, and what it brought."""
    campaign = get_object_or_404(
        Campaign.objects.with_numbers().select_related("created_by_user"),
        pk=campaign_id,
    )
    return page(
        request,
        "campaign.html",
        campaign.name,
        campaign=campaign,
        colour=CAMPAIGN_COLOURS[campaign.status],
        shares=_shares(campaign),
        hours=_hours(campaign),
        next_index=campaign.steps.aggregate(last=Max("step_index", default=-1))["last"] + 1,
        takes_in=may(request.membership, "change") and campaign.status != CampaignStatus.ARCHIVED,
        moves=MOVES[campaign.status] if may(request.membership, "change") else [],
        **figures.campaign_numbers(campaign),
    )


def _shares(campaign: Campaign) -> list[tuple[Mailbox, int]]:
    """Each of its mailboxes with its part of the load, in percent, the largest first."""
    weights = shares_of(campaign)
    total = sum(weights.values())
    found = Mailbox.objects.filter(pk__in=weights).order_by("address")
    shares = [(mailbox, round(100 * weights[mailbox.pk] / total)) for mailbox in found]
    return sorted(shares, key=lambda share: -share[1])


def _hours(campaign: Campaign) -> list[tuple[str, str]]:
    """Its own windows by weekday, if it has any."""
    windows = campaign.windows or {}
    return [
        (day.capitalize(), ", ".join("–".join(window) for window in windows[day]))
        for day in WEEKDAYS
        if windows.get(day)
    ]


@require_safe
def waiting(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """What waits in the campaign, and what holds it back."""
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    found = waiting_in(campaign, now=timezone.now())
    states = [
        (state.value, state.label, found.states[state.value])
        for state in TaskStatus
        if found.states.get(state.value)
    ]
    return page(
        request,
        "campaign_waiting.html",
        f"What waits in {campaign}, and why",
        campaign=campaign,
        waiting=found,
        states=states,
    )


@require_POST
def move(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """Start, pause, archive or restore the campaign, or say why it cannot be."""
    if not may(request.membership, "change"):
        raise PermissionDenied
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    form = CampaignMoveForm(request.POST)
    if form.is_valid():
        service, done = SERVICES[form.cleaned_data["to"]]
        try:
            with transaction.atomic():
                service(campaign, at=timezone.now())
            messages.success(request, f"The campaign is {done}.")
        except DomainError as refusal:
            messages.error(request, str(refusal))
    return SeeOther(reverse("console:campaign", args=[campaign_id]))


@require_http_methods(["GET", "HEAD", "POST"])
def enroll(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """Ask whether everyone who may be written to shall be taken in; a POST does it."""
    if not may(request.membership, "change"):
        raise PermissionDenied
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    if request.method == "POST":
        try:
            tell(request, campaign, enroll_everyone(campaign, at=timezone.now(), user=request.user))
        except DomainError as refusal:
            messages.error(request, str(refusal))
        return SeeOther(reverse("console:campaign", args=[campaign_id]))
    waiting = not_yet_in(campaign).select_related("person", "company")
    return page(
        request,
        "enroll_everyone.html",
        f"Enrol people in {campaign}",
        campaign=campaign,
        waiting=waiting[:WAITING_SHOWN],
    )
