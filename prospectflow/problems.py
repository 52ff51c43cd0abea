"""Refusals as programs read them: RFC 9457 problem details with a stable code."""

from http import HTTPStatus
from typing import Any

from django.http import JsonResponse

CONTENT_TYPE = "application/problem+json"


def problem_body(status: int, code: str, detail: str, **extra: Any) -> dict[str, Any]:
    """The members of a problem; `code` never changes, `detail` is one sentence for a person."""
    title = HTTPStatus(status).phrase
    return {
        "type": "about:blank",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        **extra,
    }


def problem(
    status: int, code: str, detail: str, *, headers: dict[str, str] | None = None, **extra: Any
) -> JsonResponse:
    """An answer that refuses, outside of any view."""
    body = problem_body(status, code, detail, **extra)
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE, headers=headers)
