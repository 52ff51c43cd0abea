"""How numbers, opens and pixels look to programs."""

from rest_framework import serializers

from prospectflow.api.serializers import StrictModelSerializer, StrictSerializer
from tracking.models import DailyStats, OpenStats, Pixel


class DailyStatsSerializer(StrictModelSerializer):
    """A day's numbers of one step, and of one variant where there is an experiment."""

    class Meta:
        model = DailyStats
        fields = ["id", "campaign", "workflow_step", "variant", "day", *DailyStats.COUNTERS]
        fields += ["created_at", "updated_at"]
        read_only_fields = fields


class TotalsSerializer(StrictSerializer):
    """The days' numbers added up."""

    sent = serializers.IntegerField(read_only=True)
    delivered = serializers.IntegerField(read_only=True)
    bounced = serializers.IntegerField(read_only=True)
    replied = serializers.IntegerField(read_only=True)
    unsubscribed = serializers.IntegerField(read_only=True)
    opened = serializers.IntegerField(read_only=True, help_text="Only where people consented.")


class GroupSerializer(TotalsSerializer):
    """The numbers of one campaign, step, variant or day: the one that was asked by."""

    campaign = serializers.UUIDField(required=False)
    workflow_step = serializers.UUIDField(required=False)
    variant = serializers.UUIDField(required=False, allow_null=True)
    day = serializers.DateField(required=False)


class SummarySerializer(StrictSerializer):
    """All of it added up, and each group where one was asked for."""

    totals = TotalsSerializer(read_only=True)
    groups = GroupSerializer(many=True, read_only=True)


class OpensSerializer(StrictModelSerializer):
    """How often one mail was opened; only of people who consented to be counted."""

    class Meta:
        model = OpenStats
        fields = ["id", "message", "total_opens", "unique_opens", "machine_opens"]
        fields += ["first_open_at", "last_open_at", "created_at", "updated_at"]
        read_only_fields = fields
        extra_kwargs = {
            "total_opens": {"help_text": "Every time the picture was fetched."},
            "unique_opens": {"help_text": "Different days on which a likely human fetched it."},
            "machine_opens": {"help_text": "Times that a machine fetched it, as far as known."},
        }


class PixelSerializer(StrictModelSerializer):
    """The picture in one mail; what its address holds is kept from everybody."""

    class Meta:
        model = Pixel
        fields = ["id", "message", "expires_at", "created_at"]
        read_only_fields = fields
