"""Pages for the organisation and the people who are in it."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from iam.models import Membership, MembershipStatus, Organisation, User
from iam.services import known_zone
from iam.tenant_admin import TenantAdmin

admin.site.unregister(Group)  # roles say what a person may do, groups would only seem to


class OrganisationForm(forms.ModelForm):
    """Refuses a time zone that no clock knows."""

    def clean_time_zone(self) -> str:
        return known_zone(self.cleaned_data["time_zone"])


@admin.register(Organisation)
class OrganisationAdmin(TenantAdmin):
    """The entered organisation, and no other."""

    form = OrganisationForm
    change_capability = "manage_organisation"
    list_display = ["name", "slug", "country", "time_zone", "legal_name", "siren"]
    ordering = ["name", "id"]
    readonly_fields = ["slug", "created_at"]
    fieldsets = [
        (None, {"fields": ["name", "slug", "country", "time_zone", "created_at"]}),
        (
            "Legal identity, in the footer of every mail",
            {"fields": ["legal_name", "legal_form", "siren", "legal_address"]},
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).filter(pk=request.membership.organisation_id)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(TenantAdmin):
    """The active members as people. Only they and the platform's operator change what is here."""

    delete_capability = "manage_members"
    list_display = ["email", "first_name", "last_name", "is_active"]
    search_fields = ["email", "first_name", "last_name"]
    ordering = ["email", "id"]
    fields = ["email", "first_name", "last_name", "is_active", "created_at"]
    readonly_fields = ["email", "is_active", "created_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).filter(self._members())

    def _bare_rows(self) -> QuerySet:
        return super()._bare_rows().filter(self._members())

    def _members(self) -> Q:
        active = Membership.objects.filter(status=MembershipStatus.ACTIVE)
        return Q(pk__in=active.values("user"))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        inside = super().has_change_permission(request, obj)
        return inside and (request.user.is_superuser or obj == request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
