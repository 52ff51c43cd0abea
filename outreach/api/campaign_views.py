"""Campaigns and who is in them."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from outreach.api import campaign_filters as filters
from outreach.api import campaign_serializers as serializers
from outreach.api.ruled import RuledViewSet
from outreach.api.simulation import Simulated
from outreach.models import Campaign, Enrollment
from outreach.services import campaigns as services
from outreach.services import enrolling, stopping
from outreach.services.explaining import waiting_in
from outreach.services.sharing import share_anew
from outreach.templating import TemplateRefused
from prospectflow.api.exports import Exported
from prospectflow.api.viewsets import ReadOnlyTenantViewSet

INTAKE = OpenApiExample(
    "Two of three",
    {"enrolled": 2, "left_out": 1, "reasons": {"already_in": 1}},
    response_only=True,
)
READINESS = OpenApiExample(
    "Not yet",
    {"ready": False, "missing": ["it has no mailbox to send from"]},
    response_only=True,
)
WAITING = OpenApiExample(
    "Most wait for a person",
    {
        "states": {"scheduled": 40, "sent": 12},
        "waiting": 40,
        "looked_at": 40,
        "free": 0,
        "earliest": "2026-11-24T08:30:00Z",
        "held": [
            {
                "code": "not_approved",
                "sentence": "Nobody has approved the mail.",
                "mails": 31,
                "until": None,
            },
            {
                "code": "outside_window",
                "sentence": "It is outside office hours.",
                "mails": 40,
                "until": "2026-11-24T08:30:00Z",
            },
        ],
    },
    response_only=True,
)
MOVED = extend_schema(request=None, responses=serializers.CampaignSerializer)


class CampaignViewSet(Exported, Simulated, RuledViewSet):
    """Campaigns with what they brought; what they send is in /steps/."""

    queryset = Campaign.objects.with_numbers().order_by("-id")
    serializer_class = serializers.CampaignSerializer
    list_serializer_class = serializers.ListedCampaignSerializer
    filterset_class = filters.CampaignFilters
    search_fields = ["name"]
    sortable = {"updated_at": "updated_at", "created_at": "id", "name": "name"}
    default_sort = "-updated_at"
    capabilities = {
        "readiness": "view",
        "waiting": "view",
        "simulation": "view",
        **dict.fromkeys(["start", "pause", "archive", "restore"], "change"),
        **dict.fromkeys(["enroll", "enroll_everyone"], "change"),
    }

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        """One campaign is found by its id whatever its state."""
        return queryset if self.detail else super().filter_queryset(queryset)

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        serializer.save(created_by_user=self.person)
        self.reread(serializer)

    def get_queryset(self) -> QuerySet:
        rows: Any = super().get_queryset()
        return rows if self.action == "list" else rows.with_shares()

    def perform_save(self, serializer: BaseSerializer[Any]) -> None:
        campaign = serializer.save()
        if serializer.validated_data.keys() & {"shares", "from_mailbox"}:
            share_anew(campaign, at=self.now, user=self.person)
        services.keep_ready(campaign)

    @extend_schema(responses=serializers.ReadinessSerializer, examples=[READINESS])
    @action(detail=True)
    def readiness(self, request: Request, pk: str) -> Response:
        """Say what the campaign still lacks before it can start."""
        try:
            missing = list(services.missing(self.get_object()))
        except TemplateRefused as refusal:
            missing = [f"a text of it cannot be used: {refusal}"]
        answer = {"ready": not missing, "missing": missing}
        return Response(serializers.ReadinessSerializer(answer).data)

    @extend_schema(responses=serializers.WaitingSerializer, examples=[WAITING])
    @action(detail=True)
    def waiting(self, request: Request, pk: str) -> Response:
        """Say what waits and why: the next 1,000 mails, counted by what holds them back."""
        waiting = waiting_in(self.get_object(), now=self.now)
        return Response(serializers.WaitingSerializer(waiting).data)

    @MOVED
    @action(detail=True, methods=["post"])
    def start(self, request: Request, pk: str) -> Response:
        """Let the campaign send; 409 CAMPAIGN_NOT_READY says what it lacks."""
        return self._moved(services.start)

    @extend_schema(request=serializers.ReasonSerializer, responses=serializers.CampaignSerializer)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        """Hold every mail of the campaign back; they keep their hour. A reason is in the trail."""
        body = serializers.ReasonSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        return self._moved(partial(services.pause, **body.validated_data, user=self.person))

    @MOVED
    @action(detail=True, methods=["post"])
    def archive(self, request: Request, pk: str) -> Response:
        """Close the campaign: what was still to be sent is cancelled."""
        return self._moved(services.archive)

    @MOVED
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, pk: str) -> Response:
        """Take an archived campaign out again; it stays paused until it is started."""
        return self._moved(services.restore)

    @extend_schema(
        request=serializers.PositionsSerializer,
        responses=serializers.IntakeSerializer,
        examples=[INTAKE],
    )
    @action(detail=True, methods=["post"])
    def enroll(self, request: Request, pk: str) -> Response:
        """Take these positions in, at most 1,000, and say how many were left out and why."""
        campaign = self.get_object()
        body = serializers.PositionsSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        positions = body.validated_data["positions"]
        return _told(enrolling.enroll_list(campaign, positions, at=self.now, user=self.person))

    @extend_schema(request=None, responses=serializers.IntakeSerializer, examples=[INTAKE])
    @action(detail=True, methods=["post"], url_path="enroll-everyone")
    def enroll_everyone(self, request: Request, pk: str) -> Response:
        """Take everyone in who may be written to and is not in yet, 20,000 at a time."""
        campaign = self.get_object()
        return _told(enrolling.enroll_everyone(campaign, at=self.now, user=self.person))

    def _moved(self, service: Callable[..., Campaign]) -> Response:
        campaign = service(self.get_object(), at=self.now)
        return Response(self.get_serializer(self.get_queryset().get(pk=campaign.pk)).data)


def _told(intake: enrolling.Intake) -> Response:
    answer = {
        "enrolled": intake.enrolled,
        "left_out": intake.left_out,
        "reasons": {str(reason.value): number for reason, number in intake.reasons.items()},
    }
    return Response(serializers.IntakeSerializer(answer).data)


@extend_schema_view(
    create=extend_schema(description="Take one position in; 409 POSITION_LEFT_OUT says why not.")
)
class EnrollmentViewSet(Exported, mixins.CreateModelMixin, ReadOnlyTenantViewSet):
    """Who is in which campaign, and how far; many at once by /campaigns/{id}/enroll/."""

    queryset = Enrollment.objects.select_related(
        "campaign", "position__person", "position__company"
    ).order_by("-id")
    serializer_class = serializers.EnrollmentSerializer
    filterset_class = filters.EnrollmentFilters
    capabilities = {"stop": "change", "pause": "change"}

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        enrollment = enrolling.enroll_one(
            **serializer.validated_data, at=self.now, user=self.person
        )
        serializer.instance = self.get_queryset().get(pk=enrollment.pk)

    @extend_schema(request=serializers.StopSerializer, responses=serializers.EnrollmentSerializer)
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, pk: str) -> Response:
        """End the enrolment: what was still to be sent is cancelled."""
        enrollment, given = self.get_object(), self._body(serializers.StopSerializer)
        stopping.stop_by_hand(enrollment, **given, at=self.now, user=self.person)
        return self._now(enrollment)

    @extend_schema(request=serializers.PauseSerializer, responses=serializers.EnrollmentSerializer)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        """Hold the enrolment back until this moment; no step is lost. The trail says why."""
        enrollment, given = self.get_object(), self._body(serializers.PauseSerializer)
        stopping.pause_by_hand(enrollment, **given, at=self.now, user=self.person)
        return self._now(enrollment)

    def _body(self, kind: type[BaseSerializer[Any]]) -> dict[str, Any]:
        body = kind(data=self.request.data, context=self.get_serializer_context())
        body.is_valid(raise_exception=True)
        return body.validated_data

    def _now(self, enrollment: Enrollment) -> Response:
        row = self.get_queryset().get(pk=enrollment.pk)
        return Response(self.get_serializer(row).data, status=status.HTTP_200_OK)
