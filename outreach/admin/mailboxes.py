"""Pages for mailboxes and suppressions."""

from copy import copy
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Field, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from iam.tenant_admin import TenantAdmin
from outreach.models import Mailbox, Suppression
from outreach.presets import RECOMMENDED, preset_of
from outreach.services.domain_checks import NAMES
from outreach.services.health import measured
from outreach.services.mailbox_secrets import Entered, dkim_record, keep, signs
from outreach.services.mailboxes import faults_of, fill_in, move_mailbox
from outreach.services.sharing import discard_mailbox
from outreach.services.stopping import suppress_by_hand
from outreach.services.suppressing import address_or_domain
from outreach.states import MailboxStatus
from prospectflow.errors import DomainError

MAILBOX_COLOURS = {"active": "success", "paused": "warning", "broken": "danger"}
LEVEL_COLOURS = {"ok": "success", "warn": "warning", "stop": "danger", "fail": "danger"}
KEPT = "Leave empty to keep the one there is. It is stored sealed and never shown."
HELP = {
    "provider": "Servers that you leave empty are filled in for a provider that is known.",
    "smtp_host": "Empty: the provider's.",
    "imap_host": "Empty: the provider's.",
    "oauth_token_url": "Empty: the provider's.",
    "daily_limit": "{} to {} are wise where people do not know you yet.".format(*RECOMMENDED),
    "windows": 'Such as {"mon": [["09:00", "11:30"], ["14:00", "17:00"]]}; days that are not named'
    " are closed.",
    "blackout_dates": 'Such as ["2026-12-24", "2026-12-31"]; nothing leaves on these days.',
    "dkim_domain": "Empty: the domain of the address.",
    "dkim_selector": "Where the key is published: selector._domainkey.domain.",
}


def _secret(**fields: Any) -> forms.CharField:
    """Goes in, and never comes out again."""
    widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})
    defaults = {"required": False, "strip": False, "help_text": KEPT, "widget": widget}
    return forms.CharField(**(defaults | fields))


class MailboxForm(forms.ModelForm):
    """A mailbox. Its secrets go in, and never come out again."""

    password = _secret(max_length=1000)
    oauth_client_secret = _secret(max_length=4000, label="OAuth client secret")
    oauth_refresh_token = _secret(max_length=8000, label="OAuth refresh token")
    dkim_key = _secret(
        max_length=16_000,
        label="DKIM private key",
        strip=True,
        help_text=f"PEM, without a passphrase. {KEPT}",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4, "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.before = copy(self.instance) if self.instance.pk and self.instance.address else None
        for name in HELP.keys() & self.fields.keys():
            self.fields[name].help_text = HELP[name]
        for name in {"smtp_host", "imap_host"} & self.fields.keys():
            self.fields[name].required = False

    def clean_address(self) -> str:
        return self.cleaned_data["address"].strip().lower()

    def clean_dkim_domain(self) -> str:
        return self.cleaned_data["dkim_domain"].strip().lower()

    @property
    def entered(self) -> Entered:
        names = ("password", "oauth_client_secret", "oauth_refresh_token", "dkim_key")
        return Entered(**{name: self.cleaned_data.get(name, "") for name in names})

    def _post_clean(self) -> None:
        super()._post_clean()
        if not self.errors:
            fill_in(self.instance, self.entered)
            faults = faults_of(self.instance, self.entered, before=self.before)
            for name, sentence in faults.items():
                self.add_error(name, sentence)


@admin.register(Mailbox)
class MailboxAdmin(TenantAdmin):
    """Mailboxes."""

    form = MailboxForm
    change_form_outer_before_template = "outreach/mailbox_state.html"
    change_capability = delete_capability = "manage_mailboxes"
    list_display = ["address", "display_name", "state", "daily_limit", "time_zone", "synced"]
    list_filter = ["status", "provider"]
    search_fields = ["address", "display_name"]
    ordering = ["address", "id"]
    actions = ["activate", "pause"]
    readonly_fields = ["state", "status_reason", "next_send_at", "last_synced_at"]
    conditional_fields = {
        "password": "sign_in == 'password'",
        **dict.fromkeys(
            ["oauth_token_url", "oauth_client_id", "oauth_client_secret", "oauth_refresh_token"],
            "sign_in == 'oauth'",
        ),
    }
    fieldsets = [
        (None, {"fields": ["address", "display_name", "signature", ("state", "status_reason")]}),
        (
            "Servers",
            {
                "fields": [
                    "provider",
                    ("smtp_host", "smtp_port", "smtp_security"),
                    ("imap_host", "imap_port", "imap_security"),
                ]
            },
        ),
        (
            "Sign-in",
            {
                "fields": [
                    ("sign_in", "username"),
                    "password",
                    ("oauth_token_url", "oauth_client_id"),
                    ("oauth_client_secret", "oauth_refresh_token"),
                ]
            },
        ),
        (
            "Limits and pace",
            {
                "fields": [
                    ("daily_limit", "domain_limit"),
                    ("ramp_start", "ramp_step"),
                    ("pace_min_seconds", "pace_max_seconds"),
                ]
            },
        ),
        (
            "Hours",
            {
                "fields": [
                    ("time_zone", "country", "subdivision"),
                    "windows",
                    "blackout_dates",
                    ("next_send_at", "last_synced_at"),
                ]
            },
        ),
        (
            "Signature by DKIM",
            {
                "description": "Only where the provider does not sign by itself: most do.",
                "fields": [("dkim_domain", "dkim_selector"), "dkim_key"],
            },
        ),
    ]

    def formfield_for_dbfield(
        self, db_field: Field, request: HttpRequest, **kwargs: Any
    ) -> forms.Field | None:
        if db_field.name == "oauth_token_url":
            kwargs["widget"] = UnfoldAdminTextInputWidget  # no link: nothing is to be seen there
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        mailbox = kwargs.get("obj")
        if mailbox is not None:
            context |= _state(mailbox) | {
                "may_manage": self.has_change_permission(request, mailbox)
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Mailbox, form: ModelForm, change: Any) -> None:
        keep(obj, form.entered, before=form.before)
        super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: Mailbox) -> None:
        discard_mailbox(obj, at=timezone.now(), user=request.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        for mailbox in queryset:
            self.delete_model(request, mailbox)

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


def _state(mailbox: Mailbox) -> dict[str, Any]:
    """How the mailbox fares, for the top of its page."""
    health = measured([mailbox.pk], now=timezone.now())[mailbox.pk]
    preset = preset_of(mailbox.provider)
    try:
        record = dkim_record(mailbox)
    except DomainError:  # no key opens it; the connection test says so
        record = None
    return {
        "health": health,
        "health_colour": LEVEL_COLOURS[health.level],
        "domain_findings": [
            (name, each["state"], LEVEL_COLOURS.get(each["state"], ""), each["sentence"])
            for kind, name in NAMES.items()
            if (each := mailbox.domain_report.get(kind))
        ],
        "dkim_record": record,
        "signs": signs(mailbox),
        "note": preset.note if preset else "",
        "scopes": preset.oauth_scopes if preset else (),
    }


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
