"""What is tried in a campaign's steps, and which variant each enrolment was given."""

from django.db import models
from django.db.models import Q

from outreach.models.campaigns import Campaign, Enrollment, WorkflowStep
from outreach.states import EXPERIMENT_MOVES, ExperimentStatus
from prospectflow.choices import known
from prospectflow.tenancy.constraints import Audited, TenantReference
from prospectflow.tenancy.fields import TenantForeignKey
from prospectflow.tenancy.models import TenantModel


class Prompt(TenantModel):
    """A versioned instruction, or template, that drafts are written from."""

    name = models.TextField()
    purpose = models.TextField(null=True, blank=True)
    model = models.TextField(null=True, blank=True)
    version = models.IntegerField(default=1, db_default=1)
    is_active = models.BooleanField("active", default=True, db_default=True)
    prompt_text = models.TextField()

    class Meta(TenantModel.Meta):
        db_table = "prompts"
        constraints = [
            *TenantModel.Meta.constraints,
            Audited(name="prompts_audited"),
            models.CheckConstraint(condition=Q(version__gte=1), name="prompts_version_from_1"),
            models.UniqueConstraint(
                fields=["organisation", "name", "version"], name="prompts_once"
            ),
        ]
        indexes = [models.Index(fields=["organisation", "is_active"], name="prompts_is_active")]

    def __str__(self) -> str:
        return f"{self.name}, version {self.version}"


class StepExperiment(TenantModel):
    """A comparison of variants of one step."""

    Status = ExperimentStatus
    MOVES = EXPERIMENT_MOVES

    workflow_step = TenantForeignKey(
        WorkflowStep, models.DB_CASCADE, related_name="experiments", db_index=False
    )
    name = models.TextField()
    status = models.TextField(
        choices=ExperimentStatus, default=ExperimentStatus.DRAFT, db_default=ExperimentStatus.DRAFT
    )
    minimum_sample = models.IntegerField(
        default=50, db_default=50, help_text="Sent mails per variant before a result is shown."
    )

    class Meta(TenantModel.Meta):
        db_table = "step_experiments"
        constraints = [
            *TenantModel.Meta.constraints,
            Audited(name="step_experiments_audited"),
            known("status", ExperimentStatus, name="step_experiments_status_known"),
            models.UniqueConstraint(
                fields=["organisation", "workflow_step"], name="step_experiments_one_per_step"
            ),
            models.UniqueConstraint(
                fields=["organisation", "id", "workflow_step"], name="step_experiments_of_step"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Variant(TenantModel):
    """One of the texts an experiment compares; its share is its weight among the weights."""

    step_experiment = TenantForeignKey(
        StepExperiment, models.DB_CASCADE, related_name="variants", db_index=False
    )
    key = models.TextField()
    weight = models.IntegerField(default=50, db_default=50)
    prompt = TenantForeignKey(
        Prompt, models.DB_SET_NULL, null=True, blank=True, related_name="variants"
    )
    subject_template = models.TextField(null=True, blank=True)
    body_template = models.TextField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        db_table = "step_experiment_variants"
        ordering = ["key"]
        constraints = [
            *TenantModel.Meta.constraints,
            Audited(name="step_experiment_variants_audited"),
            models.CheckConstraint(
                condition=Q(weight__gt=0), name="step_experiment_variants_weight_positive"
            ),
            models.UniqueConstraint(
                fields=["organisation", "step_experiment", "key"],
                name="step_experiment_variants_once",
            ),
            models.UniqueConstraint(
                fields=["organisation", "id", "step_experiment"],
                name="step_experiment_variants_of_experiment",
            ),
        ]

    def __str__(self) -> str:
        return self.key


class VariantAssignment(TenantModel):
    """Which variant of a step an enrolment was given, once and for all."""

    campaign = TenantForeignKey(Campaign, models.DB_CASCADE, related_name="+", db_index=False)
    enrollment = TenantForeignKey(
        Enrollment,
        models.DB_CASCADE,
        related_name="assignments",
        db_index=False,
        verbose_name="enrolment",
    )
    workflow_step = TenantForeignKey(WorkflowStep, models.DB_CASCADE, related_name="assignments")
    step_experiment = TenantForeignKey(
        StepExperiment, models.DB_CASCADE, related_name="assignments"
    )
    variant = TenantForeignKey(Variant, models.DB_CASCADE, related_name="assignments")
    assigned_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        db_table = "enrollment_step_variant_assignments"
        constraints = [
            *TenantModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["organisation", "enrollment", "workflow_step"],
                name="enrollment_step_variant_assignments_once",
            ),
            TenantReference(
                name="assignments_enrollment_of_campaign",
                to="outreach.Enrollment",
                fields=["enrollment", "campaign"],
                to_fields=["id", "campaign"],
                on_delete="CASCADE",
            ),
            TenantReference(
                name="assignments_step_of_campaign",
                to="outreach.WorkflowStep",
                fields=["workflow_step", "campaign"],
                to_fields=["id", "campaign"],
                on_delete="CASCADE",
            ),
            TenantReference(
                name="assignments_experiment_of_step",
                to="outreach.StepExperiment",
                fields=["step_experiment", "workflow_step"],
                to_fields=["id", "workflow_step"],
                on_delete="CASCADE",
            ),
            TenantReference(
                name="assignments_variant_of_experiment",
                to="outreach.Variant",
                fields=["variant", "step_experiment"],
                to_fields=["id", "step_experiment"],
                on_delete="CASCADE",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.enrollment}: {self.variant}"
