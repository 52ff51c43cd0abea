"""Who else is told of what happens, and what became of each telling."""

from django.db import models
from django.db.models import Q

from outreach.states import (
    DELIVERY_MOVES,
    WEBHOOK_MOVES,
    DeliveryStatus,
    WebhookEvent,
    WebhookStatus,
)
from prospectflow.choices import known
from prospectflow.tenancy.constraints import Audited
from prospectflow.tenancy.fields import TenantForeignKey
from prospectflow.tenancy.models import TenantModel


class WebhookEndpoint(TenantModel):
    """An address of the customer's that is told of chosen events, signed (Standard Webhooks)."""

    Status = WebhookStatus
    MOVES = WEBHOOK_MOVES

    url = models.CharField("URL", max_length=2000)
    events = models.JSONField(help_text="Which events are told.")
    sealed_secret = models.TextField(editable=False)
    status = models.TextField(
        choices=WebhookStatus, default=WebhookStatus.ACTIVE, db_default=WebhookStatus.ACTIVE
    )
    status_reason = models.TextField(blank=True, default="", db_default="")

    class Meta(TenantModel.Meta):
        db_table = "webhook_endpoints"
        constraints = [
            *TenantModel.Meta.constraints,
            Audited(name="webhook_endpoints_audited", secret=["sealed_secret"]),
            known("status", WebhookStatus, name="webhook_endpoints_status_known"),
            models.CheckConstraint(
                condition=Q(url__regex=r"^https?://"), name="webhook_endpoints_url_shape"
            ),
            models.UniqueConstraint(fields=["organisation", "url"], name="webhook_endpoints_once"),
        ]

    def __str__(self) -> str:
        return self.url


class WebhookDelivery(TenantModel):
    """One event told to one endpoint, until it was heard or given up."""

    Status = DeliveryStatus
    MOVES = DELIVERY_MOVES

    endpoint = TenantForeignKey(WebhookEndpoint, models.DB_CASCADE, related_name="deliveries")
    event = models.TextField(choices=WebhookEvent)
    body = models.TextField(help_text="Exactly what is sent and signed, in JSON.")
    at = models.DateTimeField()
    status = models.TextField(
        choices=DeliveryStatus, default=DeliveryStatus.WAITING, db_default=DeliveryStatus.WAITING
    )
    attempts = models.IntegerField(default=0, db_default=0)
    due_at = models.DateTimeField()
    answered_status = models.IntegerField("HTTP status of the last answer", null=True, blank=True)
    last_error = models.TextField(blank=True, default="", db_default="")
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        db_table = "webhook_deliveries"
        verbose_name_plural = "webhook deliveries"
        constraints = [
            *TenantModel.Meta.constraints,
            known("event", WebhookEvent, name="webhook_deliveries_event_known"),
            known("status", DeliveryStatus, name="webhook_deliveries_status_known"),
            models.CheckConstraint(
                condition=Q(attempts__gte=0), name="webhook_deliveries_attempts_not_negative"
            ),
        ]
        indexes = [
            models.Index(
                fields=["organisation", "due_at", "id"],
                condition=Q(status="waiting"),
                name="webhook_deliveries_due",
            ),
            models.Index(fields=["organisation", "-at", "id"], name="webhook_deliveries_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.endpoint}"
