"""Deciding on mails whose sending ended in doubt, for programs."""

from typing import Any

from drf_spectacular.utils import extend_schema
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


class DecidesDoubts:
    """Tasks whose mail may have left are decided on by whoever knows."""

    @extend_schema(request=DoubtSerializer, responses=TaskSerializer)
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
