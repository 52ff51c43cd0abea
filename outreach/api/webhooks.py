"""Webhooks, for the programs that want to be told."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from outreach.models import WebhookDelivery, WebhookEndpoint
from outreach.services import webhooks
from outreach.states import WebhookEvent, WebhookStatus
from prospectflow.api.serializers import StrictModelSerializer, StrictSerializer
from prospectflow.api.viewsets import EditableTenantViewSet, ReadOnlyTenantViewSet


class WebhookSerializer(StrictModelSerializer):
    """An endpoint; its secret is told once, when it is made or renewed."""

    events = serializers.ListField(
        child=serializers.ChoiceField(choices=WebhookEvent.choices), min_length=1, max_length=20
    )

    class Meta:
        model = WebhookEndpoint
        fields = ["id", "url", "events", "status", "status_reason", "created_at", "updated_at"]
        read_only_fields = ["status", "status_reason"]

    def validate_url(self, url: str) -> str:
        try:
            return webhooks.checked_url(url)
        except webhooks.UrlRefused as refusal:
            raise serializers.ValidationError(str(refusal), "url_refused") from refusal

    def validate_events(self, events: list[str]) -> list[str]:
        return webhooks.checked_events(events)


class SecretSerializer(StrictSerializer):
    """What signs the deliveries from now on; it cannot be read again."""

    id = serializers.UUIDField(read_only=True)
    secret = serializers.CharField(read_only=True)


class DeliverySerializer(StrictModelSerializer):
    """One event told to one endpoint."""

    class Meta:
        model = WebhookDelivery
        fields = ["id", "endpoint", "event", "at", "status", "attempts", "due_at"]
        fields += ["answered_status", "last_error", "delivered_at", "body"]
        read_only_fields = fields


class WebhookViewSet(EditableTenantViewSet):
    """Addresses that are told of chosen events, signed as Standard Webhooks says."""

    queryset = WebhookEndpoint.objects.order_by("-id")
    serializer_class = WebhookSerializer
    filterset_fields = ["status"]
    capabilities = dict.fromkeys(
        ["list", "retrieve", "create", "update", "partial_update", "destroy"]
        + ["disable", "activate", "renew_secret"],
        "manage_webhooks",
    )

    @extend_schema(responses={201: SecretSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        endpoint, secret = webhooks.add_endpoint(**serializer.validated_data)
        return _secret(endpoint, secret, status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=SecretSerializer)
    @action(detail=True, methods=["post"], url_path="renew-secret")
    def renew_secret(self, request: Request, pk: str) -> Response:
        """Another secret; the old one signs nothing any more."""
        endpoint = self.get_object()
        return _secret(endpoint, webhooks.renew_secret(endpoint), status.HTTP_200_OK)

    @extend_schema(request=None, responses=WebhookSerializer)
    @action(detail=True, methods=["post"])
    def disable(self, request: Request, pk: str) -> Response:
        """Tell it nothing more; what waits is kept."""
        return self._moved(WebhookStatus.DISABLED)

    @extend_schema(request=None, responses=WebhookSerializer)
    @action(detail=True, methods=["post"])
    def activate(self, request: Request, pk: str) -> Response:
        """Tell it again, beginning with what waits."""
        return self._moved(WebhookStatus.ACTIVE)

    def _moved(self, to: str) -> Response:
        endpoint = webhooks.move_endpoint(self.get_object(), to)
        return Response(self.get_serializer(endpoint).data)


def _secret(endpoint: WebhookEndpoint, secret: str, code: int) -> Response:
    return Response({"id": str(endpoint.pk), "secret": secret}, status=code)


class WebhookDeliveryViewSet(ReadOnlyTenantViewSet):
    """The log of what was told."""

    queryset = WebhookDelivery.objects.order_by("-id")
    serializer_class = DeliverySerializer
    filterset_fields = ["endpoint", "event", "status"]
    capabilities = dict.fromkeys(["list", "retrieve", "retry"], "manage_webhooks")

    @extend_schema(request=None, responses=DeliverySerializer)
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """Give a failed delivery all its tries again."""
        delivery = webhooks.tell_again(self.get_object(), at=self.now)
        return Response(self.get_serializer(delivery).data)
