"""Pages for campaigns, their steps, experiments and enrolments."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from iam.tenant_admin import TenantAdmin, TenantStackedInline, TenantTabularInline, link_to, linked
from outreach.admin.careful import CarefulAdmin, CarefulFormSet, TemplatesForm
from outreach.admin.explaining import explained
from outreach.models import Campaign, CampaignMailbox, Enrollment, Task, WorkflowStep
from outreach.services import campaigns as services
from outreach.services.sharing import share_anew
from outreach.states import OPEN
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

WINDOWS = 'Such as {"mon": [["09:00", "11:30"]]}, within those of the mailboxes; empty: theirs.'


class CampaignForm(forms.ModelForm):
    """A campaign whose windows can be read."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "windows" in self.fields:
            self.fields["windows"].help_text = WINDOWS

    def clean_windows(self) -> object:
        windows = self.cleaned_data["windows"]
        try:
            services.check_windows(windows)
        except DomainError as refusal:
            raise forms.ValidationError(str(refusal)) from refusal
        return windows


class SharesInline(TenantTabularInline):
    """The mailboxes that share a campaign's load."""

    model = CampaignMailbox
    verbose_name = "mailbox that shares the load"
    verbose_name_plural = "mailboxes that share the load"
    fields = ["mailbox", "weight"]
    autocomplete_fields = ["mailbox"]
    delete_capability = "change"
    show_change_link = False


class StepsInline(TenantStackedInline):
    """The mails of a campaign, in their order.

    Once people are in it, steps are changed on their own pages, which first say what it does.
    """

    model = WorkflowStep
    form = TemplatesForm
    formset = CarefulFormSet
    fields = [
        ("step_index", "delay_days"),
        "subject_template",
        "body_template",
        ("exit_on_reply", "is_active"),
    ]

    readonly_fields = ["change"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [*(["change"] if _has_people(obj) else []), *super().get_fields(request, obj)]

    @display(description="To change it")
    def change(self, step: WorkflowStep) -> SafeString:
        page = reverse("admin:outreach_workflowstep_change", args=[step.pk])
        return linked(page, "Open the step: it first says what becomes of mails that wait")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_add_permission(request, obj) and not _has_people(obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not _has_people(obj)


def _has_people(campaign: Campaign | None) -> bool:
    return bool(campaign and campaign.pk and getattr(campaign, "enrolled", 0))


@admin.register(Campaign)
class CampaignAdmin(CarefulAdmin):
    """Campaigns. Their state is moved by the services alone."""

    form = CampaignForm

    list_display = ["campaign", "state", "enrolled", "replied", "from_mailbox", "created_at"]
    list_display_links = None
    list_filter = ["status"]
    list_select_related = ["from_mailbox"]
    search_fields = ["name"]
    ordering = ["-created_at", "id"]
    autocomplete_fields = ["from_mailbox"]
    readonly_fields = ["state", "numbers", "created_by_user", "created_at"]
    inlines = [SharesInline, StepsInline]
    actions = ["start", "pause", "archive", "restore"]
    fieldsets = [
        (None, {"fields": ["name", ("state", "numbers"), "from_mailbox"]}),
        ("The offer", {"fields": ["value_prop", "justification"]}),
        ("Hours", {"fields": ["windows", "follows_recipient"]}),
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
        if "from_mailbox" in form.changed_data or _shares_changed(args[0]):
            share_anew(form.instance, at=timezone.now(), user=request.user)
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


def _shares_changed(formsets: list[Any]) -> bool:
    return any(each.has_changed() for each in formsets if each.model is CampaignMailbox)


class TasksInline(TenantTabularInline):
    """What was, or is to be, sent in an enrolment."""

    model = Task
    read_only = True
    ordering = ["scheduled_for", "id"]
    fields = ["workflow_step", "scheduled_for", "status", "approved", "attempts", "last_error"]
    readonly_fields = fields

    @display(description="Approved", boolean=True)
    def approved(self, task: Task) -> bool:
        return task.is_approved


@admin.register(Enrollment)
class EnrollmentAdmin(TenantAdmin):
    """Who is in which campaign, and how far."""

    read_only = True
    list_display = ["who", "of", "where", "mailbox", "status", "enrolled_at", "last_activity_at"]
    list_filter = [
        "state",
        ("campaign", AutocompleteSelectFilter),
        ("mailbox", AutocompleteSelectFilter),
    ]
    list_filter_submit = True
    list_select_related = ["campaign", "mailbox", "position__person", "position__company"]
    search_fields = ["position__email"]
    ordering = ["-id"]
    inlines = [TasksInline]
    fields = [
        ("who", "of", "mailbox"),
        ("status", "stopped_reason"),
        "held_back",
        ("enrolled_at", "paused_until", "last_activity_at"),
    ]
    readonly_fields = ["who", "of", "mailbox", "status", "held_back"]

    @display(description="Position", ordering="position__email")
    def who(self, enrollment: Enrollment) -> SafeString | str:
        return link_to(enrollment.position, enrollment.position.email or "")

    @display(description="Company", ordering="position__company__name")
    def where(self, enrollment: Enrollment) -> SafeString | str:
        return link_to(enrollment.position.company)

    @display(description="Campaign", ordering="campaign__name")
    def of(self, enrollment: Enrollment) -> SafeString | str:
        return overview(enrollment.campaign, enrollment.campaign.name)

    @display(description="Its next mail: why not now")
    def held_back(self, enrollment: Enrollment) -> SafeString | str:
        task = enrollment.tasks.filter(status__in=OPEN).order_by("scheduled_for").first()
        return explained(task, now=timezone.now()) if task else "Nothing is to be sent."

    @display(description="State", ordering="state", label=ENROLLMENT_COLOURS)
    def status(self, enrollment: Enrollment) -> str:
        return enrollment.state


def overview(campaign: Campaign, text: str) -> SafeString:
    """A link to the campaign's own page."""
    page = reverse("admin:campaign", args=[campaign.pk])
    return linked(page, text)
