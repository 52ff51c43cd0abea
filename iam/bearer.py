"""Tokens of programs: checked before anything else of a request to the API is looked at."""

import logging
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from redis.exceptions import RedisError

from iam.auth import Caller, Refusal
from iam.sessions.visitors import address_of
from iam.signing_in.provider import verifier
from prospectflow.problems import problem
from prospectflow.tenancy.middleware import API
from prospectflow.throttles import TOO_MANY, neighbourhood, throttle

logger = logging.getLogger(__name__)

SCOPE = "refused_tokens"
UNREACHABLE = "The store of sessions does not answer, so nobody can be let in: try again."
LATER = {"Retry-After": "5", "Cache-Control": "no-store"}
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class BearerMiddleware:
    """A request to the API that bears a token is its caller's; a bad token is refused at once.

    Who shows bad ones again and again must wait; a good one passes, whatever its neighbours do.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        header = request.headers.get("Authorization")
        if header is None or not request.path_info.startswith(API):
            return self.get_response(request)
        try:
            answer = _admitted(request, header)
        except RedisError as error:
            logger.error("Bad tokens cannot be counted: %s", error)
            return problem(503, "SESSION_STORE_UNAVAILABLE", UNREACHABLE, headers=LATER)
        return answer or self.get_response(request)


def _admitted(request: HttpRequest, header: str) -> HttpResponse | None:
    """The refusal of the request; None once its caller is known."""
    try:
        request.caller = checked(header, request.method or "GET")  # type: ignore[attr-defined]
    except Refusal as refusal:
        if refusal.status != 401:
            return refused(refusal)
        who = neighbourhood(address_of(request))
        wait = throttle(SCOPE, who, now=timezone.now())
        return too_often(wait) if wait else refused(refusal)
    return None


def too_often(wait: int) -> HttpResponse:
    """The refusal of the next bad token after too many of them."""
    headers = {"Retry-After": str(wait)}
    return problem(429, "THROTTLED", TOO_MANY.format(wait), headers=headers)


def checked(header: str, method: str) -> Caller:
    """Whom the header's token stands for; Refusal where it is bad or its scopes are too narrow."""
    caller = verifier().bearer(header, now=timezone.now())
    allowed = caller.may_read if method in SAFE else caller.may_write
    if not allowed(settings.AUTH):
        raise Refusal("SCOPE_MISSING")
    return caller


def refused(refusal: Refusal) -> HttpResponse:
    """The refusal as a problem; RFC 6750, section 3, names the error in a header of its own."""
    error = {401: "invalid_token", 403: "insufficient_scope"}.get(refusal.status)
    challenge = f'Bearer realm="ProspectFlow", error="{error}"' if error else None
    headers = {"WWW-Authenticate": challenge} if challenge else None
    return problem(refusal.status, refusal.code, refusal.detail, headers=headers)
