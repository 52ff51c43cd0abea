"""Pages for mailboxes and suppressions."""

from copy import copy
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from iam.tenant_admin import TenantAdmin
from outreach.models import Mailbox, Suppression
from outreach.services.mailboxes import faults_of, move_mailbox, set_password
from outreach.services.stopping import suppress_by_hand
from outreach.services.suppressing import address_or_domain
from outreach.states import MailboxStatus
from prospectflow.errors import DomainError

MAILBOX_COLOURS = {"active": "success", "paused": "warning", "broken": "danger"}


class MailboxForm(forms.ModelForm):
    """A mailbox. Its password goes in, and never comes out again."""

    password = forms.CharField(
        required=False,
        strip=False,
        help_text="Leave empty to keep the one there is. It is stored sealed and never shown.",
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._before = copy(self.instance) if self.instance.sealed_password else None

    def clean_address(self) -> str:
        return self.cleaned_data["address"].strip().lower()

    def _post_clean(self) -> None:
        super()._post_clean()
        if not self.errors:
            faults = faults_of(
                self.instance, password=self.cleaned_data["password"], before=self._before
            )
            for name, sentence in faults.items():
                self.add_error(name, sentence)


@admin.register(Mailbox)
class MailboxAdmin(TenantAdmin):
    """Mailboxes."""

    form = MailboxForm
    change_capability = delete_capability = "manage_mailboxes"
    list_display = ["address", "display_name", "state", "daily_limit", "time_zone", "synced"]
    list_filter = ["status"]
    search_fields = ["address", "display_name"]
    ordering = ["address", "id"]
    actions = ["activate", "pause"]
    readonly_fields = ["state", "status_reason", "next_send_at", "last_synced_at"]
    fieldsets = [
        (None, {"fields": ["address", "display_name", "signature", ("state", "status_reason")]}),
        (
            "Servers",
            {
                "fields": [
                    ("username", "password"),
                    ("smtp_host", "smtp_port", "smtp_security"),
                    ("imap_host", "imap_port", "imap_security"),
                ]
            },
        ),
        (
            "Hours and pace",
            {
                "fields": [
                    ("daily_limit", "pace_min_seconds", "pace_max_seconds"),
                    ("time_zone", "country", "subdivision"),
                    "windows",
                    "blackout_dates",
                    ("next_send_at", "last_synced_at"),
                ]
            },
        ),
    ]

    def save_model(self, request: HttpRequest, obj: Mailbox, form: ModelForm, change: Any) -> None:
        if password := form.cleaned_data.get("password"):
            set_password(obj, password)
        super().save_model(request, obj, form, change)

    @display(description="State", ordering="status", label=MAILBOX_COLOURS)
    def state(self, mailbox: Mailbox) -> str:
        return mailbox.status

    @display(description="Inbox read", ordering="last_synced_at")
    def synced(self, mailbox: Mailbox) -> Any:
        return mailbox.last_synced_at

    @admin.action(description="Let the selected mailboxes send", permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet) -> None:
        self._move(request, queryset, MailboxStatus.ACTIVE)

    @admin.action(description="Pause the selected mailboxes", permissions=["change"])
    def pause(self, request: HttpRequest, queryset: QuerySet) -> None:
        self._move(request, queryset, MailboxStatus.PAUSED)

    def _move(self, request: HttpRequest, queryset: QuerySet, to: str) -> None:
        for mailbox in queryset:
            move_mailbox(mailbox, to, reason="by hand")
        self.message_user(request, f"{len(queryset)} {to}.")


class SuppressionForm(forms.ModelForm):
    """An address is given in full and kept as a keyed hash; a domain is kept as it is."""

    address_or_domain = forms.CharField(max_length=254, widget=UnfoldAdminTextInputWidget)

    class Meta:
        model = Suppression
        fields = ["reason", "source"]

    def clean_address_or_domain(self) -> str:
        try:
            return address_or_domain(self.cleaned_data["address_or_domain"])
        except DomainError as refusal:
            raise forms.ValidationError(str(refusal)) from refusal


@admin.register(Suppression)
class SuppressionAdmin(TenantAdmin):
    """Who must not be written to. Entries are added; none is changed or taken away."""

    list_display = ["what", "reason", "source", "at"]
    list_filter = ["reason"]
    search_fields = ["domain"]
    ordering = ["-at", "id"]

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> type[ModelForm]:
        return super().get_form(request, obj, **kwargs | ({} if obj else {"form": SuppressionForm}))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return (
            ["what", "reason", "source", "at"]
            if obj
            else [
                "address_or_domain",
                "reason",
                "source",
            ]
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["what", "reason", "source", "at"] if obj else []

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(
        self, request: HttpRequest, obj: Suppression, form: ModelForm, change: Any
    ) -> None:
        what = form.cleaned_data["address_or_domain"]
        obj.pk = suppress_by_hand(what, reason=obj.reason, source=obj.source, at=timezone.now()).pk
        obj.refresh_from_db()

    @display(description="Address or domain", ordering="domain")
    def what(self, suppression: Suppression) -> str:
        return suppression.domain or f"an address ({suppression})"
