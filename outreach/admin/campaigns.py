"""Pages for campaigns, their steps, experiments and enrolments."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display
from unfold.forms import PaginationInlineFormSet

from iam.tenant_admin import TenantAdmin, TenantStackedInline, TenantTabularInline, link_to, linked
from outreach.models import (
    Campaign,
    Enrollment,
    WorkflowStep,
)
from outreach.services import campaigns as services
from outreach.services.discarding import discard
from prospectflow.errors import DomainError

CAMPAIGN_COLOURS = {
    "draft": "info",
    "running": "success",
    "paused": "warning",
    "archived": "default",
}
ENROLLMENT_COLOURS = {
    "active": "info",
    "paused": "warning",
    "replied": "success",
    "bounced": "danger",
    "unsubscribed": "danger",
    "finished": "default",
}


class TemplatesForm(forms.ModelForm):
    """Refuses a template that could not be rendered, and says what is wrong with it."""

    def clean_subject_template(self) -> str | None:
        return self._checked("subject_template")

    def clean_body_template(self) -> str | None:
        return self._checked("body_template")

    def _checked(self, field: str) -> str | None:
        text = self.cleaned_data[field]
        try:
            services.check_text(text)
        except DomainError as refusal:
            raise forms.ValidationError(str(refusal)) from refusal
        return text


class CarefulFormSet(PaginationInlineFormSet):
    """Rows that go only where nothing tells of them."""

    def delete_existing(self, obj: Model, commit: bool = True) -> None:
        if commit:
            discard(obj)


class CarefulAdmin(TenantAdmin):
    """Rows that go only where nothing tells of them."""

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, ...]:
        """What `discard` lets go may take its own rows along."""
        rows, counts, _needed, protected = super().get_deleted_objects(objs, request)
        return rows, counts, set(), protected

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        discard(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        for row in queryset:
            discard(row)


class StepsInline(TenantStackedInline):
    """The mails of a campaign, in their order."""

    model = WorkflowStep
    form = TemplatesForm
    formset = CarefulFormSet
    fields = [
        ("step_index", "delay_days"),
        "subject_template",
        "body_template",
        ("exit_on_reply", "is_active"),
    ]


@admin.register(Campaign)
class CampaignAdmin(CarefulAdmin):
    """Campaigns. Their state is moved by the services alone."""

    list_display = ["campaign", "state", "enrolled", "replied", "from_mailbox", "created_at"]
    list_display_links = None
    list_filter = ["status"]
    list_select_related = ["from_mailbox"]
    search_fields = ["name"]
    ordering = ["-created_at", "id"]
    autocomplete_fields = ["from_mailbox"]
    readonly_fields = ["state", "numbers", "created_by_user", "created_at"]
    inlines = [StepsInline]
    actions = ["start", "pause", "archive", "restore"]
    fieldsets = [
        (None, {"fields": ["name", ("state", "numbers"), "from_mailbox"]}),
        ("The offer", {"fields": ["value_prop", "justification"]}),
        ("Measuring", {"fields": ["track_opens"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).with_numbers()

    def save_model(self, request: HttpRequest, obj: Campaign, form: ModelForm, change: Any) -> None:
        if not change:
            obj.created_by_user = request.user
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: ModelForm, *args: Any) -> None:
        super().save_related(request, form, *args)
        services.keep_ready(form.instance)

    @display(description="Campaign", ordering="name")
    def campaign(self, campaign: Campaign) -> SafeString:
        return overview(campaign, campaign.name)

    @display(description="State", ordering="status", label=CAMPAIGN_COLOURS)
    def state(self, campaign: Campaign) -> str:
        return campaign.status

    @display(description="Numbers")
    def numbers(self, campaign: Campaign) -> SafeString | str:
        return "–" if campaign._state.adding else overview(campaign, "Open the campaign's page")

    @display(description="Enrolled")
    def enrolled(self, campaign: Campaign) -> int:
        return campaign.numbers.enrolled

    @display(description="Replied")
    def replied(self, campaign: Campaign) -> int:
        return campaign.numbers.replied

    @admin.action(description="Start the selected campaigns", permissions=["change"])
    def start(self, request: HttpRequest, queryset: QuerySet) -> None:
        self._move(request, queryset, "started", services.start)

    @admin.action(description="Pause the selected campaigns", permissions=["change"])
    def pause(self, request: HttpRequest, queryset: QuerySet) -> None:
        self._move(request, queryset, "paused", services.pause)

    @admin.action(description="Archive the selected campaigns", permissions=["change"])
    def archive(self, request: HttpRequest, queryset: QuerySet) -> None:
        self._move(request, queryset, "archived", services.archive)

    @admin.action(description="Restore the selected campaigns", permissions=["change"])
    def restore(self, request: HttpRequest, queryset: QuerySet) -> None:
        self._move(request, queryset, "restored", services.restore)

    def _move(
        self, request: HttpRequest, queryset: QuerySet, done: str, service: Callable[..., Campaign]
    ) -> None:
        for campaign in queryset:
            service(campaign, at=timezone.now())
        self.message_user(request, f"{len(queryset)} {done}.")


@admin.register(WorkflowStep)
class WorkflowStepAdmin(CarefulAdmin):
    """The steps of all campaigns."""

    form = TemplatesForm
    list_display = ["step", "of", "delay_days", "subject_template", "is_active"]
    list_display_links = ["step"]
    list_filter = [("campaign", AutocompleteSelectFilter), "is_active"]
    list_filter_submit = True
    list_select_related = ["campaign"]
    search_fields = ["subject_template"]
    ordering = ["campaign", "step_index", "id"]
    autocomplete_fields = ["campaign"]
    fields = [
        "campaign",
        ("step_index", "delay_days"),
        "subject_template",
        "body_template",
        ("exit_on_reply", "is_active"),
    ]

    def save_model(
        self, request: HttpRequest, obj: WorkflowStep, form: ModelForm, change: Any
    ) -> None:
        super().save_model(request, obj, form, change)
        services.keep_ready(obj.campaign)

    @display(description="Step", ordering="step_index")
    def step(self, step: WorkflowStep) -> str:
        return str(step)

    @display(description="Campaign", ordering="campaign__name")
    def of(self, step: WorkflowStep) -> SafeString | str:
        return overview(step.campaign, step.campaign.name)


class TasksInline(TenantTabularInline):
    """What was, or is to be, sent in an enrolment."""

    model = WorkflowStep.tasks.rel.related_model
    read_only = True
    ordering = ["scheduled_for", "id"]
    fields = ["workflow_step", "scheduled_for", "status", "attempts", "last_error"]
    readonly_fields = fields


@admin.register(Enrollment)
class EnrollmentAdmin(TenantAdmin):
    """Who is in which campaign, and how far."""

    read_only = True
    list_display = ["who", "of", "where", "status", "enrolled_at", "last_activity_at"]
    list_filter = ["state", ("campaign", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["campaign", "position__person", "position__company"]
    search_fields = ["position__email"]
    ordering = ["-id"]
    inlines = [TasksInline]
    fields = [
        ("who", "of"),
        ("status", "stopped_reason"),
        ("enrolled_at", "paused_until", "last_activity_at"),
    ]
    readonly_fields = ["who", "of", "status"]

    @display(description="Position", ordering="position__email")
    def who(self, enrollment: Enrollment) -> SafeString | str:
        return link_to(enrollment.position, enrollment.position.email or "")

    @display(description="Company", ordering="position__company__name")
    def where(self, enrollment: Enrollment) -> SafeString | str:
        return link_to(enrollment.position.company)

    @display(description="Campaign", ordering="campaign__name")
    def of(self, enrollment: Enrollment) -> SafeString | str:
        return overview(enrollment.campaign, enrollment.campaign.name)

    @display(description="State", ordering="state", label=ENROLLMENT_COLOURS)
    def status(self, enrollment: Enrollment) -> str:
        return enrollment.state


def overview(campaign: Campaign, text: str) -> SafeString:
    """A link to the campaign's own page."""
    page = reverse("admin:campaign", args=[campaign.pk])
    return linked(page, text)
