"""The organisation, who is in it, and what they did."""

from typing import Any, cast

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from iam import services
from iam.api import filters, serializers
from iam.models import (
    AuditEvent,
    Membership,
    MembershipStatus,
    OperatorEntry,
    Organisation,
    ServiceAccount,
    ServiceAccountStatus,
)
from prospectflow.api.exports import Exported
from prospectflow.api.viewsets import ReadOnlyTenantViewSet, TenantViewSet
from prospectflow.tenancy.middleware import TenantRequest


class OrganisationViewSet(mixins.RetrieveModelMixin, mixins.UpdateModelMixin, TenantViewSet):
    """The entered organisation."""

    queryset = Organisation.objects.order_by()
    serializer_class = serializers.OrganisationSerializer
    capabilities = {"partial_update": "manage_organisation"}

    def get_object(self) -> Organisation:
        place = cast("TenantRequest", self.request._request).membership
        self.kwargs["pk"] = str(place.organisation_id if place else "")
        return super().get_object()

    def perform_update(self, serializer: Any) -> None:
        services.change_organisation(serializer.instance, **serializer.validated_data)


class MembershipViewSet(mixins.UpdateModelMixin, ReadOnlyTenantViewSet):
    """The organisation's members and those who were invited."""

    queryset = Membership.objects.select_related("user")
    serializer_class = serializers.MembershipSerializer
    filterset_class = filters.MembershipFilters
    http_method_names = ["get", "patch", "post", "head", "options"]
    capabilities = dict.fromkeys(
        ("partial_update", "disable", "activate", "end_access"), "manage_members"
    ) | {"make_owner": "hand_over"}

    def perform_update(self, serializer: Any) -> None:
        if "role" in serializer.validated_data:
            services.change_role(serializer.instance, serializer.validated_data["role"])
            serializer.instance.refresh_from_db(fields=["role", "updated_at"])

    @extend_schema(request=None, responses=serializers.MembershipSerializer)
    @action(detail=True, methods=["post"])
    def disable(self, request: Request, pk: str) -> Response:
        """Shut a member out: sessions and tokens that were made before are refused at once."""
        return self._move(MembershipStatus.DISABLED)

    @extend_schema(request=None, responses=serializers.MembershipSerializer)
    @action(detail=True, methods=["post"])
    def activate(self, request: Request, pk: str) -> Response:
        """Let a member in again who was shut out."""
        return self._move(MembershipStatus.ACTIVE)

    @extend_schema(request=None, responses={204: None})
    @action(detail=True, methods=["post"], url_path="end-access")
    def end_access(self, request: Request, pk: str) -> Response:
        """End the member's sessions and refuse their tokens here; they may sign in again."""
        services.end_access(self.get_object(), at=self.now)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses=serializers.MembershipSerializer)
    @action(detail=True, methods=["post"], url_path="make-owner")
    def make_owner(self, request: Request, pk: str) -> Response:
        """Hand the organisation over to this member; the owner so far becomes an admin."""
        member = services.hand_over(self.get_object())
        return Response(self.get_serializer(member).data)

    def _move(self, to: str) -> Response:
        member = self.get_object()
        services.move_membership(member, to, at=self.now)
        member.refresh_from_db(fields=["status", "updated_at"])
        return Response(self.get_serializer(member).data)


class InvitationViewSet(mixins.CreateModelMixin, mixins.DestroyModelMixin, ReadOnlyTenantViewSet):
    """Open invitations; whether somebody already has the address is never told."""

    queryset = Membership.objects.filter(status=MembershipStatus.INVITED).select_related(
        "user", "invited_by"
    )
    serializer_class = serializers.InvitationSerializer
    capabilities = dict.fromkeys(("list", "retrieve", "create", "destroy"), "manage_members")
    rated = {"create": "invitations"}

    def perform_create(self, serializer: Any) -> None:
        given = serializer.validated_data
        serializer.instance = services.invite(
            given["address"], given["role"], at=self.now, by=self.person
        )

    def perform_destroy(self, instance: Membership) -> None:
        services.withdraw(instance)


class ServiceAccountViewSet(
    mixins.CreateModelMixin, mixins.UpdateModelMixin, ReadOnlyTenantViewSet
):
    """Programs and their roles. Only the platform's operator ties a client id to an organisation:
    during a visit, in a browser's session, or by `manage.py register_service_account`.

    None is deleted: the trail goes on naming it.
    """

    queryset = ServiceAccount.objects.all()
    serializer_class = serializers.ServiceAccountSerializer
    filterset_class = filters.ServiceAccountFilters
    http_method_names = ["get", "patch", "post", "head", "options"]
    capabilities = {"create": "register_service_account"} | dict.fromkeys(
        ("list", "retrieve", "partial_update", "disable", "activate"), "manage_service_accounts"
    )

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        if self.action == "partial_update":
            return serializers.ServiceAccountChangeSerializer
        return super().get_serializer_class()

    def perform_create(self, serializer: Any) -> None:
        serializer.instance = services.register_service_account(**serializer.validated_data)

    def perform_update(self, serializer: Any) -> None:
        services.change_service_account(serializer.instance, **serializer.validated_data)

    @extend_schema(request=None, responses=serializers.ServiceAccountSerializer)
    @action(detail=True, methods=["post"])
    def disable(self, request: Request, pk: str) -> Response:
        """Shut the program out: the tokens it already has are refused."""
        return self._move(ServiceAccountStatus.DISABLED)

    @extend_schema(request=None, responses=serializers.ServiceAccountSerializer)
    @action(detail=True, methods=["post"])
    def activate(self, request: Request, pk: str) -> Response:
        """Let the program in again, with new tokens."""
        return self._move(ServiceAccountStatus.ACTIVE)

    def _move(self, to: str) -> Response:
        account = self.get_object()
        services.move_service_account(account, to, at=self.now)
        account.refresh_from_db(fields=["status", "updated_at"])
        return Response(self.get_serializer(account).data)


class OperatorEntryViewSet(ReadOnlyTenantViewSet):
    """Visits of the platform's operators."""

    queryset = OperatorEntry.objects.select_related("user")
    serializer_class = serializers.OperatorEntrySerializer
    capabilities = {"list": "read_audit", "retrieve": "read_audit"}


class AuditEventViewSet(Exported, ReadOnlyTenantViewSet):
    """What was done in the organisation; it is only ever read."""

    queryset = AuditEvent.objects.select_related("user", "service_account")
    serializer_class = export_serializer_class = serializers.AuditEventSerializer
    filterset_class = filters.AuditEventFilters
    sortable = {"at": "at"}
    default_sort = "-at"
    capabilities = {"list": "read_audit", "retrieve": "read_audit"}

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        if self.action == "list":
            return serializers.ListedAuditEventSerializer
        return super().get_serializer_class()
