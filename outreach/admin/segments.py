"""Segments in the console: filters under a name, who they leave, and the way into a campaign."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from crm.choices import EmailStatus
from crm.models import Position
from crm.narrowing import headcounts
from iam.tenant_admin import TenantAdmin, link_to, link_to_rows
from outreach.admin.enrolling import SHOWN, EnrollForm, tell
from outreach.models import Segment
from outreach.services import segments
from outreach.services.segments import FILTERS, FilterRefused

PREVIEWED = 20  # positions


class SegmentForm(forms.ModelForm):
    """A name, and one field for each filter; what is left empty narrows nothing."""

    naf = forms.CharField(
        label="NAF code or its beginning",
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Such as 62 or 62.01Z.",
    )
    departments = forms.CharField(
        required=False, widget=UnfoldAdminTextInputWidget, help_text="Such as 13, 2A, 974."
    )
    headcounts = forms.MultipleChoiceField(
        label="Employees",
        required=False,
        choices=headcounts,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )
    list = forms.CharField(
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="The list the rows came from, as it is written.",
    )
    email_statuses = forms.MultipleChoiceField(
        label="Address status",
        required=False,
        choices=EmailStatus.choices,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )
    without = forms.MultipleChoiceField(
        label="Leave out",
        required=False,
        choices=segments.KINDS,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )
    never_contacted = forms.BooleanField(required=False, widget=UnfoldBooleanSwitchWidget)
    not_contacted_for_days = forms.IntegerField(
        label="Not contacted for so many days",
        required=False,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    contacted_within_days = forms.IntegerField(
        label="Contacted within so many days",
        required=False,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    search = forms.CharField(
        label="Search words", required=False, widget=UnfoldAdminTextInputWidget
    )

    class Meta:
        model = Segment
        fields = ["name"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        shown = dict(getattr(kwargs.get("instance"), "filters", {}))
        if "departments" in shown:
            shown["departments"] = ", ".join(shown["departments"])
        super().__init__(*args, **{**kwargs, "initial": shown | (kwargs.get("initial") or {})})

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        asked = {name: given[name] for name in FILTERS if given.get(name)}
        try:
            self.instance.filters = segments.checked(asked)
        except FilterRefused as refusal:
            raise forms.ValidationError(str(refusal)) from refusal
        return given


@admin.register(Segment)
class SegmentAdmin(TenantAdmin):
    """Saved choices of people to write to."""

    form = SegmentForm
    list_display = ["name", "narrowed", "people", "updated_at"]
    search_fields = ["name"]
    ordering = ["name", "id"]
    readonly_fields = ["size", "first_people"]
    actions = ["enroll_in_campaign"]
    fieldsets = [
        (None, {"fields": ["name"]}),
        ("Companies", {"fields": ["naf", "departments", "headcounts"]}),
        ("Addresses", {"fields": ["list", "email_statuses", "without", "search"]}),
        (
            "Last mail to them",
            {
                "fields": [
                    "never_contacted",
                    ("not_contacted_for_days", "contacted_within_days"),
                ]
            },
        ),
        ("Who this is now", {"fields": ["size", "first_people"]}),
    ]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A list of positions hands its filters over in the address."""
        lists = ("headcounts", "email_statuses", "without")
        given = {name: request.GET.getlist(name) for name in lists if name in request.GET}
        return super().get_changeform_initial_data(request) | given

    @display(description="Filters")
    def narrowed(self, segment: Segment) -> str:
        return ", ".join(f"{name}: {_in_words(each)}" for name, each in segment.filters.items())

    @display(description="People")
    def people(self, segment: Segment) -> SafeString:
        return link_to_rows(Position, "positions", segment=segment.pk)

    @display(description="Positions")
    def size(self, segment: Segment) -> SafeString | str:
        if segment._state.adding:
            return "–"
        text = segments.size_of(segment, timezone.now())
        return link_to_rows(Position, text, segment=segment.pk)

    @display(description="The first of them")
    def first_people(self, segment: Segment) -> SafeString | str:
        if segment._state.adding:
            return "–"
        rows = segments.positions_of(segment, timezone.now()).select_related("person", "company")
        lines = ((link_to(row), row.email or "") for row in rows[:PREVIEWED])
        return format_html_join("", "<div>{} {}</div>", lines) or "–"

    @admin.action(description="Enrol in a campaign", permissions=["change"])
    def enroll_in_campaign(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        """Ask which campaign, then enrol; a large segment goes in by 20,000 at a press."""
        chosen = list(queryset[:2])
        if len(chosen) != 1:
            self.message_user(request, "Choose one segment.", messages.ERROR)
            return None
        [segment], at = chosen, timezone.now()
        form = EnrollForm(request.POST if "campaign_asked" in request.POST else None)
        if not form.is_valid():
            return self._asking(request, segment, form)
        campaign = form.cleaned_data["campaign"]
        batch = segments.enroll_some(
            campaign, segment, after=_after(request), at=at, user=request.user
        )
        tell(request, campaign, batch.intake)
        if batch.last is None:
            return None
        return self._asking(request, segment, form, after=batch.last)

    def _asking(
        self,
        request: HttpRequest,
        segment: Segment,
        form: EnrollForm,
        *,
        after: UUID | None = None,
    ) -> HttpResponse:
        now = timezone.now()
        waiting = segments.positions_of(segment, now).select_related("person", "company")
        waiting = waiting.filter(pk__gt=after) if after else waiting
        some = list(waiting[: SHOWN + 1])
        context = {
            **self.admin_site.each_context(request),
            "title": "Enrol in a campaign",
            "form": form,
            "selected": [segment.pk],
            "heading": f"{segment}: {segments.size_of(segment, now)}",
            "after": after,
            "some": some[:SHOWN],
            "more": len(some) > SHOWN,
            "checkbox": ACTION_CHECKBOX_NAME,
            "list_address": request.get_full_path(),
        }
        return TemplateResponse(request, "console/enroll.html", context)


def _after(request: HttpRequest) -> UUID | None:
    """Behind which position the last press stopped."""
    try:
        return UUID(request.POST.get("after", ""))
    except ValueError:
        return None


def _in_words(value: Any) -> str:
    if isinstance(value, list):
        return " or ".join(map(str, value))
    return "yes" if value is True else str(value)
