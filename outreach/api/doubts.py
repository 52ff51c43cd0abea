"""Deciding on mails whose sending ended in doubt, for programs."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from outreach.api.sending_serializers import TaskSerializer
from outreach.services.reconciling import Outcome, decide
from prospectflow.api.serializers import StrictSerializer


class DoubtSerializer(StrictSerializer):
    """What is known, or wanted, of a mail in doubt."""

    outcome = serializers.ChoiceField(choices=Outcome.choices)


EXAMPLES = [
    OpenApiExample("It left", {"outcome": "sent"}, request_only=True),
    OpenApiExample(
        "Counts as sent",
        {
            "id": "01890000-0000-7000-8000-000000000021",
            "campaign": "01890000-0000-7000-8000-000000000022",
            "enrollment": "01890000-0000-7000-8000-000000000023",
            "workflow_step": "01890000-0000-7000-8000-000000000024",
            "step_index": 0,
            "mailbox": "01890000-0000-7000-8000-000000000025",
            "scheduled_for": "2026-11-24T08:30:00Z",
            "status": "sent",
            "is_approved": True,
            "attempts": 1,
            "leased_until": None,
            "last_error": None,
            "created_at": "2026-11-20T08:30:00Z",
            "updated_at": "2026-11-24T10:30:00Z",
        },
        response_only=True,
    ),
]


class DecidesDoubts:
    """Tasks whose mail may have left are decided on by whoever knows."""

    @extend_schema(request=DoubtSerializer, responses=TaskSerializer, examples=EXAMPLES)
    @action(detail=True, methods=["post"])
    def decide(self: Any, request: Request, pk: str) -> Response:
        """Say whether a mail in doubt left, or send it again with the same Message-ID and bytes.

        409 for a mail that is in doubt no more, and for one whose sequence has moved on.
        """
        task, body = self.get_object(), DoubtSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        task = decide(task, **body.validated_data, at=self.now, user=self.person)
        task.refresh_from_db(fields=["updated_at"])
        return Response(self.get_serializer(task).data)
