"""Each request's session, read before anything else; without the store nobody is let in."""

import logging
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY as USER_KEY
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import Resolver404, resolve
from redis.exceptions import RedisError

from iam.sessions.store import StoreUnreachable, require_store
from iam.sessions.visitors import Visitor
from prospectflow.problems import problem
from prospectflow.tenancy.middleware import API

RETRY_SECONDS = "5"
UNREACHABLE = "The session store does not answer, so nobody can be let in: try again in a moment."
ENDED = "This session has ended: sign in again."

logger = logging.getLogger(__name__)


class GuardedSessionMiddleware(SessionMiddleware):
    """Answers 503 while the store is unreachable, and serves again once it is back.

    The links in mails need no session and are served all the while. Programs need none either,
    and are refused all the same: how often they ask is counted in the same store.
    """

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        super().process_request(request)
        request.session.visitor = Visitor.of(request)
        request.session_was_asked_for = request.session.session_key is not None
        request.session_is_lost = False
        try:
            # Read here: what an inner middleware raises becomes a 500 before it comes back.
            request.session.get(USER_KEY)
        except StoreUnreachable as error:
            answer = self._unreachable(request, error)
            request.session = self.SessionStore()
            return None if _needs_no_session(_view_of(request)) else answer
        return None

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], *arguments: Any
    ) -> HttpResponse | None:
        """Whoever comes without a session would sign in next: say now that nobody can."""
        if request.session_was_asked_for or _is_api(request) or _needs_no_session(view):
            return None
        try:
            require_store()
        except StoreUnreachable as error:
            return self._unreachable(request, error)
        return None

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, StoreUnreachable | RedisError):  # the throttles' is bare
            return self._unreachable(request, error)
        return _ended(request) if isinstance(error, SessionInterrupted) else None

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if request.session_is_lost:
            return response  # the browser keeps its cookie for when the store is back
        try:
            return super().process_response(request, response)
        except SessionInterrupted:
            return _ended(request)
        except StoreUnreachable as error:
            # Work that is done stays done; only what changed the session itself did not happen.
            answer = self._unreachable(request, error)
            return answer if request.session.modified else response

    def _unreachable(self, request: HttpRequest, error: Exception) -> HttpResponse:
        logger.error("The session store does not answer: %s", error)
        request.session_is_lost = True
        headers = {"Retry-After": RETRY_SECONDS, "Cache-Control": "no-store"}
        if _is_api(request):
            return problem(503, "SESSION_STORE_UNAVAILABLE", UNREACHABLE, headers=headers)
        page = render_to_string("iam/store_unavailable.html", {"sentence": UNREACHABLE})
        return HttpResponse(page, status=503, headers=headers)


def _ended(request: HttpRequest) -> HttpResponse:
    """The answer to a request whose session was ended while it was served."""
    if _is_api(request):
        return problem(401, "SESSION_ENDED", ENDED)
    return redirect(settings.LOGIN_URL)


def _is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith(API)


def _needs_no_session(view: Callable[..., Any] | None) -> bool:
    return getattr(view, "starts_without_tenant", False)


def _view_of(request: HttpRequest) -> Callable[..., Any] | None:
    try:
        return resolve(request.path_info).func
    except Resolver404:
        return None
