"""Taking positions into a campaign, from the list of positions."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from crm.admin import PositionAdmin
from crm.models import Position
from outreach.admin.campaigns import overview
from outreach.models import Campaign, Segment
from outreach.services.enrolling import Intake, enroll_list
from outreach.services.segments import positions_of

SHOWN = 5  # of the positions that would be enrolled
SEGMENTS_OFFERED = 100  # beside the list of positions
# What the list's filters are called in its address -> in a segment.
KEPT = {name: name for name in ("naf", "departments", "headcounts", "list")} | {
    "email_status__exact": "email_statuses",
    "q": "search",
}

admin.site.unregister(Position)  # registered again below, with what a campaign can do to it


class EnrollForm(forms.Form):
    """Which campaign takes the positions in."""

    campaign = forms.ModelChoiceField(
        Campaign.objects.none(),
        empty_label=None,
        widget=forms.RadioSelect,
        error_messages={
            "required": "Choose a campaign.",
            "invalid_choice": "That campaign takes nobody in: choose another.",
        },
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["campaign"].queryset = Campaign.objects.taking_in()


class SegmentFilter(admin.SimpleListFilter):
    """The positions of a saved segment."""

    title, parameter_name = "segment", "segment"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        saved = Segment.objects.order_by("name")[:SEGMENTS_OFFERED]
        return [(str(segment.pk), segment.name) for segment in saved]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if not self.value():
            return queryset
        try:
            segment = Segment.objects.filter(pk=self.value()).first()
        except ValidationError:  # no UUID
            segment = None
        if segment is None:
            return queryset.none()
        chosen = positions_of(segment, timezone.now()).order_by()
        return queryset.filter(pk__in=chosen.values("pk"))


@admin.register(Position)
class EnrollablePositionAdmin(PositionAdmin):
    """Positions, and the way into a campaign."""

    list_filter = [SegmentFilter, *PositionAdmin.list_filter]
    actions = ["enroll_in_campaign", "save_as_segment"]

    @admin.action(description="Save this list's filters as a segment", permissions=["change"])
    def save_as_segment(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse:
        """Offer what narrows the list as a new segment; which rows are chosen does not matter."""
        asked = {name: request.GET.getlist(given) for given, name in KEPT.items()}
        query = {name: values for name, values in asked.items() if any(values)}
        return HttpResponseRedirect(reverse("admin:outreach_segment_add", query=query))

    @admin.action(description="Enrol in a campaign", permissions=["change"])
    def enroll_in_campaign(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        """Ask which campaign, then enrol; Django asks for the same rows both times."""
        form = EnrollForm(request.POST if "campaign_asked" in request.POST else None)
        if not form.is_valid():
            return self._asking(request, queryset, form)
        campaign = form.cleaned_data["campaign"]
        at, user = timezone.now(), request.user
        tell(request, campaign, enroll_list(campaign, queryset, at=at, user=user))
        return None

    def _asking(self, request: HttpRequest, queryset: QuerySet, form: EnrollForm) -> HttpResponse:
        selected = request.POST.getlist(ACTION_CHECKBOX_NAME)
        some = list(queryset[: SHOWN + 1])
        context = {
            **self.admin_site.each_context(request),
            "title": "Enrol in a campaign",
            "form": form,
            "selected": selected,
            "across": request.POST.get("select_across") == "1",
            "narrowed": request.GET.keys() - {"p", "o"},
            "search": request.GET.get("q", ""),
            "some": some[:SHOWN],
            "more": len(some) > SHOWN,
            "checkbox": ACTION_CHECKBOX_NAME,
            "list_address": request.get_full_path(),
        }
        return TemplateResponse(request, "console/enroll.html", context)


def tell(request: HttpRequest, campaign: Campaign, intake: Intake) -> None:
    """Say on the next page what became of the positions."""
    level = messages.SUCCESS if intake.enrolled else messages.WARNING
    text = format_html("{}: {}", overview(campaign, str(campaign)), str(intake))
    messages.add_message(request, level, text)
