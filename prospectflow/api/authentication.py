"""The middleware has found out who asks; here DRF is told."""

from typing import Any

from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from iam.models import User
from prospectflow.api.errors import Problem

CSRF_MISSING = "A browser's session must send its CSRF token in X-CSRFToken with each change."


class BearerOrSession(SessionAuthentication):
    """A bearer token that the middleware checked, or the console's session with its CSRF token."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        caller = getattr(request._request, "caller", None)
        if caller is not None:
            return request._request.user, caller
        return super().authenticate(request)

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except PermissionDenied as error:
            raise Problem(403, "CSRF_FAILED", CSRF_MISSING) from error

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="ProspectFlow"'


def person(request: Any) -> User | None:
    """Who acts, as the services want it: a user, or nobody where a program does."""
    return request.user if request.user.pk else None
