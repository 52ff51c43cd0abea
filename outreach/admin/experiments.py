"""Pages for prompts, experiments and their variants."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display

from iam.tenant_admin import TenantAdmin, TenantStackedInline, link_to
from outreach.admin.careful import CarefulAdmin, CarefulFormSet, TemplatesForm
from outreach.models import Prompt, StepExperiment, Variant, VariantAssignment
from outreach.services.experiments import refuse_begun, stop_experiment
from outreach.services.prompts import write_version
from outreach.states import ExperimentStatus
from prospectflow.errors import DomainError

EXPERIMENT_COLOURS = {"draft": "info", "running": "success", "stopped": "default"}


class VariantForm(TemplatesForm):
    """Refuses a change that would spoil a comparison that has begun."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        experiment = cleaned.get("step_experiment")
        known = [experiment.pk if experiment else None, self.instance.step_experiment_id]
        if self.has_changed():
            for each in StepExperiment.objects.filter(pk__in=[key for key in known if key]):
                self._refuse_begun(each)
        return cleaned

    def _refuse_begun(self, experiment: StepExperiment) -> None:
        try:
            refuse_begun(experiment)
        except DomainError as refusal:
            raise forms.ValidationError(str(refusal)) from refusal


class VariantsInline(TenantStackedInline):
    """The texts an experiment compares."""

    model = Variant
    form = VariantForm
    formset = CarefulFormSet
    fields = [("key", "weight", "prompt"), "subject_template", "body_template"]
    autocomplete_fields = ["prompt"]


@admin.register(Prompt)
class PromptAdmin(CarefulAdmin):
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
        if change:
            super().save_model(request, obj, form, change)
        else:
            write_version(obj)


@admin.register(StepExperiment)
class StepExperimentAdmin(CarefulAdmin):
    """Experiments on steps."""

    list_display = ["name", "of", "state", "minimum_sample"]
    list_filter = ["status"]
    list_select_related = ["workflow_step__campaign"]
    search_fields = ["name"]
    ordering = ["name", "id"]
    autocomplete_fields = ["workflow_step"]
    inlines = [VariantsInline]
    actions = ["stop"]
    fields = ["name", "workflow_step", "state", "minimum_sample"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        begun = obj is not None and obj.status != ExperimentStatus.DRAFT
        return ["state", "workflow_step"] if begun else ["state"]

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
            stop_experiment(experiment)
        self.message_user(request, f"{len(queryset)} stopped.")


@admin.register(Variant)
class VariantAdmin(CarefulAdmin):
    """The variants of all experiments."""

    form = VariantForm
    list_display = ["key", "of", "weight", "subject_template", "prompt"]
    list_select_related = ["step_experiment", "prompt"]
    search_fields = ["key", "subject_template"]
    ordering = ["step_experiment", "key", "id"]
    autocomplete_fields = ["step_experiment", "prompt"]
    fields = ["step_experiment", ("key", "weight"), "prompt", "subject_template", "body_template"]

    @display(description="Experiment")
    def of(self, variant: Variant) -> SafeString | str:
        return link_to(variant.step_experiment)


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
