"""How campaigns and enrolments look to programs."""

from datetime import datetime, timedelta
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from crm.models import Position
from outreach.api.ruled import RuledSerializer
from outreach.models import Campaign, Enrollment, Mailbox
from outreach.services.campaigns import check_windows
from outreach.services.sharing import set_shares
from prospectflow.api.serializers import StrictModelSerializer, StrictSerializer
from prospectflow.errors import DomainError

MOST_POSITIONS = 1_000  # in one body
MOST_MAILBOXES, HEAVIEST = 50, 100
LONGEST_PAUSE = timedelta(days=365)


class CampaignNumbers(serializers.Serializer):
    """What a campaign brought, by people."""

    enrolled = serializers.IntegerField(
        source="numbers.enrolled", read_only=True, help_text="People taken in."
    )
    sent = serializers.IntegerField(
        source="numbers.sent", read_only=True, help_text="Mails that left."
    )
    reached = serializers.IntegerField(
        source="numbers.reached", read_only=True, help_text="People that a mail left to."
    )
    replied = serializers.IntegerField(
        source="numbers.replied", read_only=True, help_text="People who answered themselves."
    )
    response_rate = serializers.FloatField(
        source="numbers.response_rate",
        read_only=True,
        min_value=0,
        max_value=100,
        help_text="Of a hundred people reached, how many replied; 0 while nobody was.",
    )


NUMBERS = list(CampaignNumbers().fields)


class ListedCampaignSerializer(CampaignNumbers, StrictModelSerializer):
    """A campaign in a list, with what it brought."""

    from_mailbox: Any = serializers.PrimaryKeyRelatedField(read_only=True, allow_null=True)

    class Meta:
        model = Campaign
        fields = ["id", "name", "value_prop", "status", "from_mailbox", *NUMBERS]
        fields += ["created_at", "updated_at"]
        read_only_fields = fields


class ShareSerializer(StrictSerializer):
    """A mailbox that shares a campaign's load, by its weight among the weights."""

    mailbox: Any = serializers.PrimaryKeyRelatedField(queryset=Mailbox.objects.all())
    weight = serializers.IntegerField(min_value=1, max_value=HEAVIEST, default=1)

    def to_representation(self, share: dict[str, Any]) -> dict[str, Any]:
        """PostgreSQL tells a share as it is shown, but for the order of its fields."""
        return {"mailbox": share["mailbox"], "weight": share["weight"]}


@extend_schema_field(
    {
        "type": "object",
        "additionalProperties": {
            "type": "array",
            "items": {"type": "array", "items": {"type": "string"}},
        },
        "example": {"mon": [["09:00", "11:30"], ["14:00", "16:00"]]},
        "description": "Windows of local time by weekday, within those of the mailboxes;"
        " null: theirs alone.",
    }
)
class WindowsField(serializers.JSONField):
    """Sending windows by weekday; 400 with what is wrong with them."""

    def to_internal_value(self, data: Any) -> Any:
        value = super().to_internal_value(data)
        try:
            check_windows(value)
        except DomainError as refusal:
            raise serializers.ValidationError(str(refusal), "invalid") from refusal
        return value


class CampaignSerializer(CampaignNumbers, RuledSerializer):
    """A campaign; its state is moved by start, pause, archive and restore."""

    from_mailbox = serializers.PrimaryKeyRelatedField(
        queryset=Mailbox.objects.all(), allow_null=True, required=False
    )
    mailboxes = ShareSerializer(  # type: ignore[call-arg]
        many=True,
        source="shares",
        required=False,
        max_length=MOST_MAILBOXES,
        help_text="Those that share its load; its own has weight 1 unless it is named here.",
    )
    windows = WindowsField(required=False, allow_null=True)

    class Meta:
        model = Campaign
        fields = ["id", "name", "value_prop", "justification", "status", "from_mailbox"]
        fields += ["mailboxes", "windows", "follows_recipient"]
        fields += ["track_opens", *NUMBERS, "created_by", "created_at", "updated_at"]
        read_only_fields = ["status", "created_at", "updated_at"]

    created_by = serializers.UUIDField(source="created_by_user_id", read_only=True, allow_null=True)

    def validate_mailboxes(self, shares: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if len({share["mailbox"].pk for share in shares}) < len(shares):
            raise serializers.ValidationError("Name each mailbox once.", "twice")
        return shares

    def create(self, given: dict[str, Any]) -> Campaign:
        shares = given.pop("shares", None)
        return self._shared(super().create(given), shares)

    def update(self, campaign: Campaign, given: dict[str, Any]) -> Campaign:
        shares = given.pop("shares", None)
        return self._shared(super().update(campaign, given), shares)

    def _shared(self, campaign: Campaign, shares: list[dict[str, Any]] | None) -> Campaign:
        if shares is not None:
            set_shares(campaign, {share["mailbox"].pk: share["weight"] for share in shares})
        return campaign


class HeldSerializer(StrictSerializer):
    """How many mails one reason holds back; `until` is when the first of them may be free of it."""

    code = serializers.CharField(read_only=True)
    sentence = serializers.CharField(read_only=True)
    mails = serializers.IntegerField(read_only=True)
    until = serializers.DateTimeField(read_only=True, allow_null=True)


class WaitingSerializer(StrictSerializer):
    """What waits in a campaign: its mails by state, and what holds the next ones back."""

    states = serializers.DictField(child=serializers.IntegerField(), read_only=True)
    waiting = serializers.IntegerField(read_only=True)
    looked_at = serializers.IntegerField(
        read_only=True, help_text="How many of those that wait were looked at, the next ones first."
    )
    free = serializers.IntegerField(read_only=True, help_text="That nothing holds back now.")
    earliest = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="When the first of them may leave."
    )
    held = HeldSerializer(many=True, read_only=True)


class ReadinessSerializer(StrictSerializer):
    """Whether a campaign can start, and each thing that it still lacks, as a sentence's end."""

    ready = serializers.BooleanField(read_only=True)
    missing = serializers.ListField(child=serializers.CharField(), read_only=True)


class PositionsSerializer(StrictSerializer):
    """The positions that a campaign is to take in."""

    positions = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, max_length=MOST_POSITIONS
    )

    def validate_positions(self, ids: list[Any]) -> Any:
        found = Position.objects.filter(pk__in=ids)
        missing = set(ids) - set(found.values_list("pk", flat=True))
        if missing:
            sentence = f"There is no position “{min(missing)}” here; {len(missing)} are unknown."
            raise serializers.ValidationError(sentence, "does_not_exist")
        return found


class IntakeSerializer(StrictSerializer):
    """What became of the positions that were offered."""

    enrolled = serializers.IntegerField(read_only=True)
    left_out = serializers.IntegerField(read_only=True)
    reasons = serializers.DictField(
        child=serializers.IntegerField(),
        read_only=True,
        help_text="How many were left out as already_in, suppressed, unusable (no usable address),"
        " opposed (the company opposes prospecting) or same_address (written to already).",
    )


class EnrollmentSerializer(StrictModelSerializer):
    """One position's passage through one campaign."""

    campaign = serializers.PrimaryKeyRelatedField(queryset=Campaign.objects.all())
    position: Any = serializers.PrimaryKeyRelatedField(queryset=Position.objects.all())
    campaign_name = serializers.CharField(source="campaign.name", read_only=True)
    email = serializers.CharField(source="position.email", read_only=True, allow_null=True)
    person_name = serializers.CharField(source="position.person.__str__", read_only=True)
    company_name = serializers.CharField(source="position.company.name", read_only=True)

    class Meta:
        model = Enrollment
        fields = ["id", "campaign", "campaign_name", "position", "email", "person_name"]
        fields += ["company_name", "mailbox", "state", "enrolled_at", "paused_until"]
        fields += ["last_activity_at", "stopped_reason", "created_at", "updated_at"]
        read_only_fields = ["mailbox", "state", "enrolled_at", "paused_until", "last_activity_at"]
        read_only_fields += ["stopped_reason", "created_at", "updated_at"]
        validators: list[Any] = []  # who is in already is left out by the service, with its reason


class StopSerializer(StrictSerializer):
    """Why an enrolment ends."""

    reason = serializers.CharField(max_length=500)


class ReasonSerializer(StrictSerializer):
    """Why, where it is to be remembered."""

    reason = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class PauseSerializer(ReasonSerializer):
    """How long an enrolment is held back, and why."""

    until = serializers.DateTimeField(help_text="Within a year from now.")

    def validate_until(self, until: datetime) -> datetime:
        now = self.context["view"].now
        if not now < until <= now + LONGEST_PAUSE:
            sentence = "Name a moment between now and a year from now."
            raise serializers.ValidationError(sentence, "out_of_range")
        return until
