"""Whatever refuses a request to the API, a program can read it."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from prospectflow.problems import CONTENT_TYPE, problem
from prospectflow.tenancy.middleware import API

# What RFC 9110 (11.6.1, 10.2.3) has such answers bear, whoever gave them.
OWED = {401: {"WWW-Authenticate": 'Bearer realm="ProspectFlow"'}, 503: {"Retry-After": "5"}}
UTF_8 = frozenset({"utf-8", "utf8", "us-ascii"})
# What the framework refuses before any view, and with pages for people.
SENTENCES = {
    400: ("MALFORMED", "The request is not one that HTTP or this server allows."),
    403: ("FORBIDDEN", "This is not allowed."),
    404: ("NOT_FOUND", "There is no such address here: each ends with a slash."),
    413: ("TOO_LARGE", "The request is larger than this server takes."),
    415: ("UNSUPPORTED_MEDIA_TYPE", "Everything here is in UTF-8."),
    500: ("INTERNAL_ERROR", "Something broke on our side; it is logged."),
}


class ProblemsMiddleware:
    """Every refusal below /api/ is a problem, whoever made it: no page, and nothing of ours."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(API):
            return self.get_response(request)
        charset = (request.content_params or {}).get("charset", "utf-8")
        if charset.lower() not in UTF_8:
            return _problem(415)
        response = self.get_response(request)
        if response.status_code < 400:
            return response
        if response.headers.get("Content-Type") != CONTENT_TYPE:
            response = _problem(response.status_code)
        for name, value in OWED.get(response.status_code, {}).items():
            response.headers.setdefault(name, value)
        return response


def unknown(request: HttpRequest) -> HttpResponse:
    """The answer to every address of the API that is none."""
    return _problem(404)


def _problem(status: int) -> HttpResponse:
    code, sentence = SENTENCES.get(status, SENTENCES[500 if status >= 500 else 400])
    return problem(status, code, sentence)
