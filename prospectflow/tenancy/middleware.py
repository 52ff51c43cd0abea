"""Each signed-in request is served inside the organisation its person entered."""

from collections.abc import Callable
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve

from prospectflow.tenancy.context import tenant
from prospectflow.tenancy.memberships import Place, memberships_of

SESSION_KEY = "organisation_id"


class TenantRequest(HttpRequest):
    """A request that knows its person's place in the organisation it is served in."""

    membership: Place | None


def without_tenant[V: Callable[..., HttpResponse]](view: V) -> V:
    """Mark a view that strangers reach by a token: whoever asks, it starts outside any scope."""
    view.starts_without_tenant = True  # type: ignore[attr-defined]
    return view


class TenantMiddleware:
    """Opens the scope around the whole answer, rendering included.

    The person's membership is looked up at each request, so an ended one ends at once. An
    error answer rolls back; a streamed answer must open a scope of its own.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: TenantRequest) -> HttpResponse:
        request.membership = None
        if _starts_without_tenant(request):
            return self.get_response(request)
        entered = request.session.get(SESSION_KEY)
        if entered is None or not request.user.is_authenticated:
            return self.get_response(request)
        request.membership = _membership(request, UUID(entered))
        if request.membership is None:
            del request.session[SESSION_KEY]
            return self.get_response(request)
        with tenant(request.membership.organisation_id, user_id=request.user.pk):
            response = self.get_response(request)
            if response.status_code >= 400:
                transaction.set_rollback(True)
            return response


def _starts_without_tenant(request: HttpRequest) -> bool:
    try:
        view = resolve(request.path_info).func
    except Resolver404:
        return False
    return getattr(view, "starts_without_tenant", False)


def _membership(request: HttpRequest, organisation_id: UUID) -> Place | None:
    person = request.user.pk
    places = memberships_of(person) if person is not None else []
    return next((place for place in places if place.organisation_id == organisation_id), None)
