"""What the mails brought: day by day, and the opens of those who consented."""

from typing import Any

from django.db.models import QuerySet, Sum
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from prospectflow.api.exports import Exported
from prospectflow.api.late import ReadLate
from prospectflow.api.viewsets import ReadOnlyTenantViewSet
from tracking.api.filters import DailyStatsFilters, OpensFilters, PixelFilters
from tracking.api.serializers import (
    DailyStatsSerializer,
    OpensSerializer,
    PixelSerializer,
    SummarySerializer,
)
from tracking.models import DailyStats, OpenStats, Pixel

GROUPS = ("campaign", "workflow_step", "variant", "day")
SUMS = {f"{name}_sum": Sum(name, default=0) for name in DailyStats.COUNTERS}
MOST_GROUPS = 1000


class DailyStatsViewSet(ReadLate, Exported, ReadOnlyTenantViewSet):
    """Each day's numbers; a day is the mailbox's own, and an answer counts on its mail's day."""

    queryset = DailyStats.objects.all()
    serializer_class = DailyStatsSerializer
    filterset_class = DailyStatsFilters
    sortable = {"day": "day", "created_at": "id"}
    default_sort = "-day"
    capabilities = {"totals": "view"}
    parameters = {"totals": ["by"]}

    @extend_schema(
        parameters=[
            OpenApiParameter("by", str, enum=GROUPS, description="Also for each of these.")
        ],
        responses=SummarySerializer,
        filters=True,
    )
    @action(detail=False, methods=["get"], pagination_class=None)
    def totals(self, request: Request) -> Response:
        """The numbers added up, over whatever the filters leave; at most 1,000 groups."""
        rows = self.filter_queryset(self.get_queryset()).order_by()
        groups = _groups(rows, request.query_params.get("by"))
        answer = {"totals": _numbers(rows.aggregate(**SUMS)), "groups": groups}
        return Response(SummarySerializer(answer).data)


class OpensViewSet(ReadLate, Exported, ReadOnlyTenantViewSet):
    """How often each mail was opened that carries a pixel."""

    queryset = OpenStats.objects.order_by("-id")
    serializer_class = OpensSerializer
    filterset_class = OpensFilters


class PixelViewSet(ReadOnlyTenantViewSet):
    """The pictures in mails to people who consented, without what their addresses hold."""

    queryset = Pixel.objects.defer("token_digest").order_by("-id")
    serializer_class = PixelSerializer
    filterset_class = PixelFilters


def _groups(rows: QuerySet, by: str | None) -> list[dict[str, Any]]:
    if by is None:
        return []
    if by not in GROUPS:
        fault = ErrorDetail(f"Group by one of: {', '.join(GROUPS)}.", "invalid_choice")
        raise ValidationError({"by": [fault]})
    found = rows.values(by).annotate(**SUMS).order_by(by)[:MOST_GROUPS]
    return [{by: row[by], **_numbers(row)} for row in found]


def _numbers(row: dict[str, Any]) -> dict[str, int]:
    return {name: row[f"{name}_sum"] for name in DailyStats.COUNTERS}
