"""Segments for programs: filters under a name, who they leave, and the way into a campaign."""

from typing import Any

from django.db.models import Model
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from crm.api.serializers import ListedPositionSerializer
from crm.choices import EmailStatus
from crm.narrowing import DEPARTMENT, headcounts
from iam.services import record
from outreach.api.campaign_serializers import IntakeSerializer
from outreach.models import Campaign, Segment
from outreach.services import segments
from prospectflow.api.serializers import StrictModelSerializer, StrictSerializer
from prospectflow.api.viewsets import EditableTenantViewSet

TEXT = {"type": "string", "minLength": 1, "maxLength": segments.LONGEST_TEXT}
DAYS = {"type": "integer", "minimum": 1, "maximum": segments.MOST_DAYS}


def _some(**items: Any) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "items": {"type": "string", **items}}


FILTERS: dict[str, dict[str, Any]] = {
    "naf": TEXT | {"description": "A NAF code or its beginning, such as 62 or 62.01Z."},
    "departments": _some(pattern=f"^({DEPARTMENT.pattern})$"),
    "headcounts": _some(enum=list(headcounts())),
    "list": TEXT | {"description": "The list the rows came from, as it is written."},
    "email_statuses": _some(enum=EmailStatus.values),
    "without": _some(enum=list(segments.KINDS)),
    "never_contacted": {"const": True, "type": "boolean"},
    "not_contacted_for_days": DAYS,
    "contacted_within_days": DAYS,
    "search": TEXT | {"description": "Words, as `?search=` of positions finds them."},
}


@extend_schema_field(
    {
        "type": "object",
        "additionalProperties": False,
        "properties": FILTERS,
        "description": "What a position must meet, all of it; `{}` is every position.",
    }
)
class FiltersField(serializers.JSONField):
    """Filters by their names, checked as they are kept."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            return segments.checked(super().to_internal_value(data))
        except segments.FilterRefused as refusal:
            raise serializers.ValidationError(str(refusal), "filter_refused") from refusal


class SegmentSerializer(StrictModelSerializer):
    """Positions chosen by what is known of them; read anew each time it is used."""

    filters = FiltersField()

    class Meta:
        model = Segment
        fields = ["id", "name", "filters", "created_at", "updated_at"]


class SegmentEnrolSerializer(StrictSerializer):
    """Which campaign takes them in; `after` goes on where the last answer's `last` says."""

    campaign = serializers.PrimaryKeyRelatedField(queryset=Campaign.objects.all())
    after = serializers.UUIDField(required=False, allow_null=True)


class SegmentIntakeSerializer(IntakeSerializer):
    """What became of at most 20,000 positions; with `last`, more of the segment come after it."""

    last = serializers.UUIDField(allow_null=True)


SOME = OpenApiExample(
    "The first of many",
    {
        "enrolled": 19_998,
        "left_out": 2,
        "reasons": {"already_in": 2},
        "last": "0197c0de-0001-7000-8000-000000000002",
    },
    response_only=True,
)


class SegmentViewSet(EditableTenantViewSet):
    """Saved choices of people to write to; each change stands in the organisation's trail."""

    queryset = Segment.objects.order_by("-id")
    serializer_class = SegmentSerializer
    search_fields = ["name"]
    capabilities = {"positions": "view", "enroll": "change"}
    parameters = {"positions": ["cursor", "limit", "sort"]}

    @extend_schema(responses=ListedPositionSerializer(many=True))
    @action(detail=True)
    def positions(self, request: Request, pk: str) -> Response:
        """List the positions that the filters leave now."""
        found = segments.positions_of(self.get_object(), self.now)
        page = self.paginate_queryset(found.select_related("person", "company"))
        shown = ListedPositionSerializer(page, many=True, context=self.get_serializer_context())
        return self.get_paginated_response(shown.data)

    @extend_schema(
        request=SegmentEnrolSerializer, responses=SegmentIntakeSerializer, examples=[SOME]
    )
    @action(detail=True, methods=["post"])
    def enroll(self, request: Request, pk: str) -> Response:
        """Take the positions in, 20,000 at a time; say how many were left out and why."""
        segment = self.get_object()
        body = SegmentEnrolSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        intake, last = segments.enroll_some(
            given["campaign"], segment, after=given.get("after"), at=self.now, user=self.person
        )
        answer = {
            "enrolled": intake.enrolled,
            "left_out": intake.left_out,
            "reasons": {str(reason.value): number for reason, number in intake.reasons.items()},
            "last": last,
        }
        return Response(SegmentIntakeSerializer(answer).data)

    # The trail --------------------------------------------------------------------------------
    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        super().perform_create(serializer)
        self._note("added", serializer.instance)

    def perform_update(self, serializer: BaseSerializer[Any]) -> None:
        super().perform_update(serializer)
        self._note("changed", serializer.instance)

    def perform_destroy(self, instance: Model) -> None:
        self._note("deleted", instance)
        super().perform_destroy(instance)

    def _note(self, done: str, row: Any) -> None:
        record(done, at=self.now, user=self.person, target=row)
