"""Pages about oneself, open to anybody signed in, inside an organisation or not."""

from typing import Any, cast

from django.contrib.auth import logout
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from iam import services
from iam.api import serializers
from iam.models import User
from iam.roles import OPERATOR, capabilities_of
from iam.sessions import SessionStore, end_session, end_sessions, sessions_of
from prospectflow.api.errors import Problem
from prospectflow.api.pagination import KeysetPagination
from prospectflow.api.permissions import SignedIn
from prospectflow.api.viewsets import TenantViewSet
from prospectflow.tenancy.memberships import Place, places_of
from prospectflow.tenancy.middleware import TenantRequest


class OnePage(KeysetPagination):
    """The shape of every list, for the few things that need no second page."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        return list(queryset)

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": None, "previous": None, "results": data})

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return []


class APerson(SignedIn):
    """Somebody signed in who is no program."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not super().has_permission(request, view):
            return False
        if request.user.pk is None:
            raise Problem(403, "FORBIDDEN", "A program has no sessions: disable its account.")
        return True


class OwnViewSet(TenantViewSet):
    """What belongs to the caller: a person's token needs no organisation for it."""

    works_outside = True
    permission_classes = [SignedIn]

    @property
    def place(self) -> Place | None:
        """Where the caller stands."""
        return cast("TenantRequest", self.request._request).membership

    def places(self) -> list[Place]:
        """Every organisation that the caller may enter; a program has its one.

        An operator's visits are for browsers: no token enters by one.
        """
        if self.person is None:
            return [self.place] if self.place else []
        places = places_of(self.person.pk, at=self.now).open
        by_token = hasattr(self.request._request, "caller")
        return [each for each in places if not (by_token and each.role == OPERATOR)]


class MeViewSet(OwnViewSet):
    """Who asks."""

    serializer_class = serializers.MeSerializer

    @extend_schema(responses=serializers.MeSerializer)
    def retrieve(self, request: Request) -> Response:
        """Who asks, where they stand, what they may do there, and where else they may go."""
        return Response(self.get_serializer(self._told()).data)

    def _told(self) -> dict[str, Any]:
        person, place = self.person, self.place
        return {
            "kind": "person" if person else "program",
            "id": person.pk if person else place and place.service_account_id,
            "email": person.email if person else None,
            "name": str(self.request.user),
            "organisation": place,
            "capabilities": capabilities_of(place),
            "organisations": self.places(),
        }


class OrganisationsViewSet(mixins.ListModelMixin, OwnViewSet):
    """The organisations that the caller may enter, each by its slug in X-Organisation."""

    serializer_class = serializers.PlaceSerializer
    pagination_class = OnePage
    filter_backends: list[Any] = []

    def get_queryset(self) -> Any:
        return self.places()


class SessionViewSet(mixins.ListModelMixin, OwnViewSet):
    """The caller's signed-in browsers: seen, and ended one by one or together."""

    serializer_class = serializers.SessionSerializer
    pagination_class = OnePage
    permission_classes = [APerson]
    filter_backends: list[Any] = []

    @property
    def owner(self) -> User:
        """The person whose sessions these are."""
        return cast("User", self.request.user)

    def get_queryset(self) -> Any:
        return sessions_of(self.owner.pk, now=self.now)

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "current": self._current}

    @property
    def _current(self) -> str | None:
        return cast("SessionStore", self.request._request.session).public_id

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """End one of the caller's sessions."""
        if not end_session(self.owner.pk, pk):
            raise NotFound
        return self._ended(here=pk == self._current)

    @extend_schema(request=None, responses=serializers.EndedSerializer)
    @action(detail=False, methods=["post"], url_path="end-others")
    def end_others(self, request: Request) -> Response:
        """End every session but the one that asks."""
        ended = end_sessions(self.owner.pk, keep=self._current)
        return Response({"ended": ended})

    @extend_schema(request=None, responses={204: None})
    @action(detail=False, methods=["post"], url_path="sign-out-everywhere")
    def sign_out_everywhere(self, request: Request) -> Response:
        """Refuse every session and token from before this moment, the caller's own too."""
        services.sign_out_everywhere(self.owner, at=self.now)
        return self._ended(here=self._current is not None)

    def _ended(self, *, here: bool) -> Response:
        if here:
            logout(self.request._request)  # or saving what has ended would be refused
        return Response(status=status.HTTP_204_NO_CONTENT)
