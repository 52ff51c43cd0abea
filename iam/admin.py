"""Pages for the organisation, its members and what they did."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display
from unfold.widgets import UnfoldAdminEmailInputWidget

from iam import services
from iam.models import AuditEvent, Membership, MembershipStatus, Organisation, Role, User
from iam.sessions import end_sessions_in
from iam.tenant_admin import TenantAdmin
from prospectflow.errors import DomainError

admin.site.unregister(Group)  # roles say what a person may do, groups would only seem to


class OrganisationForm(forms.ModelForm):
    """Refuses a time zone that no clock knows."""

    def clean_time_zone(self) -> str:
        name = self.cleaned_data["time_zone"].strip()
        if name not in available_timezones():
            raise forms.ValidationError("Write a zone of the IANA list, such as Europe/Paris.")
        return name


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


class MembershipForm(forms.ModelForm):
    """A member is added by e-mail address; whether they already use the platform is not told."""

    email = forms.EmailField(
        label="E-mail address", required=False, widget=UnfoldAdminEmailInputWidget
    )

    class Meta:
        model = Membership
        fields = ["role"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.instance._state.adding and not cleaned.get("email"):
            self.add_error("email", "Give the new member's e-mail address.")
        if cleaned.get("role") == Role.OWNER and self.instance.role != Role.OWNER:
            self.add_error("role", "An organisation has exactly one owner: choose another role.")
        return cleaned


class NotAccepted(DomainError):
    """Only the invited person accepts an invitation."""


@admin.register(Membership)
class MembershipAdmin(TenantAdmin):
    """The organisation's members."""

    change_capability = delete_capability = "manage_members"
    form = MembershipForm
    list_display = ["person", "email", "role", "state", "created_at"]
    list_filter = ["role", "status"]
    list_select_related = ["user"]
    search_fields = ["user__email"]  # a name would tell who an invited address belongs to
    ordering = ["created_at", "id"]
    actions = ["activate", "disable", "end_sessions"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["email", "role"] if obj is None else ["person", "role", "state", "created_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [] if obj is None else ["person", "state", "created_at"]

    def save_model(
        self, request: HttpRequest, obj: Membership, form: ModelForm, change: Any
    ) -> None:
        if not change:
            email, role = form.cleaned_data["email"], form.cleaned_data["role"]
            invited = services.invite(email, role, at=timezone.now(), by=request.user)
            obj.pk, obj._state.adding, obj.user = invited.pk, False, invited.user
        else:
            services.change_role(obj, form.cleaned_data["role"])

    @display(description="Member")
    def person(self, member: Membership) -> str:
        return member.shown_name

    @display(description="E-mail", ordering="user__email")
    def email(self, member: Membership) -> str:
        return member.user.email

    @display(
        description="State",
        ordering="status",
        label={"active": "success", "invited": "info", "disabled": "danger"},
    )
    def state(self, member: Membership) -> str:
        return member.status

    @admin.action(description="Let the selected members in", permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet) -> None:
        self._move(request, queryset, MembershipStatus.ACTIVE)

    @admin.action(description="Shut the selected members out", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet) -> None:
        self._move(request, queryset, MembershipStatus.DISABLED)

    @admin.action(description="End their sessions here", permissions=["change"])
    def end_sessions(self, request: HttpRequest, queryset: QuerySet) -> None:
        for member in queryset:
            services.end_access(member, at=timezone.now())
            end_sessions_in(member.user_id, member.organisation_id)
        self.message_user(request, f"{len(queryset)} must sign in again before they come back.")

    def _move(self, request: HttpRequest, queryset: QuerySet, to: str) -> None:
        for member in queryset:
            if member.status == MembershipStatus.INVITED:
                raise NotAccepted(f"{member.user.email} has not accepted yet: wait, or delete it.")
            services.move_membership(member, to, at=timezone.now())
        self.message_user(request, f"{len(queryset)} changed.")


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


@admin.register(AuditEvent)
class AuditEventAdmin(TenantAdmin):
    """What people did here. It is only ever read."""

    read_only = True
    view_capability = "read_audit"
    list_display = ["at", "who", "action", "description", "object_type"]
    list_filter = ["at"]
    list_select_related = ["user"]
    ordering = ["-at", "id"]
    fields = ["at", "who", "action", "object_type", "object_id", "description"]
    readonly_fields = fields

    @display(description="Who", ordering="user__email")
    def who(self, entry: AuditEvent) -> str:
        return str(entry.user) if entry.user else "–"
