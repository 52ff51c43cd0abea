"""Webhooks and the log of what they were told, in the console."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display

from iam.tenant_admin import TenantAdmin
from outreach.models import WebhookDelivery, WebhookEndpoint
from outreach.services import webhooks
from outreach.states import WebhookEvent, WebhookStatus
from prospectflow.errors import DomainError

SECRET = "The secret, which is shown this once: %s"  # noqa: S105


class EndpointForm(forms.ModelForm):
    """Where to, and which events."""

    events = forms.MultipleChoiceField(
        choices=WebhookEvent.choices, widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = WebhookEndpoint
        fields = ["url", "events"]

    def clean_url(self) -> str:
        try:
            return webhooks.checked_url(self.cleaned_data["url"])
        except DomainError as refusal:
            raise forms.ValidationError(str(refusal)) from refusal

    def clean_events(self) -> list[str]:
        return webhooks.checked_events(self.cleaned_data["events"])


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(TenantAdmin):
    """Addresses that are told of events."""

    view_capability = change_capability = delete_capability = "manage_webhooks"
    form = EndpointForm
    list_display = ["url", "shown_events", "state", "status_reason", "created_at"]
    list_filter = ["status"]
    ordering = ["-created_at", "id"]
    fields = ["url", "events", "state", "status_reason"]
    readonly_fields = ["state", "status_reason"]
    actions = ["activate", "disable", "renew_secret"]

    def save_model(
        self, request: HttpRequest, obj: WebhookEndpoint, form: ModelForm, change: Any
    ) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        made, secret = webhooks.add_endpoint(obj.url, obj.events)
        obj.pk, obj._state.adding = made.pk, False
        self.message_user(request, SECRET % secret, messages.WARNING)

    @display(description="Events")
    def shown_events(self, endpoint: WebhookEndpoint) -> str:
        return ", ".join(endpoint.events)

    @display(
        description="State", ordering="status", label={"active": "success", "disabled": "danger"}
    )
    def state(self, endpoint: WebhookEndpoint) -> str:
        return endpoint.status

    @admin.action(description="Tell the selected webhooks again", permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet) -> None:
        self._move(request, queryset, WebhookStatus.ACTIVE)

    @admin.action(description="Tell the selected webhooks nothing more", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet) -> None:
        self._move(request, queryset, WebhookStatus.DISABLED)

    @admin.action(description="Give the selected webhooks another secret", permissions=["change"])
    def renew_secret(self, request: HttpRequest, queryset: QuerySet) -> None:
        for endpoint in queryset:
            secret = webhooks.renew_secret(endpoint)
            self.message_user(request, f"{endpoint}: {SECRET % secret}", messages.WARNING)

    def _move(self, request: HttpRequest, queryset: QuerySet, to: str) -> None:
        for endpoint in queryset:
            webhooks.move_endpoint(endpoint, to)
        self.message_user(request, f"{len(queryset)} {to}.")


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(TenantAdmin):
    """What was told to whom. It is read, and told again where it failed."""

    read_only = True
    view_capability = change_capability = "manage_webhooks"
    list_display = ["event", "endpoint", "state", "attempts", "answered_status", "at"]
    list_filter = ["status", "event"]
    list_select_related = ["endpoint"]
    ordering = ["-at", "id"]
    fields = ["event", "endpoint", "state", "attempts", "due_at", "answered_status", "last_error"]
    fields += ["at", "delivered_at", "body"]
    readonly_fields = fields
    actions = ["tell_again"]

    @display(
        description="State",
        ordering="status",
        label={"delivered": "success", "waiting": "info", "failed": "danger"},
    )
    def state(self, delivery: WebhookDelivery) -> str:
        return delivery.status

    @admin.action(description="Tell the selected failures again", permissions=["view"])
    def tell_again(self, request: HttpRequest, queryset: QuerySet) -> None:
        for delivery in queryset:
            webhooks.tell_again(delivery, at=timezone.now())
        self.message_user(request, f"{len(queryset)} will be told again.")
