"""What lists of campaigns and all that is in them can be narrowed by."""

from django.db.models import QuerySet
from django_filters import rest_framework as filters

from outreach.models import (
    Campaign,
    Enrollment,
    Prompt,
    StepExperiment,
    Variant,
    VariantAssignment,
    WorkflowStep,
)
from outreach.states import CampaignStatus, EnrollmentState, ExperimentStatus
from prospectflow.api.filtering import BooleanFilter

YES_OR_NO = [("true", "true"), ("false", "false")]


class ChoiceInFilter(filters.BaseInFilter, filters.ChoiceFilter):
    """Any of several known values, with commas between them."""


class CampaignFilters(filters.FilterSet):
    """By state and mailbox; the archived are left out unless they are asked for."""

    status = ChoiceInFilter(choices=CampaignStatus.choices, lookup_expr="in")
    from_mailbox = filters.UUIDFilter()
    include_archived = filters.ChoiceFilter(
        choices=YES_OR_NO, method="as_it_is", help_text="`true` shows the archived as well."
    )

    class Meta:
        model = Campaign
        fields: list[str] = []

    def as_it_is(self, campaigns: QuerySet, name: str, value: str) -> QuerySet:
        return campaigns

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        queryset = super().filter_queryset(queryset)
        asked = self.form.cleaned_data
        if asked["status"] or asked["include_archived"] == "true":
            return queryset
        return queryset.exclude(status=CampaignStatus.ARCHIVED)


class StepFilters(filters.FilterSet):
    """By campaign."""

    campaign = filters.UUIDFilter()

    class Meta:
        model = WorkflowStep
        fields: list[str] = []


class PromptFilters(filters.FilterSet):
    """By name as it is written, and by whether it is in use."""

    name = filters.CharFilter()
    is_active = BooleanFilter()

    class Meta:
        model = Prompt
        fields: list[str] = []


class ExperimentFilters(filters.FilterSet):
    """By step, campaign and state."""

    workflow_step = filters.UUIDFilter()
    campaign = filters.UUIDFilter(field_name="workflow_step__campaign")
    status = ChoiceInFilter(choices=ExperimentStatus.choices, lookup_expr="in")

    class Meta:
        model = StepExperiment
        fields: list[str] = []


class VariantFilters(filters.FilterSet):
    """By experiment and prompt."""

    step_experiment = filters.UUIDFilter()
    prompt = filters.UUIDFilter()

    class Meta:
        model = Variant
        fields: list[str] = []


class EnrollmentFilters(filters.FilterSet):
    """By campaign, position, mailbox and state."""

    campaign = filters.UUIDFilter()
    position = filters.UUIDFilter()
    mailbox = filters.UUIDFilter()
    state = ChoiceInFilter(choices=EnrollmentState.choices, lookup_expr="in")

    class Meta:
        model = Enrollment
        fields: list[str] = []


class AssignmentFilters(filters.FilterSet):
    """By enrolment, step, experiment and variant."""

    enrollment = filters.UUIDFilter()
    workflow_step = filters.UUIDFilter()
    step_experiment = filters.UUIDFilter()
    variant = filters.UUIDFilter()

    class Meta:
        model = VariantAssignment
        fields: list[str] = []
