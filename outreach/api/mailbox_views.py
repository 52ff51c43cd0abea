"""The mailboxes that mail leaves from and answers come to."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from outreach.api import mailbox_serializers as serializers
from outreach.api.campaign_serializers import ReasonSerializer
from outreach.api.sending_views import SparseLists
from outreach.models import Mailbox
from outreach.services.checking import trials
from outreach.services.domain_checks import check_domain
from outreach.services.mailbox_secrets import renew_dkim_key
from outreach.services.mailboxes import move_mailbox
from outreach.services.sharing import discard_mailbox
from outreach.states import MailboxStatus
from prospectflow.api.errors import screaming
from prospectflow.api.viewsets import EditableTenantViewSet

BY_HAND = "by hand"


class MailboxViewSet(SparseLists, EditableTenantViewSet):
    """The mailboxes that mail leaves from and answers come to."""

    queryset = Mailbox.objects.all()
    serializer_class = serializers.MailboxSerializer
    list_serializer_class = serializers.ListedMailboxSerializer
    heavy = ["signature", "windows", "blackout_dates", "folder_states", "domain_report"]
    heavy += ["sealed_password", "sealed_oauth", "sealed_dkim_key"]
    filterset_fields = ["status", "address"]
    capabilities = dict.fromkeys(
        ["create", "update", "partial_update", "destroy", "pause", "activate"]
        + ["check", "check_domain", "renew_dkim_key"],
        "manage_mailboxes",
    )
    rated = dict.fromkeys(["check", "check_domain", "renew_dkim_key"], "mailbox_checks")

    def perform_destroy(self, instance: Mailbox) -> None:
        discard_mailbox(instance, at=self.now, user=self.person)

    @extend_schema(request=ReasonSerializer, responses=serializers.MailboxSerializer)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        """Send nothing from it until it is activated again; its inbox is read all the same."""
        mailbox, body = self.get_object(), ReasonSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        return self._moved(mailbox, MailboxStatus.PAUSED, body.validated_data["reason"] or BY_HAND)

    @extend_schema(request=None, responses=serializers.MailboxSerializer)
    @action(detail=True, methods=["post"])
    def activate(self, request: Request, pk: str) -> Response:
        """Let it send."""
        return self._moved(self.get_object(), MailboxStatus.ACTIVE)

    def _moved(self, mailbox: Mailbox, to: str, reason: str = "") -> Response:
        mailbox = move_mailbox(mailbox, to, reason=reason)
        mailbox.refresh_from_db(fields=["updated_at"])
        return Response(self.get_serializer(mailbox).data)

    @extend_schema(request=None, responses=serializers.RecordSerializer)
    @action(detail=True, methods=["post"])
    def renew_dkim_key(self, request: Request, pk: str) -> Response:
        """Make another DKIM key; mails bear it once a check finds this record in the DNS."""
        record = renew_dkim_key(self.get_object(), at=self.now)
        return Response(serializers.RecordSerializer(record).data)

    @extend_schema(request=None, responses=serializers.CheckSerializer)
    @action(detail=True, methods=["post"])
    def check(self, request: Request, pk: str) -> StreamingHttpResponse:
        """Sign in at both servers; nothing is sent. What a server said is not passed on."""
        return _later(partial(_tried, self.get_object()))

    @extend_schema(request=None, responses=serializers.DomainReportSerializer)
    @action(detail=True, methods=["post"])
    def check_domain(self, request: Request, pk: str) -> StreamingHttpResponse:
        """Ask the DNS for SPF, DKIM, DMARC and MX of the address's domain, and keep the report."""
        mailbox = self.get_object()
        found = partial(check_domain, mailbox.organisation_id, mailbox.pk, now=self.now)
        return _later(lambda: serializers.DomainReportSerializer(found()).data)


def _later(answer: Callable[[], Any]) -> StreamingHttpResponse:
    """The answer in one piece, made once the scope is closed: others may take their time."""

    def pieces() -> Iterator[bytes]:
        yield json.dumps(answer()).encode()

    return StreamingHttpResponse(pieces(), content_type="application/json")


def _tried(mailbox: Mailbox) -> dict[str, Any]:
    """The first refusal, if any, in our own words: the other server is not asked then."""
    answer: dict[str, Any] = {"works": True, "server": "", "folders": [], "code": "", "detail": ""}
    for tried in trials(mailbox):
        if tried.refusal:
            code = screaming(type(tried.refusal).__name__)
            refused = {"works": False, "server": tried.server, "detail": tried.sentence}
            return answer | refused | {"code": code}
        answer["folders"] = tried.folders
    return answer
