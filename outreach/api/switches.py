"""Whether the organisation's mails may leave at all, for programs."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from iam.models import Organisation
from outreach.services.switches import (
    LONGEST_REASON,
    closed_switches,
    resume_organisation,
    stop_organisation,
)
from prospectflow.api.serializers import StrictSerializer
from prospectflow.api.viewsets import TenantViewSet


class SwitchSerializer(StrictSerializer):
    """Something that keeps every mail from leaving; `since` is null where nobody knows."""

    code = serializers.ChoiceField(
        choices=["restored", "platform_stopped", "organisation_stopped"], read_only=True
    )
    sentence = serializers.CharField(read_only=True)
    since = serializers.DateTimeField(read_only=True, allow_null=True)


class SendingSerializer(StrictSerializer):
    """Whether mails may leave, and what keeps every one of them from it."""

    may_leave = serializers.BooleanField(read_only=True)
    closed = SwitchSerializer(many=True, read_only=True)


class SendingStopSerializer(StrictSerializer):
    """Why all sending stops."""

    reason = serializers.CharField(max_length=LONGEST_REASON)


class SendingResumeSerializer(StrictSerializer):
    """Why mails leave again, for the audit trail."""

    reason = serializers.CharField(
        max_length=LONGEST_REASON, required=False, allow_blank=True, default=""
    )


STOPPED = [
    OpenApiExample("Stop", {"reason": "A wrong price stands in the mails."}, request_only=True),
    OpenApiExample(
        "Stopped",
        {
            "may_leave": False,
            "closed": [
                {
                    "code": "organisation_stopped",
                    "sentence": "All sending of this organisation is stopped:"
                    " A wrong price stands in the mails.",
                    "since": "2026-11-24T09:30:00Z",
                }
            ],
        },
        response_only=True,
    ),
]
RESUMED = [
    OpenApiExample("Resume", {"reason": "The price is corrected."}, request_only=True),
    OpenApiExample("Mails may leave", {"may_leave": True, "closed": []}, response_only=True),
]


class SendingViewSet(TenantViewSet):
    """All sending of the organisation: one switch above campaigns, mailboxes and people."""

    queryset = Organisation.objects.none()
    serializer_class = SendingSerializer
    filter_backends: list[Any] = []
    capabilities = dict.fromkeys(["stop", "resume"], "manage_mailboxes")

    @extend_schema(responses=SendingSerializer)
    def retrieve(self, request: Request) -> Response:
        """Whether mails may leave at all, and if not, why and since when."""
        return self._told()

    @extend_schema(request=SendingStopSerializer, responses=SendingSerializer, examples=STOPPED)
    def stop(self, request: Request) -> Response:
        """Keep every mail from leaving, from the next one on; the first reason stands."""
        reason = _given(SendingStopSerializer, request)
        stop_organisation(reason=reason, at=self.now, user=self.person)
        return self._told()

    @extend_schema(request=SendingResumeSerializer, responses=SendingSerializer, examples=RESUMED)
    def resume(self, request: Request) -> Response:
        """Let the organisation's mails leave again, unless something else keeps them."""
        reason = _given(SendingResumeSerializer, request)
        resume_organisation(reason=reason, at=self.now, user=self.person)
        return self._told()

    def _told(self) -> Response:
        closed = closed_switches()
        answer = {"may_leave": not closed, "closed": [each._asdict() for each in closed]}
        return Response(SendingSerializer(answer).data)


def _given(kind: type[StrictSerializer], request: Request) -> str:
    serializer = kind(data=request.data)
    serializer.is_valid(raise_exception=True)
    reason: str = serializer.validated_data["reason"]
    return reason
