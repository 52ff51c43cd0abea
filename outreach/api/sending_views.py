"""What is about to leave, what left and what came in."""

from dataclasses import asdict
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from outreach.api import sending_filters as filters
from outreach.api import sending_serializers as serializers
from outreach.api.doubts import DecidesDoubts
from outreach.models import Draft, Message, Suppression, Task
from outreach.services import approval, reviewing
from outreach.services.cancelling import cancel_task
from outreach.services.explaining import explain
from outreach.services.stopping import suppress_by_hand
from outreach.services.suppressing import entry_of, suppressed_among
from prospectflow.api.errors import screaming
from prospectflow.api.exports import Exported
from prospectflow.api.viewsets import ReadOnlyTenantViewSet, TenantViewSet
from prospectflow.errors import DomainError

CANCELLED = OpenApiExample(
    "Not sent",
    {
        "id": "01890000-0000-7000-8000-000000000011",
        "campaign": "01890000-0000-7000-8000-000000000012",
        "enrollment": "01890000-0000-7000-8000-000000000013",
        "workflow_step": "01890000-0000-7000-8000-000000000014",
        "step_index": 1,
        "mailbox": "01890000-0000-7000-8000-000000000015",
        "scheduled_for": "2026-11-24T08:30:00Z",
        "status": "cancelled",
        "is_approved": False,
        "attempts": 0,
        "leased_until": None,
        "last_error": "They became a customer.",
        "created_at": "2026-11-20T08:30:00Z",
        "updated_at": "2026-11-23T08:30:00Z",
    },
    response_only=True,
)


class SparseLists(TenantViewSet):
    """Lists leave out what only a single row's answer shows."""

    list_serializer_class: ClassVar[type[BaseSerializer]]
    heavy: ClassVar[list[str]] = []  # columns that lists never read

    def get_serializer_class(self) -> type[BaseSerializer]:
        if self.action == "list":
            return self.list_serializer_class
        return super().get_serializer_class()

    def get_queryset(self) -> QuerySet:
        rows = super().get_queryset()
        return rows.defer(*self.heavy) if self.action == "list" else rows

    def given(self, kind: type[BaseSerializer]) -> Any:
        """The body, as this serializer reads it."""
        serializer = kind(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data


class DraftViewSet(Exported, SparseLists, ReadOnlyTenantViewSet):
    """Drafts. `?status=pending&sort=queue` is the review queue, the least skipped first."""

    queryset = Draft.objects.select_related("task")
    serializer_class = serializers.DraftSerializer
    list_serializer_class = serializers.ListedDraftSerializer
    heavy = ["body_text", "hooks", "problems", "edits"]
    filterset_class = filters.DraftFilters
    sortable = {"created_at": "id", "queue": "skip_count"}
    capabilities = dict.fromkeys(["approve", "skip", "reject", "batch"], "approve")

    def get_object(self) -> Draft:
        if self._is_edit():
            self._hold()
        return _with_mail(super().get_object())

    def _hold(self) -> None:
        """Its enrolment comes first, as everywhere: the frame would lock the draft alone."""
        draft = self.get_queryset().filter(pk=self.asked_id).first()
        if draft is not None:
            approval.locked(draft)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change the text, which takes any approval away."""
        draft = self.get_object()
        serializer = self.get_serializer(draft, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        wanted = {"subject": draft.subject, "body_text": draft.body_text}
        wanted |= serializer.validated_data
        return self._shown(approval.edit(draft, **wanted, at=self.now, user=self.person))

    @extend_schema(request=serializers.SeenSerializer, responses=serializers.DraftSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str) -> Response:
        """Stand for the mail that was seen; 409 when it is another by now."""
        draft = self.get_object()
        seen = self.given(serializers.SeenSerializer)["seen"]
        return self._shown(reviewing.approve(draft, seen=seen, at=self.now, user=self.person))

    @extend_schema(request=None, responses=serializers.DraftSerializer)
    @action(detail=True, methods=["post"])
    def skip(self, request: Request, pk: str) -> Response:
        """Put it at the end of the queue."""
        return self._shown(approval.skip(self.get_object(), at=self.now, user=self.person))

    @extend_schema(request=None, responses=serializers.DraftSerializer)
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, pk: str) -> Response:
        """This mail is not to be sent; its sequence goes on without it."""
        return self._shown(approval.reject(self.get_object(), at=self.now, user=self.person))

    @extend_schema(request=serializers.BatchSerializer, responses=serializers.BatchResultSerializer)
    @action(detail=False, methods=["post"])
    def batch(self, request: Request) -> Response:
        """Decide on up to 200 drafts, each by itself: one that is refused stops no other."""
        given = self.given(serializers.BatchSerializer)
        seen = {item["id"]: item.get("seen", "") for item in given["items"]}
        outcomes = reviewing.decide_each(given["action"], seen, at=self.now, user=self.person)
        return Response({"results": [_outcome(pk, outcomes[pk]) for pk in seen]})

    def _shown(self, draft: Draft) -> Response:
        draft.refresh_from_db(fields=["updated_at"])
        return Response(self.get_serializer(_with_mail(draft)).data)


def _with_mail(draft: Any) -> Any:
    """The draft with the mail it would be, or the sentence that says why there is none."""
    draft.mail, draft.refusal = reviewing.preview(draft)
    return draft


def _outcome(pk: UUID, refusal: DomainError | None) -> dict[str, Any]:
    code = screaming(type(refusal).__name__) if refusal else ""
    return {"id": str(pk), "done": refusal is None, "code": code, "detail": str(refusal or "")}


class TaskViewSet(DecidesDoubts, Exported, ReadOnlyTenantViewSet):
    """The intentions to send: the planner makes them, the sender moves them."""

    queryset = Task.objects.all()
    serializer_class = serializers.TaskSerializer
    filterset_class = filters.TaskFilters
    capabilities = {"explain": "view", "cancel": "change", "decide": "change"}

    @extend_schema(responses=serializers.ExplanationSerializer)
    @action(detail=True, methods=["get"])
    def explain(self, request: Request, pk: str) -> Response:
        """Every reason why the mail may not leave yet, and when at the earliest it may."""
        found = explain(self.get_object(), now=self.now)
        answer = {"may_send": not found.reasons, **asdict(found)}
        return Response(serializers.ExplanationSerializer(answer).data)

    @extend_schema(
        request=serializers.CancelSerializer,
        responses=serializers.TaskSerializer,
        examples=[CANCELLED],
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Do not send this one mail; its person goes on with the next step, or has finished."""
        task, body = self.get_object(), serializers.CancelSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        task = cancel_task(task, **body.validated_data, at=self.now, user=self.person)
        return Response(self.get_serializer(task).data)


class MessageViewSet(Exported, SparseLists, ReadOnlyTenantViewSet):
    """Mails that left and mails that came in."""

    queryset = Message.objects.select_related("task").defer("raw", "body_html")
    serializer_class = serializers.MessageSerializer
    list_serializer_class = serializers.ListedMessageSerializer
    heavy = ["raw", "body_html", "body_text", "references", "evidence"]
    filterset_class = filters.MessageFilters


@extend_schema_view(
    create=extend_schema(
        request=serializers.SuppressSerializer,
        responses={
            200: serializers.SuppressionSerializer,
            201: serializers.SuppressionSerializer,
        },
    )
)
class SuppressionViewSet(Exported, mixins.CreateModelMixin, SparseLists, ReadOnlyTenantViewSet):
    """Who must not be written to. Entries are added; none is changed or taken away."""

    queryset = Suppression.objects.all()
    serializer_class = list_serializer_class = serializers.SuppressionSerializer
    filterset_class = filters.SuppressionFilters
    capabilities = {"check": "view"}

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Never write to them again; 200 when the entry was there already, with its reason."""
        given = self.given(serializers.SuppressSerializer)
        what = given.get("address") or given["domain"]
        known = entry_of(what) is not None
        entry = suppress_by_hand(what, reason=given["reason"], source=given["source"], at=self.now)
        code = status.HTTP_200_OK if known else status.HTTP_201_CREATED
        return Response(self.get_serializer(entry).data, status=code)

    @extend_schema(
        request=serializers.AddressesSerializer, responses=serializers.SuppressedSerializer
    )
    @action(detail=False, methods=["post"])
    def check(self, request: Request) -> Response:
        """Which of up to 1,000 addresses must not be written to."""
        addresses = self.given(serializers.AddressesSerializer)["addresses"]
        found = suppressed_among(sorted({address.strip().lower() for address in addresses}))
        suppressed = [each for each in addresses if each.strip().lower() in found]
        return Response({"suppressed": suppressed})
