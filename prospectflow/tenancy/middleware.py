"""Each request is served inside one organisation: the one entered, or a token's."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import (
    Error,
    InterfaceError,
    InternalError,
    OperationalError,
    connection,
    transaction,
)
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import Resolver404, resolve
from django.utils import timezone
from structlog.contextvars import bind_contextvars

from prospectflow.problems import problem
from prospectflow.tenancy.context import request_id, scope, tenant
from prospectflow.tenancy.memberships import Place, places_of

logger = logging.getLogger(__name__)

SESSION_KEY = "organisation_id"
SIGNED_IN_KEY = "signed_in_at"
ORGANISATION_HEADER = "X-Organisation"
API = "/api/"
ADMISSION = "SELECT * FROM iam.admit_bearer(%s, %s, %s, %s, %s, %s)"
BUSY = "The database is busy or away: try again shortly."
RETRY = {"Retry-After": "5", "Cache-Control": "no-store"}
LIMIT_EXCEEDED = "54"  # the class of SQLSTATE: it would fail the next time, too
REFUSALS = {
    "PROGRAM_UNKNOWN": (403, "No service account has this client id: have one registered first."),
    "ACCOUNT_UNKNOWN": (403, "Nobody here has this account: sign in once with a browser first."),
    "ACCOUNT_DISABLED": (403, "This account is closed: ask the organisation's owner."),
    "TOKEN_REVOKED": (401, "This token was revoked: sign in again for a new one."),
    "NOT_A_MEMBER": (403, "X-Organisation must be the slug of an organisation you belong to."),
    "MISSING_ORGANISATION": (403, "You belong to no organisation yet: ask for an invitation."),
    "ORGANISATION_REQUIRED": (
        403,
        "You belong to several organisations: name one by its slug in X-Organisation.",
    ),
}


OUTSIDE = frozenset({"MISSING_ORGANISATION", "ORGANISATION_REQUIRED"})


class Caller(Protocol):
    """Who a checked token stands for; iam.auth makes it."""

    subject: str
    client_id: str
    is_machine: bool
    issued_at: datetime


class Machine:
    """A program in the place of a person: signed in, but nobody's account."""

    is_authenticated = is_active = True
    is_anonymous = is_staff = is_superuser = False
    pk = id = None

    def __init__(self, name: str) -> None:
        self.name = name

    def __str__(self) -> str:
        return self.name


class TenantRequest(HttpRequest):
    """A request that knows its person's place in the organisation it is served in."""

    membership: Place | None
    caller: Caller


def is_away(error: Exception) -> bool:
    """Whether the database, or the way to it, failed, and not what it was asked.

    A pooler whose session is killed answers out of turn: an error of no SQLSTATE.
    """
    state = getattr(error.__cause__, "sqlstate", None) or ""
    if isinstance(error, OperationalError):
        return not state.startswith(LIMIT_EXCEEDED)
    return isinstance(error, InterfaceError | InternalError) and not state


def without_tenant[V: Callable[..., HttpResponse]](view: V) -> V:
    """Mark a view that strangers reach by a token: whoever asks, it starts outside any scope."""
    view.starts_without_tenant = True  # type: ignore[attr-defined]
    return view


class TenantMiddleware:
    """Opens the scope around the whole answer, rendering included.

    The place is looked up at each request, so an ended one ends at once. An error answer
    rolls back; a streamed answer must open a scope of its own.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: TenantRequest) -> HttpResponse:
        try:
            return self._serve(request)
        except Error as error:
            if answer := self.process_exception(request, error):
                return answer
            raise

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Say it plainly where the database is away; of everything else others tell."""
        if not is_away(error):
            return None
        logger.error("The database does not answer", exc_info=error)
        if request.path_info.startswith(API):
            return problem(503, "TRY_AGAIN", BUSY, headers=RETRY)
        page = render_to_string("503.html", {"sentence": BUSY})
        return HttpResponse(page, status=503, headers=RETRY)

    def _serve(self, request: TenantRequest) -> HttpResponse:
        request.membership = None
        if _is_marked(request, "starts_without_tenant"):
            return self.get_response(request)
        if hasattr(request, "caller"):
            return self._serve_bearer(request)
        place = _named(request) if _names_one(request) else _entered(request)
        if place is None and _names_one(request):
            return refused("NOT_A_MEMBER")
        if place is None:
            return self.get_response(request)
        with tenant(place.organisation_id, user_id=request.user.pk):
            return self._answer(request, place)

    def _serve_bearer(self, request: TenantRequest) -> HttpResponse:
        with scope():
            admitted = _admit(request)
            outside = admitted["refusal"] in OUTSIDE and _is_marked(request, "works_outside")
            if admitted["refusal"] and not outside:
                transaction.set_rollback(True)
                return refused(admitted["refusal"])
            request.user = _actor(admitted)
            return self._answer(request, None if outside else _place(admitted))

    def _answer(self, request: TenantRequest, place: Place | None) -> HttpResponse:
        request.membership = place
        if place is not None:  # named by every line of the log from here on
            organisation, user = str(place.organisation_id), str(request.user.pk or "")
            bind_contextvars(organisationId=organisation, userId=user)
        response = self.get_response(request)
        if response.status_code >= 400:
            transaction.set_rollback(True)
        return response


def _is_marked(request: HttpRequest, mark: str) -> bool:
    """Whether the request's view, or the class it is made of, has this mark."""
    try:
        view = resolve(request.path_info).func
    except Resolver404:
        return False
    return getattr(view, mark, False) or getattr(getattr(view, "cls", None), mark, False)


def refused(code: str) -> HttpResponse:
    """The problem that stands for one of the REFUSALS."""
    status, sentence = REFUSALS[code]
    return problem(status, code, sentence)


def _names_one(request: TenantRequest) -> bool:
    """Whether the session's person asks the API for another organisation than the entered one."""
    asks = request.path_info.startswith(API) and ORGANISATION_HEADER in request.headers
    return asks and request.user.is_authenticated


def _named(request: TenantRequest) -> Place | None:
    slug = request.headers[ORGANISATION_HEADER]
    places = places_of(request.user.pk, at=timezone.now()).open
    place = next((each for each in places if each.slug == slug), None)
    return None if place is None or is_shut_to(request, place) else place


def _entered(request: TenantRequest) -> Place | None:
    """The place the session stands in; one that has ended is forgotten."""
    entered = request.session.get(SESSION_KEY)
    if entered is None or not request.user.is_authenticated:
        return None
    place = places_of(request.user.pk, at=timezone.now()).of(UUID(entered))
    if place is None or is_shut_to(request, place):
        del request.session[SESSION_KEY]
        return None
    return place


def is_shut_to(request: HttpRequest, place: Place) -> bool:
    """Whether the place is closed to this session: it began before its access was ended."""
    if place.access_after is None:
        return False
    signed_in = request.session.get(SIGNED_IN_KEY)
    return signed_in is None or datetime.fromisoformat(signed_in) <= place.access_after


def _admit(request: TenantRequest) -> dict[str, Any]:
    caller = request.caller
    wanted = request.headers.get(ORGANISATION_HEADER, "").replace("\0", "\N{REPLACEMENT CHARACTER}")
    told = (caller.subject, caller.client_id, caller.is_machine, wanted, caller.issued_at)
    with connection.cursor() as cursor:
        cursor.execute(ADMISSION, (*told, request_id.get()))
        names = [column.name for column in cursor.description]
        return dict(zip(names, cursor.fetchone(), strict=True))


def _place(admitted: dict[str, Any]) -> Place:
    names = ("organisation_id", "slug", "name", "role", "service_account_id")
    return Place(**{name: admitted[name] for name in names})


def _actor(admitted: dict[str, Any]) -> Any:
    if admitted["service_account_id"]:
        return Machine(admitted["account_name"])
    fields = {name: admitted[name] for name in ("email", "first_name", "last_name")}
    user = get_user_model()(pk=admitted["user_id"], is_active=True, **fields)
    user._state.adding = False
    return user
