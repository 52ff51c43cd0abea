"""How steps, prompts and experiments look to programs."""

from typing import Any

from rest_framework import serializers

from outreach.api.ruled import RuledSerializer, TemplatesSerializer
from outreach.models import (
    Campaign,
    Prompt,
    StepExperiment,
    Variant,
    VariantAssignment,
    WorkflowStep,
)
from outreach.models.campaigns import LONGEST_DELAY
from prospectflow.api.serializers import StrictModelSerializer, StrictSerializer

WHEN = ["created_at", "updated_at"]
LONGEST_PROMPT = 50_000  # characters


class ListedStepSerializer(StrictModelSerializer):
    """A step in a list, without its text."""

    campaign: Any = serializers.PrimaryKeyRelatedField(read_only=True)

    class Meta:
        model = WorkflowStep
        fields = ["id", "campaign", "step_index", "kind", "delay_days", "subject_template"]
        fields += ["exit_on_reply", "is_active", *WHEN]
        read_only_fields = fields


class StepSerializer(TemplatesSerializer):
    """One mail of a campaign, and how many working days after the one before it."""

    fixed = ("campaign",)
    campaign = serializers.PrimaryKeyRelatedField(queryset=Campaign.objects.all())

    class Meta:
        model = WorkflowStep
        fields = ["id", "campaign", "step_index", "kind", "delay_days", "subject_template"]
        fields += ["body_template", "exit_on_reply", "is_active", *WHEN]
        read_only_fields = ["kind", *WHEN]
        extra_kwargs = {
            "step_index": {"min_value": 0, "max_value": 1_000, "required": True},
            "delay_days": {"min_value": 0, "max_value": LONGEST_DELAY},
        }


class ChangedStepSerializer(StepSerializer):
    """A step that is changed, and what becomes of its mails that are approved already."""

    keep_approved = serializers.BooleanField(
        write_only=True,
        default=True,
        help_text="Whether approved mails stay as they are, or fall back to review.",
    )

    class Meta(StepSerializer.Meta):
        fields = [*StepSerializer.Meta.fields, "keep_approved"]


class EffectSerializer(StrictSerializer):
    """What a change of a step does to the mails of people who are in its campaign."""

    stay = serializers.IntegerField(read_only=True, help_text="Approved mails that stay.")
    back_to_review = serializers.IntegerField(
        read_only=True, help_text="Approved mails that fall back to review."
    )
    rewritten = serializers.IntegerField(read_only=True, help_text="Drafts written anew.")
    by_hand = serializers.IntegerField(
        read_only=True, help_text="Drafts that keep the text which somebody gave them by hand."
    )
    moved = serializers.IntegerField(
        read_only=True, help_text="Waiting mails that get another hour."
    )
    skipped = serializers.IntegerField(
        read_only=True, help_text="Waiting mails that are not sent; their people go on."
    )
    sent = serializers.IntegerField(read_only=True, help_text="Mails that left, untouched.")
    ahead = serializers.IntegerField(read_only=True, help_text="People who will come to it.")
    past = serializers.IntegerField(read_only=True, help_text="People who are past it.")
    sentences = serializers.ListField(child=serializers.CharField(), read_only=True)


class ListedPromptSerializer(StrictModelSerializer):
    """A prompt in a list, without its text."""

    class Meta:
        model = Prompt
        fields = ["id", "name", "version", "purpose", "model", "is_active", *WHEN]
        read_only_fields = fields


class PromptSerializer(RuledSerializer):
    """A version of a prompt; another text under the same name is the next version."""

    fixed = ("name", "prompt_text")

    class Meta:
        model = Prompt
        fields = ["id", "name", "version", "purpose", "model", "is_active", "prompt_text", *WHEN]
        read_only_fields = ["version", *WHEN]
        extra_kwargs = {"prompt_text": {"max_length": LONGEST_PROMPT}}


class VariantSerializer(TemplatesSerializer):
    """One of the texts an experiment compares; what it leaves empty, the step says."""

    fixed = ("step_experiment",)
    step_experiment = serializers.PrimaryKeyRelatedField(queryset=StepExperiment.objects.all())
    prompt = serializers.PrimaryKeyRelatedField(
        queryset=Prompt.objects.all(), allow_null=True, required=False
    )

    class Meta:
        model = Variant
        fields = ["id", "step_experiment", "key", "weight", "prompt", "subject_template"]
        fields += ["body_template", *WHEN]
        read_only_fields = WHEN
        extra_kwargs = {"weight": {"min_value": 1, "max_value": 1_000_000}}


class ListedVariantSerializer(StrictModelSerializer):
    """A variant without its body."""

    step_experiment: Any = serializers.PrimaryKeyRelatedField(read_only=True)
    prompt: Any = serializers.PrimaryKeyRelatedField(read_only=True, allow_null=True)

    class Meta:
        model = Variant
        fields = ["id", "step_experiment", "key", "weight", "prompt", "subject_template", *WHEN]
        read_only_fields = fields


class ExperimentSerializer(RuledSerializer):
    """A comparison of variants of one step; its state is moved by start and stop."""

    fixed = ("workflow_step",)
    workflow_step = serializers.PrimaryKeyRelatedField(queryset=WorkflowStep.objects.all())
    campaign = serializers.UUIDField(source="workflow_step.campaign_id", read_only=True)
    variants = ListedVariantSerializer(many=True, read_only=True)

    class Meta:
        model = StepExperiment
        fields = ["id", "name", "workflow_step", "campaign", "status", "minimum_sample"]
        fields += ["variants", *WHEN]
        read_only_fields = ["status", *WHEN]
        extra_kwargs = {"minimum_sample": {"min_value": 1, "max_value": 1_000_000}}


class AssignmentSerializer(StrictModelSerializer):
    """Which variant of a step an enrolment was given, once and for all."""

    variant_key = serializers.CharField(source="variant.key", read_only=True)

    class Meta:
        model = VariantAssignment
        fields = ["id", "campaign", "enrollment", "workflow_step", "step_experiment", "variant"]
        fields += ["variant_key", "assigned_at", "created_at"]
        read_only_fields = fields
