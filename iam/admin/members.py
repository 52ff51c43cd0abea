"""The page of the members: invited, let in, shut out."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Case, F, Q, QuerySet, When
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from unfold.decorators import display
from unfold.widgets import UnfoldAdminEmailInputWidget

from iam import services
from iam.models import Membership, MembershipStatus, Role
from iam.roles import may
from iam.tenant_admin import TenantAdmin
from prospectflow.throttles import at_most

# As Membership.address says it: of whoever is not inside, only what the organisation typed.
KNOWS_PERSON = Q(status=MembershipStatus.ACTIVE) | Q(invited_address=None)
SHOWN_ADDRESS = Case(When(KNOWS_PERSON, then=F("user__email")), default=F("invited_address"))
OFFERED = [(role.value, role.label) for role in Role if role != Role.OWNER]


class MembershipForm(forms.ModelForm):
    """A member is added by e-mail address; whether they already use the platform is not told."""

    email = forms.EmailField(
        label="E-mail address",
        required=False,
        widget=UnfoldAdminEmailInputWidget,
        help_text="The invitation can be accepted for 14 days. Inviting again renews it.",
    )

    class Meta:
        model = Membership
        fields = ["role"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if role := self.fields.get("role"):
            role.choices = OFFERED
            role.error_messages["invalid_choice"] = (
                "An organisation has exactly one owner: choose another role."
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.instance._state.adding and not cleaned.get("email"):
            self.add_error("email", "Give the new member's e-mail address.")
        return cleaned


@admin.register(Membership)
class MembershipAdmin(TenantAdmin):
    """The organisation's members, and those who were invited."""

    change_capability = delete_capability = "manage_members"
    form = MembershipForm
    list_display = ["person", "email", "role", "state", "inviter", "created_at"]
    list_filter = ["role", "status"]
    list_select_related = ["user", "invited_by"]
    search_fields = [
        "user__email",
        "invited_address",
    ]  # a name would tell who an invited address belongs to
    ordering = ["created_at", "id"]
    actions = ["activate", "disable", "end_sessions", "renew", "withdraw", "hand_over"]

    def _shown_with(self, field: str) -> QuerySet:
        shown = KNOWS_PERSON if field == "user__email" else ~KNOWS_PERSON
        return super()._shown_with(field).filter(shown)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        shown = ["person", "role", "state", "inviter", "created_at"]
        return ["email", "role"] if obj is None else shown

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        fixed = [] if obj is None else ["person", "state", "inviter", "created_at"]
        return [*fixed, "role"] if obj and obj.role == Role.OWNER else fixed

    def save_model(
        self, request: HttpRequest, obj: Membership, form: ModelForm, change: Any
    ) -> None:
        if not change:
            email, role = form.cleaned_data["email"], form.cleaned_data["role"]
            invited = self._invite(request, email, role)
            vars(obj).update(vars(invited))
        elif "role" in form.cleaned_data:
            services.change_role(obj, form.cleaned_data["role"])

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        services.withdraw(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        for member in queryset:
            self.delete_model(request, member)

    @display(description="Member")
    def person(self, member: Membership) -> str:
        return member.shown_name

    @display(description="E-mail", ordering=SHOWN_ADDRESS)
    def email(self, member: Membership) -> str:
        return member.address

    @display(
        description="State",
        ordering="status",
        label={"active": "success", "invited": "info", "disabled": "danger", "expired": "warning"},
    )
    def state(self, member: Membership) -> tuple[str, str]:
        if member.status != MembershipStatus.INVITED:
            return member.status, member.status
        if member.expires_at <= timezone.now():
            return "expired", "invitation expired"
        return "invited", f"invited, expires {date_format(timezone.localtime(member.expires_at))}"

    @display(description="Invited by")
    def inviter(self, member: Membership) -> str:
        return str(member.invited_by) if member.invited_by else "–"

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
        self.message_user(request, f"{len(queryset)} must sign in again before they come back.")

    @admin.action(description="Invite again, for another 14 days", permissions=["change"])
    def renew(self, request: HttpRequest, queryset: QuerySet) -> None:
        for invited in queryset:
            self._invite(request, invited.address, invited.role)
        self.message_user(request, f"{len(queryset)} invited again.")

    @admin.action(description="Withdraw the invitations", permissions=["delete"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet) -> None:
        invitations = list(queryset)
        for invited in invitations:
            services.withdraw(invited)
        self.message_user(request, f"{len(invitations)} withdrawn.")

    def has_hand_over_permission(self, request: HttpRequest) -> bool:
        return may(request.membership, "hand_over")

    @admin.action(description="Make the selected member the owner", permissions=["hand_over"])
    def hand_over(self, request: HttpRequest, queryset: QuerySet) -> None:
        heir = queryset.get() if len(queryset) == 1 else None
        if heir is None:
            self.message_user(request, "Select exactly one member.", messages.ERROR)
            return
        services.hand_over(heir)
        self.message_user(request, f"{heir.shown_name} is the owner now, and you are an admin.")

    def _invite(self, request: HttpRequest, email: str, role: str) -> Membership:
        """Invite as often as the organisation may, be it here or by the API."""
        now = timezone.now()
        at_most("invitations", request.membership.organisation_id, now=now)
        return services.invite(email, role, at=now, by=request.user)

    def _move(self, request: HttpRequest, queryset: QuerySet, to: str) -> None:
        for member in queryset:
            services.move_membership(member, to, at=timezone.now())
        self.message_user(request, f"{len(queryset)} changed.")
