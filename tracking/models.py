"""What happened: opens, where the person consented, and the day's numbers."""

from django.db import models
from django.db.models import Q

from outreach.models import Campaign, Message, Variant, WorkflowStep
from prospectflow.tenancy.constraints import TenantReference
from prospectflow.tenancy.fields import TenantForeignKey
from prospectflow.tenancy.models import TenantModel


class Pixel(TenantModel):
    """The picture in one mail. Only a hash of its token is kept."""

    message = TenantForeignKey(Message, models.DB_CASCADE, related_name="pixels", db_index=False)
    token_digest = models.BinaryField(max_length=32)
    expires_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        db_table = "pixels"
        constraints = [
            *TenantModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["organisation", "message"], name="pixels_one_per_message"
            ),
            # The one look-up that starts without an organisation, by tracking.pixel_target.
            models.UniqueConstraint(fields=["token_digest"], name="pixels_token_digest_everywhere"),
        ]

    def __str__(self) -> str:
        return f"pixel of {self.message}"


class OpenStats(TenantModel):
    """How often a mail was opened: every load, and loads on different days of a likely human."""

    message = TenantForeignKey(Message, models.DB_CASCADE, related_name="opens", db_index=False)
    first_open_at = models.DateTimeField(null=True, blank=True)
    last_open_at = models.DateTimeField(null=True, blank=True)
    total_opens = models.BigIntegerField(default=0, db_default=0)
    unique_opens = models.BigIntegerField(default=0, db_default=0)
    machine_opens = models.BigIntegerField(default=0, db_default=0)

    class Meta(TenantModel.Meta):
        db_table = "message_open_stats"
        verbose_name_plural = "open stats"
        constraints = [
            *TenantModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["organisation", "message"], name="message_open_stats_one_per_message"
            ),
            models.CheckConstraint(
                condition=Q(total_opens__gte=0, unique_opens__gte=0, machine_opens__gte=0),
                name="message_open_stats_not_negative",
            ),
        ]
        indexes = [
            models.Index(fields=["organisation", "last_open_at"], name="message_open_stats_last")
        ]

    def __str__(self) -> str:
        return f"{self.total_opens} opens of {self.message}"


class DailyStats(TenantModel):
    """A day's numbers of one step, and of one variant where there is an experiment."""

    COUNTERS = ("sent", "delivered", "bounced", "replied", "unsubscribed", "opened")

    campaign = TenantForeignKey(
        Campaign, models.DB_CASCADE, related_name="daily_stats", db_index=False
    )
    workflow_step = TenantForeignKey(WorkflowStep, models.DB_CASCADE, related_name="daily_stats")
    variant = TenantForeignKey(
        Variant, models.DB_CASCADE, null=True, blank=True, related_name="daily_stats"
    )
    day = models.DateField(help_text="Day of sending in the mailbox's zone.")
    sent = models.IntegerField(default=0, db_default=0)
    delivered = models.IntegerField(default=0, db_default=0)
    bounced = models.IntegerField(default=0, db_default=0)
    replied = models.IntegerField(default=0, db_default=0)
    unsubscribed = models.IntegerField(default=0, db_default=0)
    opened = models.IntegerField(default=0, db_default=0)

    class Meta(TenantModel.Meta):
        db_table = "campaign_daily_stats"
        verbose_name_plural = "daily stats"
        constraints = [
            *TenantModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["organisation", "campaign", "workflow_step", "variant", "day"],
                nulls_distinct=False,
                name="campaign_daily_stats_once",
            ),
            TenantReference(
                name="campaign_daily_stats_step_of_campaign",
                to="outreach.WorkflowStep",
                fields=["workflow_step", "campaign"],
                to_fields=["id", "campaign"],
                on_delete="CASCADE",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.campaign}, {self.day}"
