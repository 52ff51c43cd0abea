"""Pages for the steps of all campaigns; a change first says what it does to mails that wait."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from outreach.admin.campaigns import overview
from outreach.admin.careful import CarefulAdmin, TemplatesForm
from outreach.models import WorkflowStep
from outreach.services.campaigns import keep_ready
from outreach.services.editing_steps import Effect, change_step, effect_of, effect_of_new

SURE, KEPT = "_sure", "_keep_approved"


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

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["campaign"] if obj else []

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: Any = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        """Save what was asked for, once the person has seen what it does."""
        if request.method == "POST" and SURE not in request.POST:
            step = self.get_object(request, unquote(object_id)) if object_id else None
            effects = self._effects(request, step)
            if any(effect.touches for effect in effects):
                return self._asking(request, step, effects)
        return super().changeform_view(request, object_id, form_url, extra_context)

    def _effects(self, request: HttpRequest, step: WorkflowStep | None) -> list[Effect]:
        """What it does where approved mails stay, and where they fall back if that differs."""
        may = (
            self.has_change_permission(request, step) if step else self.has_add_permission(request)
        )
        kind = self.get_form(request, step, change=step is not None)
        form = kind(request.POST, instance=WorkflowStep.objects.get(pk=step.pk) if step else None)
        if not may or not form.is_valid():
            return []
        if step is None:
            return [effect_of_new(form.instance)]
        changes = form.cleaned_data
        kept = effect_of(step, changes)
        return [kept, effect_of(step, changes, keep_approved=False)] if kept.stay else [kept]

    def _asking(
        self, request: HttpRequest, step: WorkflowStep | None, effects: list[Effect]
    ) -> HttpResponse:
        posted = [(name, value) for name, values in request.POST.lists() for value in values]
        context = {
            **self.admin_site.each_context(request),
            "title": f"Change {step} of {step.campaign}" if step else "Add a step",
            "step": step,
            "effects": effects,
            "posted": [pair for pair in posted if pair[0] != "csrfmiddlewaretoken"],
            "sure": SURE,
            "kept": KEPT,
        }
        return TemplateResponse(request, "console/step_effect.html", context)

    def save_model(
        self, request: HttpRequest, obj: WorkflowStep, form: ModelForm, change: Any
    ) -> None:
        if not change:
            super().save_model(request, obj, form, change)
            keep_ready(obj.campaign)
            return
        kept = request.POST.get(KEPT, "yes") == "yes"
        done = change_step(
            obj, form.cleaned_data, keep_approved=kept, at=timezone.now(), user=request.user
        )
        for sentence in done.sentences if done.touches else []:
            self.message_user(request, sentence, messages.INFO)

    @display(description="Step", ordering="step_index")
    def step(self, step: WorkflowStep) -> str:
        return str(step)

    @display(description="Campaign", ordering="campaign__name")
    def of(self, step: WorkflowStep) -> SafeString | str:
        return overview(step.campaign, step.campaign.name)
