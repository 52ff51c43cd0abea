"""Pages for campaigns, their steps, experiments and enrolments."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, IntegerField, Max, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from iam.tenant_admin import TenantAdmin, TenantStackedInline, TenantTabularInline, link_to, linked
from outreach.models import (
    Campaign,
    Enrollment,
    Prompt,
    StepExperiment,
    Variant,
    VariantAssignment,
    WorkflowStep,
)
from outreach.services import campaigns as services
from outreach.states import EnrollmentState, ExperimentStatus
from outreach.templating import check
from prospectflow.errors import DomainError

CAMPAIGN_COLOURS = {
    "draft": "info",
    "running": "success",
    "paused": "warning",
    "archived": "default",
}
EXPERIMENT_COLOURS = {"draft": "info", "running": "success", "stopped": "default"}
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
            check(text or "", services.VARIABLES)
        except DomainError as refusal:
            raise forms.ValidationError(str(refusal)) from refusal
        return text


class StepsInline(TenantStackedInline):
    """The mails of a campaign, in their order."""

    model = WorkflowStep
    form = TemplatesForm
    fields = [
        ("step_index", "delay_days"),
        "subject_template",
        "body_template",
        ("exit_on_reply", "is_active"),
    ]


class VariantsInline(TenantStackedInline):
    """The texts an experiment compares."""

    model = Variant
    form = TemplatesForm
    fields = [("key", "weight", "prompt"), "subject_template", "body_template"]
    autocomplete_fields = ["prompt"]


@admin.register(Campaign)
class CampaignAdmin(TenantAdmin):
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
        enrollments = Enrollment.objects.filter(campaign=OuterRef("pk"))
        return (
            super()
            .get_queryset(request)
            .annotate(
                enrolled_count=_counted(enrollments),
                replied_count=_counted(enrollments.filter(state=EnrollmentState.REPLIED)),
            )
        )

    def save_model(self, request: HttpRequest, obj: Campaign, form: ModelForm, change: Any) -> None:
        if not change:
            obj.created_by_user = request.user
        super().save_model(request, obj, form, change)

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
        return campaign.enrolled_count

    @display(description="Replied")
    def replied(self, campaign: Campaign) -> int:
        return campaign.replied_count

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
class WorkflowStepAdmin(TenantAdmin):
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

    @display(description="Step", ordering="step_index")
    def step(self, step: WorkflowStep) -> str:
        return str(step)

    @display(description="Campaign", ordering="campaign__name")
    def of(self, step: WorkflowStep) -> SafeString | str:
        return overview(step.campaign, step.campaign.name)


@admin.register(Prompt)
class PromptAdmin(TenantAdmin):
    """Prompts. A text is never changed: another text is the next version."""

    list_display = ["name", "version", "purpose", "model", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["name"]
    ordering = ["name", "-version", "id"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        fixed = ["version", "is_active"] if obj else []
        return ["name", *fixed, "purpose", "model", "prompt_text"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["name", "version", "prompt_text"] if obj else []

    def save_model(self, request: HttpRequest, obj: Prompt, form: ModelForm, change: Any) -> None:
        if not change:
            last = Prompt.objects.filter(name=obj.name).aggregate(last=Max("version"))["last"]
            obj.version = (last or 0) + 1
        super().save_model(request, obj, form, change)


@admin.register(StepExperiment)
class StepExperimentAdmin(TenantAdmin):
    """Experiments on steps."""

    list_display = ["name", "of", "state", "minimum_sample"]
    list_filter = ["status"]
    list_select_related = ["workflow_step__campaign"]
    search_fields = ["name"]
    ordering = ["name", "id"]
    autocomplete_fields = ["workflow_step"]
    readonly_fields = ["state"]
    inlines = [VariantsInline]
    actions = ["stop"]
    fields = ["name", "workflow_step", "state", "minimum_sample"]

    @display(description="Step")
    def of(self, experiment: StepExperiment) -> SafeString | str:
        step = experiment.workflow_step
        return link_to(step, f"{step.campaign}, {step}")

    @display(description="State", ordering="status", label=EXPERIMENT_COLOURS)
    def state(self, experiment: StepExperiment) -> str:
        return experiment.status

    @admin.action(description="Stop the selected experiments for good", permissions=["change"])
    def stop(self, request: HttpRequest, queryset: QuerySet) -> None:
        for experiment in queryset:
            services.move_experiment(experiment, ExperimentStatus.STOPPED)
        self.message_user(request, f"{len(queryset)} stopped.")


@admin.register(Variant)
class VariantAdmin(TenantAdmin):
    """The variants of all experiments."""

    form = TemplatesForm
    list_display = ["key", "of", "weight", "subject_template", "prompt"]
    list_select_related = ["step_experiment", "prompt"]
    search_fields = ["key", "subject_template"]
    ordering = ["step_experiment", "key", "id"]
    autocomplete_fields = ["step_experiment", "prompt"]
    fields = ["step_experiment", ("key", "weight"), "prompt", "subject_template", "body_template"]

    @display(description="Experiment")
    def of(self, variant: Variant) -> SafeString | str:
        return link_to(variant.step_experiment)


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


@admin.register(VariantAssignment)
class VariantAssignmentAdmin(TenantAdmin):
    """Which variant whom was given."""

    read_only = True
    list_display = ["who", "workflow_step", "step_experiment", "variant", "assigned_at"]
    list_select_related = [
        "enrollment__position",
        "workflow_step",
        "step_experiment",
        "variant",
    ]
    ordering = ["-id"]
    fields = ["who", "campaign", "workflow_step", "step_experiment", "variant", "assigned_at"]
    readonly_fields = fields

    @display(description="Enrolment")
    def who(self, assignment: VariantAssignment) -> SafeString | str:
        return link_to(assignment.enrollment, assignment.enrollment.position.email or "")


def overview(campaign: Campaign, text: str) -> SafeString:
    """A link to the campaign's own page."""
    page = reverse("admin:campaign", args=[campaign.pk])
    return linked(page, text)


def _counted(rows: QuerySet) -> Coalesce:
    """How many rows, asked for the campaigns on the page only."""
    count = rows.order_by().values("campaign").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(count, output_field=IntegerField()), 0)
