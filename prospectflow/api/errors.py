"""Whatever goes wrong in a view becomes one problem (RFC 9457) with a stable code."""

import logging
import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.core.exceptions import (
    BadRequest,
    ObjectDoesNotExist,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.core.exceptions import ValidationError as ModelValidationError
from django.db import DataError, IntegrityError, OperationalError, connection, transaction
from django.http import Http404, HttpResponse, JsonResponse, UnreadablePostError
from redis.exceptions import RedisError
from rest_framework import exceptions

from prospectflow.api.sentences import sentence_of
from prospectflow.errors import DomainError
from prospectflow.problems import CONTENT_TYPE, problem_body
from prospectflow.tenancy.middleware import BUSY, is_away

logger = logging.getLogger(__name__)

TOO_LONG_FOR_AN_INDEX = "54000"  # program_limit_exceeded: an operational error by its class

# The framework's own refusals: our code and our sentence for each.
SENTENCES: dict[type[Exception], tuple[int, str, str]] = {
    exceptions.NotAuthenticated: (
        401,
        "AUTHENTICATION_REQUIRED",
        "Sign in first: send a bearer token in the Authorization header.",
    ),
    exceptions.AuthenticationFailed: (401, "AUTHENTICATION_REQUIRED", "Sign in first."),
    exceptions.NotFound: (404, "NOT_FOUND", "There is no such thing here."),
    Http404: (404, "NOT_FOUND", "There is no such thing here."),
    ObjectDoesNotExist: (404, "NOT_FOUND", "There is no such thing here."),
    PermissionDenied: (403, "FORBIDDEN", "Your role does not allow this."),
    exceptions.PermissionDenied: (403, "FORBIDDEN", "Your role does not allow this."),
    exceptions.MethodNotAllowed: (405, "METHOD_NOT_ALLOWED", "This address has no such method."),
    exceptions.NotAcceptable: (406, "NOT_ACCEPTABLE", "None of the formats you accept is offered."),
    exceptions.ParseError: (400, "MALFORMED", "The body is not what its content type says."),
    exceptions.UnsupportedMediaType: (
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        "This content type is not understood here.",
    ),
    RequestDataTooBig: (413, "TOO_LARGE", "The body is larger than this server takes."),
    UnreadablePostError: (400, "MALFORMED", "The body ended before it was complete."),
    SuspiciousOperation: (400, "MALFORMED", "The request is not one that this server allows."),
    BadRequest: (400, "MALFORMED", "The request is not one that this server allows."),
    DataError: (400, "MALFORMED", "A value is too large or of another kind than its field."),
    RedisError: (
        503,
        "SESSION_STORE_UNAVAILABLE",
        "The store of sessions does not answer, so nobody can be let in: try again.",
    ),
    OperationalError: (503, "TRY_AGAIN", BUSY),
}


class Problem(exceptions.APIException):
    """A refusal that already knows its status, its code and its sentence."""

    def __init__(
        self, status: int, code: str, detail: str, *, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail, code)
        self.status_code, self.code, self.headers = status, code, headers or {}


def exception_handler(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """Every refusal as a problem; what nobody foresaw is logged and says nothing of itself."""
    if connection.in_atomic_block:
        transaction.set_rollback(True)
    body, headers = _body(error)
    # Never by the view's renderers: a refusal is JSON, whatever was asked for.
    return JsonResponse(body, status=body["status"], headers=headers, content_type=CONTENT_TYPE)


def _body(error: Exception) -> tuple[dict[str, Any], dict[str, str]]:
    if isinstance(error, Problem):
        return problem_body(error.status_code, error.code, str(error.detail)), error.headers
    if isinstance(error, exceptions.ValidationError):
        return _invalid(list(_faults(error.get_full_details()))), {}
    if isinstance(error, ModelValidationError):
        return _invalid(list(_model_faults(error))), {}
    if isinstance(error, DomainError):
        return problem_body(409, screaming(type(error).__name__), str(error)), {}
    if isinstance(error, IntegrityError):
        return problem_body(409, "CONFLICT", _rule(error)), {}
    return _framework(error)


def _framework(error: Exception) -> tuple[dict[str, Any], dict[str, str]]:
    headers = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header  # type: ignore[attr-defined]
    if getattr(error, "wait", None) is not None:
        headers["Retry-After"] = str(error.wait)  # type: ignore[attr-defined]
    if getattr(error.__cause__, "sqlstate", None) == TOO_LONG_FOR_AN_INDEX:
        return problem_body(400, "MALFORMED", "A text is too long for what it is indexed by."), {}
    told = OperationalError if is_away(error) else type(error)
    for kind, (status, code, sentence) in SENTENCES.items():
        if issubclass(told, kind):
            if status == 503:
                headers["Retry-After"] = "5"
            return problem_body(status, code, sentence), headers
    if isinstance(error, exceptions.APIException):
        status = error.status_code
        return problem_body(
            status, screaming(type(error).__name__), HTTPStatus(status).phrase
        ), headers
    logger.exception("An unforeseen error", exc_info=error)
    return problem_body(500, "INTERNAL_ERROR", "Something broke on our side; it is logged."), {}


def _invalid(faults: list[dict[str, str]]) -> dict[str, Any]:
    names = ", ".join(dict.fromkeys(fault["field"] for fault in faults if fault["field"]))
    detail = f"Mend these fields: {names}." if names else faults[0]["detail"]
    return problem_body(400, "VALIDATION_FAILED", detail, errors=faults)


def _faults(details: Any, field: str = "") -> Iterator[dict[str, str]]:
    """Each fault with the path of its field: `steps.0.body`."""
    if isinstance(details, dict) and set(details) == {"message", "code"}:
        yield {"field": field, "code": str(details["code"]), "detail": str(details["message"])}
    elif isinstance(details, dict):
        for name, inner in details.items():
            path = field if name == "non_field_errors" else f"{field}.{name}".strip(".")
            yield from _faults(inner, path)
    elif isinstance(details, list):
        several = any(isinstance(inner, dict) and "code" not in inner for inner in details)
        for index, inner in enumerate(details):
            yield from _faults(inner, f"{field}.{index}".strip(".") if several else field)


def _model_faults(error: ModelValidationError) -> Iterator[dict[str, str]]:
    if not hasattr(error, "error_dict"):
        error = ModelValidationError({"__all__": error.error_list})
    for field, faults in error.error_dict.items():
        for fault in faults:
            name = "" if field == "__all__" else field
            code = str(fault.code or "invalid")
            yield {"field": name, "code": code, "detail": sentence_of(fault)}


def _rule(error: IntegrityError) -> str:
    """The broken rule by its name, never the values PostgreSQL tells with it."""
    diagnosis = getattr(error.__cause__, "diag", None)
    name = getattr(diagnosis, "constraint_name", None) or "a rule of the database"
    return f"This would break {name}."


def screaming(name: str) -> str:
    """`CampaignClosed` as the stable code CAMPAIGN_CLOSED."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper()
