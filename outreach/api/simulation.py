"""What a campaign would do, and what came of it, for programs."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from outreach.services.forecasting import compared
from outreach.services.newcomers import newcomers
from outreach.services.simulating import LONGEST, options_for, simulate
from outreach.simulation.state import DAYS, Newcomers
from outreach.simulation.words import as_values
from prospectflow.api.sentences import speak
from prospectflow.api.serializers import StrictSerializer

MOST = 5_000  # waiting mails, so that the answer comes within seconds
GREATEST_SEED = 10**9


class SimulationQuery(serializers.Serializer):
    """How far to look ahead, and which share of the mails is answered."""

    days = serializers.IntegerField(min_value=1, max_value=LONGEST, default=DAYS)
    reply_rate = serializers.FloatField(
        min_value=0,
        max_value=1,
        default=None,
        help_text="A share such as 0.03; without it the campaign's own so far.",
    )
    seed = serializers.IntegerField(
        min_value=0, max_value=GREATEST_SEED, default=0, help_text="Another draws other answers."
    )
    everyone = serializers.BooleanField(
        default=False, help_text="With all who would be enrolled now."
    )

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        for field in fields.values():
            speak(field)
        return fields


class HoldSerializer(StrictSerializer):
    """How often one reason held mails of one mailbox back, and for how long in all."""

    mailbox = serializers.CharField(read_only=True)
    code = serializers.CharField(read_only=True)
    mails = serializers.IntegerField(read_only=True)
    hours = serializers.FloatField(read_only=True)
    days = serializers.IntegerField(read_only=True)


class NeverSerializer(StrictSerializer):
    """Somebody to whom no mail would ever leave."""

    position = serializers.UUIDField(read_only=True)
    address = serializers.CharField(read_only=True)
    code = serializers.CharField(read_only=True)
    sentence = serializers.CharField(read_only=True)


class ComparedDaySerializer(StrictSerializer):
    """One day's mails."""

    day = serializers.DateField(read_only=True)
    foreseen = serializers.IntegerField(read_only=True)
    actual = serializers.IntegerField(read_only=True)


class ComparisonSerializer(StrictSerializer):
    """What was foreseen when the campaign started, against what left, up to yesterday."""

    made_at = serializers.DateTimeField(read_only=True)
    days = ComparedDaySerializer(many=True, read_only=True)
    mean_absolute_error = serializers.FloatField(read_only=True, help_text="Mails a day.")
    difference = serializers.IntegerField(
        read_only=True, help_text="Mails in all; negative where fewer left than foreseen."
    )
    enrolled_later = serializers.IntegerField(read_only=True)


def _numbers(help_text: str) -> serializers.DictField:
    return serializers.DictField(
        child=serializers.IntegerField(), read_only=True, help_text=help_text
    )


class SimulationSerializer(StrictSerializer):
    """A campaign over virtual time; local days of the organisation's time zone."""

    began_at = serializers.DateTimeField(read_only=True)
    until = serializers.DateTimeField(read_only=True)
    ends_at = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="The last mail; null while some still wait."
    )
    time_zone = serializers.CharField(read_only=True)
    days = serializers.IntegerField(read_only=True)
    reply_rate = serializers.FloatField(read_only=True)
    seed = serializers.IntegerField(read_only=True)
    people = serializers.IntegerField(read_only=True)
    mails = serializers.IntegerField(read_only=True)
    waiting = serializers.IntegerField(
        read_only=True, help_text="People for whom a mail still waits when the time is up."
    )
    replies = serializers.IntegerField(read_only=True)
    by_day = _numbers("Day -> mails.")
    by_mailbox = _numbers("Address -> mails.")
    by_step = _numbers("Number of the step, from 1 -> mails.")
    of_others = _numbers("Day -> mails of other campaigns from the same mailboxes.")
    held_back = HoldSerializer(many=True, read_only=True, help_text="The longest first.")
    never_written = NeverSerializer(many=True, read_only=True)
    left_out = _numbers("Why somebody would not be enrolled -> how many.")
    against_actual = ComparisonSerializer(read_only=True, allow_null=True)


SIMULATION = OpenApiExample(
    "Forty a day at most",
    {
        "began_at": "2026-11-24T08:00:00Z",
        "until": "2027-02-22T08:00:00Z",
        "ends_at": "2026-12-08T10:12:31Z",
        "time_zone": "Europe/Paris",
        "days": 90,
        "reply_rate": 0.03,
        "seed": 0,
        "people": 60,
        "mails": 116,
        "waiting": 0,
        "replies": 3,
        "by_day": {"2026-11-24": 40, "2026-11-25": 20, "2026-12-08": 56},
        "by_mailbox": {"camille@studio.example": 116},
        "by_step": {"1": 60, "2": 56},
        "of_others": {},
        "held_back": [
            {
                "mailbox": "camille@studio.example",
                "code": "daily_limit",
                "mails": 20,
                "hours": 23.1,
                "days": 1,
            }
        ],
        "never_written": [],
        "left_out": {},
        "against_actual": None,
    },
    response_only=True,
)


class Simulated:
    """GET …/simulation/ of a campaign."""

    parameters: ClassVar[Mapping[str, Sequence[str]]] = {
        "simulation": list(SimulationQuery().fields)
    }

    @extend_schema(
        parameters=[SimulationQuery],
        responses=SimulationSerializer,
        examples=[SIMULATION],
        filters=False,
    )
    @action(detail=True)
    def simulation(self: Any, request: Request, pk: str) -> Response:
        """Say when its mails would leave if it ran from now on, and what would hold them back.

        Nothing is written. 409 TOO_MANY_TO_SIMULATE where more than 5,000 mails wait.
        """
        campaign, asked = self.get_object(), SimulationQuery(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        everyone = asked.validated_data.pop("everyone")
        options = options_for(campaign, **asked.validated_data)
        more = newcomers(campaign, now=self.now, most=MOST + 1) if everyone else Newcomers()
        outcome = simulate(campaign, options, now=self.now, more=more, most=MOST)
        comparison = compared(campaign, now=self.now)
        against = {"against_actual": comparison.as_values() if comparison else None}
        return Response(SimulationSerializer(as_values(outcome, options) | against).data)
