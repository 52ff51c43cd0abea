"""What each request tells the log: that it came, how it ended, how long it took, for whom."""

import logging
from time import perf_counter
from typing import Any, cast

from django.conf import settings
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils.functional import empty
from django_structlog import signals
from django_structlog.middlewares import RequestMiddleware
from structlog.contextvars import bind_contextvars, clear_contextvars, unbind_contextvars

from iam.sessions.visitors import address_of

AGENT_LENGTH = 200
# Asked every few seconds by machines, or beside every page by browsers.
QUIET = ("/health", "/metrics", "/favicon.ico", settings.STATIC_URL)

slow = logging.getLogger("prospectflow.slow")


class RequestLogMiddleware(RequestMiddleware):
    """django-structlog's, which asks the database nothing and writes down no query of an address.

    The id is the one that RequestIdMiddleware, which stands before it, took over or made.
    """

    def __call__(self, request: HttpRequest) -> HttpResponse:
        clear_contextvars()
        if request.path_info.startswith(QUIET):
            return cast(HttpResponse, self.get_response(request))
        request.began = perf_counter()  # type: ignore[attr-defined]
        return cast(HttpResponse, super().__call__(request))

    @classmethod
    def bind_ip(cls, request: HttpRequest) -> None:
        bind_contextvars(ip=address_of(request))

    @staticmethod
    def bind_user_id(request: HttpRequest) -> None:
        """Whom the request turned out to be of; nobody is looked up for the log's sake."""
        user = request.__dict__.get("user")
        if user is not None and getattr(user, "_wrapped", user) is not empty:
            bind_contextvars(userId=str(user.pk or ""))

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return request.path


@receiver(signals.bind_extra_request_metadata)
def _begun(request: HttpRequest, log_kwargs: dict[str, Any], **_: Any) -> None:
    unbind_contextvars("request_id")  # each line has ours
    bind_contextvars(method=request.method, url=log_kwargs.pop("request"))
    log_kwargs["userAgent"] = (log_kwargs.pop("user_agent") or "")[:AGENT_LENGTH]


@receiver(
    [signals.bind_extra_request_finished_metadata, signals.bind_extra_request_failed_metadata]
)
def _ended(request: HttpRequest, log_kwargs: dict[str, Any], **_: Any) -> None:
    lasted = round((perf_counter() - request.began) * 1000) if hasattr(request, "began") else None
    log_kwargs |= {
        "method": request.method,
        "url": log_kwargs.pop("request"),
        "statusCode": log_kwargs.pop("code"),
        "durationMs": lasted,
        "userAgent": request.headers.get("User-Agent", "")[:AGENT_LENGTH],
    }
    if lasted and 0 < settings.SLOW_REQUEST_MS < lasted:
        slow.warning("slow_request", extra={"durationMs": lasted})
