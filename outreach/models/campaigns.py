"""Campaigns, their steps, their mailboxes, and who is in them."""

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from outreach.numbers import Numbers
from outreach.querysets import CampaignQuerySet, EnrollmentQuerySet
from outreach.states import (
    CAMPAIGN_MOVES,
    ENROLLMENT_MOVES,
    CampaignStatus,
    EnrollmentState,
    StepKind,
)
from prospectflow.choices import known
from prospectflow.tenancy.constraints import Audited, Trigger
from prospectflow.tenancy.fields import TenantForeignKey, UserReference
from prospectflow.tenancy.models import TenantModel
from prospectflow.tenancy.search import search_index

LONGEST_DELAY = 365  # working days between two steps


class Campaign(TenantModel):
    """An offer to a set of people, in several steps, from one mailbox."""

    Status = CampaignStatus
    MOVES = CAMPAIGN_MOVES

    name = models.CharField(max_length=100)
    value_prop = models.CharField(
        "value proposition", max_length=150, blank=True, default="", db_default=""
    )
    justification = models.TextField(
        blank=True,
        default="",
        db_default="",
        help_text="Why the offer concerns these people's work (legitimate interest).",
    )
    status = models.TextField(
        choices=CampaignStatus, default=CampaignStatus.DRAFT, db_default=CampaignStatus.DRAFT
    )
    from_mailbox = TenantForeignKey(
        "outreach.Mailbox",
        models.DB_SET_NULL,
        null=True,
        blank=True,
        related_name="campaigns",
        verbose_name="mailbox",
    )
    created_by_user = UserReference(
        null=True, blank=True, related_name="+", verbose_name="created by"
    )
    windows = models.JSONField(
        null=True, blank=True, help_text="Narrower sending windows than the mailbox's own."
    )
    follows_recipient = models.BooleanField(
        "hours of the recipient",
        default=False,
        db_default=False,
        help_text="Windows and holidays count where the recipient is, not where the mailbox is.",
    )
    track_opens = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Only ever for people who consented (CNIL, 2026-042).",
    )

    objects = CampaignQuerySet.as_manager()
    enrolled: int  # from with_numbers(), like `mails`
    mails: dict[str, int] | None
    shares: list[dict[str, Any]]  # from with_shares()

    class Meta(TenantModel.Meta):
        db_table = "campaigns"
        constraints = [
            *TenantModel.Meta.constraints,
            Audited(name="campaigns_audited"),
            known("status", CampaignStatus, name="campaigns_status_known"),
            models.CheckConstraint(condition=Q(name__regex=r"\S"), name="campaigns_name_not_blank"),
            Trigger(
                name="campaigns_mailbox_changed",
                when="AFTER UPDATE OF from_mailbox_id",
                function="outreach.follow_campaign",
            ),
        ]
        indexes = [
            models.Index(fields=["organisation", "status"], name="campaigns_status"),
            models.Index(fields=["organisation", "-created_at", "id"], name="campaigns_newest"),
            models.Index(fields=["organisation", "updated_at", "id"], name="campaigns_changed"),
            models.Index(fields=["organisation", "name", "id"], name="campaigns_by_name"),
            search_index("name", name="campaigns_name_search"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def numbers(self) -> Numbers:
        """What the campaign brought; the row comes from `with_numbers()`."""
        return Numbers(self.enrolled, **(self.mails or {}))


class CampaignMailbox(TenantModel):
    """A mailbox that shares a campaign's load, by its weight among the weights."""

    campaign = TenantForeignKey(
        Campaign, models.DB_CASCADE, related_name="mailboxes", db_index=False
    )
    mailbox = TenantForeignKey("outreach.Mailbox", models.DB_CASCADE, related_name="shares")
    weight = models.PositiveSmallIntegerField(
        default=1, db_default=1, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )

    class Meta(TenantModel.Meta):
        db_table = "campaign_mailboxes"
        verbose_name_plural = "campaign mailboxes"
        constraints = [
            *TenantModel.Meta.constraints,
            Audited(name="campaign_mailboxes_audited"),
            models.CheckConstraint(
                condition=Q(weight__gte=1), name="campaign_mailboxes_weight_positive"
            ),
            models.UniqueConstraint(
                fields=["organisation", "campaign", "mailbox"], name="campaign_mailboxes_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.mailbox} in {self.campaign}"


class Forecast(TenantModel):
    """What a simulation foresaw for a campaign, to be held against what came."""

    campaign = TenantForeignKey(
        Campaign, models.DB_CASCADE, related_name="forecasts", db_index=False
    )
    made_at = models.DateTimeField()
    options = models.JSONField(default=dict, db_default={}, blank=True)
    days = models.JSONField(
        default=dict, db_default={}, blank=True, help_text="Local day -> mails that leave."
    )
    ends_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        db_table = "campaign_forecasts"
        constraints = [*TenantModel.Meta.constraints]
        indexes = [
            models.Index(
                fields=["organisation", "campaign", "-made_at"], name="campaign_forecasts_latest"
            )
        ]

    def __str__(self) -> str:
        return f"{self.campaign}, {self.made_at:%Y-%m-%d}"


class WorkflowStep(TenantModel):
    """One mail of a campaign, and how many working days after the one before it."""

    Kind = StepKind

    campaign = TenantForeignKey(Campaign, models.DB_CASCADE, related_name="steps", db_index=False)
    step_index = models.IntegerField(default=0, db_default=0)
    kind = models.TextField(choices=StepKind, default=StepKind.EMAIL, db_default=StepKind.EMAIL)
    delay_days = models.IntegerField(
        "delay in working days",
        default=0,
        db_default=0,
        validators=[MaxValueValidator(LONGEST_DELAY)],
        help_text="Working days after the step before; 0 for the first.",
    )
    subject_template = models.TextField(
        blank=True, default="", db_default="", help_text="Empty: the thread's subject."
    )
    body_template = models.TextField(blank=True, default="", db_default="")
    exit_on_reply = models.BooleanField("stop on reply", default=True, db_default=True)
    is_active = models.BooleanField("active", default=True, db_default=True)

    class Meta(TenantModel.Meta):
        db_table = "workflow_steps"
        ordering = ["step_index"]
        constraints = [
            *TenantModel.Meta.constraints,
            Audited(name="workflow_steps_audited"),
            known("kind", StepKind, name="workflow_steps_kind_known"),
            models.CheckConstraint(
                condition=Q(step_index__gte=0), name="workflow_steps_step_index_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(delay_days__gte=0), name="workflow_steps_delay_days_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(delay_days__lte=LONGEST_DELAY), name="workflow_steps_delay_days_a_year"
            ),
            models.UniqueConstraint(
                fields=["organisation", "campaign", "step_index"], name="workflow_steps_once"
            ),
            models.UniqueConstraint(
                fields=["organisation", "id", "campaign"], name="workflow_steps_of_campaign"
            ),
            Trigger(
                name="workflow_steps_moved",
                when="AFTER UPDATE OF step_index",
                function="outreach.renumber_tasks",
            ),
        ]

    def __str__(self) -> str:
        return f"step {self.step_index + 1}"


class Enrollment(TenantModel):
    """One position's passage through one campaign."""

    State = EnrollmentState
    MOVES = ENROLLMENT_MOVES

    campaign = TenantForeignKey(
        Campaign, models.DB_CASCADE, related_name="enrollments", db_index=False
    )
    position = TenantForeignKey("crm.Position", models.DB_CASCADE, related_name="enrollments")
    mailbox = TenantForeignKey(
        "outreach.Mailbox",
        models.DB_SET_NULL,
        null=True,
        blank=True,
        related_name="enrollments",
        help_text="Every mail of the enrolment leaves from it.",
    )
    state = models.TextField(
        choices=EnrollmentState, default=EnrollmentState.ACTIVE, db_default=EnrollmentState.ACTIVE
    )
    enrolled_at = models.DateTimeField()
    paused_until = models.DateTimeField(null=True, blank=True)
    last_activity_at = models.DateTimeField(null=True, blank=True)
    stopped_reason = models.TextField(null=True, blank=True)

    objects = EnrollmentQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        db_table = "campaign_enrollments"
        verbose_name = "enrolment"
        constraints = [
            *TenantModel.Meta.constraints,
            known("state", EnrollmentState, name="campaign_enrollments_state_known"),
            models.UniqueConstraint(
                fields=["organisation", "campaign", "position"], name="campaign_enrollments_once"
            ),
            models.UniqueConstraint(
                fields=["organisation", "id", "campaign"], name="campaign_enrollments_of_campaign"
            ),
            models.UniqueConstraint(
                fields=["organisation", "id", "position"], name="campaign_enrollments_of_position"
            ),
            Trigger(
                name="campaign_enrollments_placed",
                when="BEFORE INSERT",
                function="outreach.place_enrollment",
            ),
            Trigger(
                name="campaign_enrollments_moved",
                when="AFTER UPDATE OF mailbox_id",
                function="outreach.move_tasks",
            ),
        ]
        indexes = [
            models.Index(
                fields=["organisation", "campaign", "state"], name="campaign_enrollments_state"
            )
        ]

    def __str__(self) -> str:
        return f"{self.position} in {self.campaign}"
