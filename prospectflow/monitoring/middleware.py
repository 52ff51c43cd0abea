"""Answers what the operator's programs ask, before anything else; times every other request."""

from collections.abc import Callable
from functools import cache
from time import perf_counter

from django.conf import settings
from django.contrib.admindocs.views import simplify_regex
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from prospectflow.instruments import (
    CAMPAIGN_REQUESTS,
    CAMPAIGNS_CREATED,
    REQUEST_SECONDS,
    REQUESTS,
)
from prospectflow.monitoring.answering import WEB, Asked, answer

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-Ip", "Via")
# What is asked of campaigns, over the API and in the console, by the name of the address.
CAMPAIGNS = {
    ("GET", "campaign-list"): "list",
    ("GET", "admin:outreach_campaign_changelist"): "list",
    ("GET", "campaign-detail"): "details",
    ("GET", "admin:campaign"): "details",
    ("PUT", "campaign-detail"): "update",
    ("PATCH", "campaign-detail"): "update",
    ("POST", "admin:outreach_campaign_change"): "update",
    ("POST", "campaign-list"): "created",
    ("POST", "admin:outreach_campaign_add"): "created",
}


class MonitoringMiddleware:
    """First of all: a probe comes by plain HTTP, under any name, and leaves no session or line."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        said = answer(_asked(request), now=timezone.now())
        if said is not None:
            headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
            return HttpResponse(said.body, said.content_type, said.status, headers=headers)
        begun = perf_counter()
        response = self.get_response(request)
        _count(request, response, perf_counter() - begun)
        return response


def _asked(request: HttpRequest) -> Asked:
    return Asked(
        path=request.path_info,
        method=request.method or "",
        service=WEB,
        address=request.META.get("REMOTE_ADDR", ""),
        authorization=request.headers.get("Authorization", ""),
        is_forwarded=any(name in request.headers for name in FORWARDED),
    )


def _count(request: HttpRequest, response: HttpResponse, seconds: float) -> None:
    method = request.method if request.method in METHODS else "other"
    labels = (str(method), _route(request), str(response.status_code))
    REQUESTS.labels(*labels).inc()
    REQUEST_SECONDS.labels(*labels).observe(seconds)
    if request.resolver_match and response.status_code < 400:
        _count_campaigns(str(method), request.resolver_match.view_name, response, seconds)


def _route(request: HttpRequest) -> str:
    """The pattern of the address: one label for all rows, and for all that leads nowhere."""
    if request.resolver_match:
        return _plain(request.resolver_match.route)
    return "static" if request.path_info.startswith(settings.STATIC_URL) else "unresolved"


@cache
def _plain(route: str) -> str:
    """`/api/v1/campaigns/<pk>/`, however the pattern is written."""
    return str(simplify_regex(route))


def _count_campaigns(method: str, name: str, response: HttpResponse, seconds: float) -> None:
    asked = CAMPAIGNS.get((method, name))
    if asked == "created":
        if response.status_code in (201, 302):  # a form that is shown again made nothing
            CAMPAIGNS_CREATED.inc()
    elif asked:
        number, timer = CAMPAIGN_REQUESTS[asked]
        number.inc()
        timer.observe(seconds)
