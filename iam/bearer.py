"""Tokens of programs: checked before anything else of a request to the API is looked at."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from iam.auth import Caller, Refusal
from iam.signing_in.provider import verifier
from prospectflow.problems import problem
from prospectflow.tenancy.middleware import API

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class BearerMiddleware:
    """A request to the API that bears a token is its caller's; a bad token is refused at once."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        header = request.headers.get("Authorization")
        if header is None or not request.path_info.startswith(API):
            return self.get_response(request)
        try:
            request.caller = checked(header, request.method or "GET")  # type: ignore[attr-defined]
        except Refusal as refusal:
            return refused(refusal)
        return self.get_response(request)


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
