"""The page of the programs that may act in the organisation."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display

from iam import services
from iam.models import ServiceAccount, ServiceAccountStatus
from iam.roles import may
from iam.tenant_admin import TenantAdmin


class ServiceAccountForm(forms.ModelForm):
    """A program, named as people call it and as the provider does."""

    class Meta:
        model = ServiceAccount
        fields = ["name", "client_id", "role"]

    def clean_client_id(self) -> str:
        client_id = self.cleaned_data["client_id"]
        if client_id.split() != [client_id]:
            raise forms.ValidationError("Copy the client ID from the provider: it has no spaces.")
        return client_id


@admin.register(ServiceAccount)
class ServiceAccountAdmin(TenantAdmin):
    """Programs and their roles. Only the platform's operator ties a client ID to an organisation.

    None is deleted: the trail goes on naming it.
    """

    form = ServiceAccountForm
    change_capability = "manage_service_accounts"
    list_display = ["name", "client_id", "role", "state", "created_at"]
    list_filter = ["status"]
    search_fields = ["name"]
    ordering = ["name", "id"]
    fields = ["name", "client_id", "role", "state", "created_at"]
    actions = ["activate", "disable"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return self.fields if obj else ["name", "client_id", "role"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["client_id", "state", "created_at"] if obj else []

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        place = request.membership
        return may(place, "manage_service_accounts") or may(place, "register_service_account")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request.membership, "register_service_account")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(
        self, request: HttpRequest, obj: ServiceAccount, form: ModelForm, change: Any
    ) -> None:
        if change:
            services.change_service_account(obj, **form.cleaned_data)
        else:
            account = services.register_service_account(**form.cleaned_data)
            vars(obj).update(vars(account))

    @display(
        description="State", ordering="status", label={"active": "success", "disabled": "danger"}
    )
    def state(self, account: ServiceAccount) -> str:
        return account.status

    @admin.action(description="Let the selected programs in", permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet) -> None:
        self._move(request, queryset, ServiceAccountStatus.ACTIVE)

    @admin.action(description="Shut the selected programs out", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet) -> None:
        self._move(request, queryset, ServiceAccountStatus.DISABLED)

    def _move(self, request: HttpRequest, queryset: QuerySet, to: str) -> None:
        for account in queryset:
            services.move_service_account(account, to, at=timezone.now())
        self.message_user(request, f"{len(queryset)} changed.")
