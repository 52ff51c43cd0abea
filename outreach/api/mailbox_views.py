"""The mailboxes that mail leaves from and answers come to."""

import json
from collections.abc import Iterator
from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from outreach.api import mailbox_serializers as serializers
from outreach.api.sending_views import SparseLists
from outreach.models import Mailbox
from outreach.services.checking import check
from outreach.services.mailboxes import move_mailbox
from outreach.states import MailboxStatus
from prospectflow.api.errors import screaming
from prospectflow.api.viewsets import EditableTenantViewSet
from prospectflow.errors import DomainError

BY_HAND = "by hand"


class MailboxViewSet(SparseLists, EditableTenantViewSet):
    """The mailboxes that mail leaves from and answers come to."""

    queryset = Mailbox.objects.all()
    serializer_class = serializers.MailboxSerializer
    list_serializer_class = serializers.ListedMailboxSerializer
    heavy = ["signature", "sealed_password", "windows", "blackout_dates", "folder_states"]
    filterset_fields = ["status", "address"]
    capabilities = dict.fromkeys(
        ["create", "update", "partial_update", "destroy", "pause", "activate", "check"],
        "manage_mailboxes",
    )
    rated = {"check": "mailbox_checks"}

    @extend_schema(request=None, responses=serializers.MailboxSerializer)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        """Send nothing from it until it is activated again; its inbox is read all the same."""
        return self._moved(MailboxStatus.PAUSED)

    @extend_schema(request=None, responses=serializers.MailboxSerializer)
    @action(detail=True, methods=["post"])
    def activate(self, request: Request, pk: str) -> Response:
        """Let it send."""
        return self._moved(MailboxStatus.ACTIVE)

    def _moved(self, to: str) -> Response:
        mailbox = move_mailbox(self.get_object(), to, reason=BY_HAND)
        mailbox.refresh_from_db(fields=["updated_at"])
        return Response(self.get_serializer(mailbox).data)

    @extend_schema(request=None, responses=serializers.CheckSerializer)
    @action(detail=True, methods=["post"])
    def check(self, request: Request, pk: str) -> StreamingHttpResponse:
        """Sign in at both servers; nothing is sent. What a server said is not passed on."""
        answer = _tried(self.get_object())
        return StreamingHttpResponse(answer, content_type="application/json")


def _tried(mailbox: Mailbox) -> Iterator[bytes]:
    """The answer in one piece, made once the scope is closed: servers may take their time."""
    answer: dict[str, Any] = {"works": True, "folders": [], "code": "", "detail": ""}
    try:
        answer["folders"] = check(mailbox)
    except DomainError as refusal:
        kind = type(refusal)
        detail = (kind.__doc__ or "").strip()  # its own words: the text may quote the server
        answer |= {"works": False, "code": screaming(kind.__name__), "detail": detail}
    yield json.dumps(answer).encode()
