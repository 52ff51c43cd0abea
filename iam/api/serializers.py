"""How people, programs and their deeds look to programs."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers

from iam.models import (
    AuditEvent,
    Membership,
    MembershipStatus,
    OperatorEntry,
    Organisation,
    Role,
    ServiceAccount,
)
from iam.roles import CAPABILITIES, OPERATOR
from iam.services import known_zone
from prospectflow.api.serializers import StrictModelSerializer, StrictSerializer

PLACES = [*Role.values, OPERATOR]
OFFERED = [(role.value, role.label) for role in Role if role != Role.OWNER]


class PlaceSerializer(StrictSerializer):
    """An organisation that the caller may enter, and as what; a visit has an end."""

    id = serializers.UUIDField(source="organisation_id")
    slug = serializers.CharField(help_text="What X-Organisation names it by.")
    name = serializers.CharField()
    role = serializers.ChoiceField(choices=PLACES)
    until = serializers.DateTimeField(allow_null=True)


class MeSerializer(StrictSerializer):
    """Who asks, where they stand, and what they may do there."""

    kind = serializers.ChoiceField(choices=["person", "program"])
    id = serializers.UUIDField()
    email = serializers.EmailField(allow_null=True)
    name = serializers.CharField()
    organisation = PlaceSerializer(allow_null=True)
    capabilities = serializers.ListField(child=serializers.ChoiceField(choices=list(CAPABILITIES)))
    organisations = PlaceSerializer(many=True)


class SessionSerializer(StrictSerializer):
    """One of the caller's signed-in browsers; its id never opens it."""

    id = serializers.CharField()
    signed_in_at = serializers.DateTimeField()
    seen_at = serializers.DateTimeField()
    device = serializers.CharField()
    ip = serializers.CharField(allow_blank=True)
    organisation = serializers.UUIDField(source="organisation_id", allow_null=True)
    is_current = serializers.SerializerMethodField()

    def get_is_current(self, session: Any) -> bool:
        return session.id == self.context["current"]


class EndedSerializer(StrictSerializer):
    """How many sessions ended."""

    ended = serializers.IntegerField()


class OrganisationSerializer(StrictModelSerializer):
    """The entered organisation, with the legal identity that stands under its mails."""

    country = serializers.RegexField(
        r"^[A-Z]{2}$", max_length=2, help_text="ISO 3166, such as FR; whose holidays count."
    )
    siren = serializers.RegexField(r"^([0-9]{9})?$", max_length=9, allow_blank=True)

    class Meta:
        model = Organisation
        fields = [
            "id",
            "slug",
            "name",
            "country",
            "time_zone",
            "legal_name",
            "legal_form",
            "siren",
            "legal_address",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["slug"]

    def validate_time_zone(self, name: str) -> str:
        return known_zone(name)


class MembershipSerializer(StrictModelSerializer):
    """A member. Of who is not inside, no more than the address they were added by is told."""

    user = serializers.SerializerMethodField()
    email = serializers.EmailField(source="address", read_only=True)
    name = serializers.CharField(source="shown_name", read_only=True)

    class Meta:
        model = Membership
        fields = [
            "id",
            "user",
            "email",
            "name",
            "role",
            "status",
            "expires_at",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["status", "expires_at"]
        extra_kwargs = {"role": {"required": True}}

    def get_user(self, member: Membership) -> str | None:
        """Ids tell when an account was made, so an invited person's is not told either."""
        inside = member.status == MembershipStatus.ACTIVE
        return str(member.user_id) if inside else None


class InvitationSerializer(StrictModelSerializer):
    """An open offer of a place; inviting the address again renews it."""

    email = serializers.EmailField(source="address", max_length=254)
    role = serializers.ChoiceField(choices=OFFERED, default=Role.MEMBER)
    invited_by = serializers.CharField(
        source="invited_by.email", default=None, read_only=True, allow_null=True
    )
    is_expired = serializers.SerializerMethodField()

    class Meta:
        model = Membership
        fields = ["id", "email", "role", "invited_by", "expires_at", "is_expired", "created_at"]
        read_only_fields = ["expires_at"]

    def get_is_expired(self, invitation: Membership) -> bool:
        return bool(invitation.expires_at and invitation.expires_at <= timezone.now())


class ServiceAccountSerializer(StrictModelSerializer):
    """A program that acts in the organisation under the client id that the provider gave it."""

    client_id = serializers.RegexField(r"^\S+$", max_length=255)

    class Meta:
        model = ServiceAccount
        fields = ["id", "name", "client_id", "role", "status", "created_at", "updated_at"]
        read_only_fields = ["status"]


class ServiceAccountChangeSerializer(StrictModelSerializer):
    """What may change of a program: its name and its role."""

    class Meta(ServiceAccountSerializer.Meta):
        read_only_fields = ["client_id", "status"]


class OperatorEntrySerializer(StrictModelSerializer):
    """A visit of the platform's operator, and why it was made."""

    operator = serializers.EmailField(source="user.email", read_only=True)

    class Meta:
        model = OperatorEntry
        fields = ["id", "operator", "reason", "entered_at", "ends_at", "created_at"]


class ListedAuditEventSerializer(StrictModelSerializer):
    """What somebody did to what; `actor` is the person or the program in words."""

    user = serializers.UUIDField(source="user_id", allow_null=True, read_only=True)
    service_account = serializers.UUIDField(
        source="service_account_id", allow_null=True, read_only=True
    )
    actor = serializers.SerializerMethodField()

    class Meta:
        model = AuditEvent
        fields = [
            "id",
            "at",
            "action",
            "object_type",
            "object_id",
            "description",
            "actor",
            "user",
            "service_account",
            "request_id",
        ]

    def get_actor(self, event: AuditEvent) -> str:
        return str(event.user or event.service_account or "")


class AuditEventSerializer(ListedAuditEventSerializer):
    """An event with what stood in each column before and after."""

    class Meta(ListedAuditEventSerializer.Meta):
        fields = [*ListedAuditEventSerializer.Meta.fields, "changes"]
