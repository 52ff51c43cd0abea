"""Each request has an id: in the log, in the audit trail, and in the answer."""

import re
from collections.abc import Callable
from uuid import uuid4

from django.http import HttpRequest, HttpResponse

from prospectflow.tenancy.context import request_id

HEADER = "X-Request-ID"
HEADERS = (HEADER, "X-Correlation-ID", "X-Trace-ID")  # the first that is well-formed counts
WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestIdMiddleware:
    """Takes over the id that a proxy gave, if it is well-formed, and makes one otherwise."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = request_id.set(_given(request) or uuid4().hex)
        try:
            response = self.get_response(request)
            response[HEADER] = request_id.get()
            return response
        finally:
            request_id.reset(token)


def _given(request: HttpRequest) -> str:
    given = (request.headers.get(name, "") for name in HEADERS)
    return next(filter(WELL_FORMED.fullmatch, given), "")
