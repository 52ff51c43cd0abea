"""What every operation of the API has in common, as OpenAPI 3.1 says it."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from prospectflow.api.examples import add_examples
from prospectflow.api.pagination import orders_of
from prospectflow.api.queries import narrows
from prospectflow.api.serializers import SAFE, SPARSE
from prospectflow.api.versions import EDITS

PROBLEM = {
    "type": "object",
    "description": "A refusal (RFC 9457); `code` never changes, `detail` is for people.",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "pattern": "^[A-Z][A-Z0-9_]*$"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "description": "With VALIDATION_FAILED: each fault and the path of its field.",
            "items": {
                "type": "object",
                "required": ["field", "code", "detail"],
                "properties": {
                    "field": {"type": "string"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
    "examples": [
        {
            "type": "about:blank",
            "title": "Not Found",
            "status": 404,
            "code": "NOT_FOUND",
            "detail": "There is no such thing here.",
        }
    ],
}
SUMMARIES = {
    "list": "List",
    "retrieve": "Read one",
    "create": "Add one",
    "update": "Replace one",
    "partial_update": "Change some fields of one",
    "destroy": "Delete one",
}
EVERYWHERE = (400, 401, 403, 406, 429, 503)
RETRY = {
    "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."},
}
LOCATION = {
    "Location": {
        "schema": {"type": "string", "format": "uri"},
        "description": "The address of what was made (RFC 9110, 15.3.2).",
    },
}
HEADERS = {
    "X-Organisation": ("The slug of the organisation, for whoever belongs to several.", None),
    "Idempotency-Key": (
        "Sent again with the same body within 24 hours, the request is answered as before"
        " and not done again.",
        r"^[\x21-\x7e]{1,255}$",
    ),
    "If-Match": ("The ETag that was read: the edit is refused if it has changed.", None),
    "If-None-Match": ("The ETag that is known: the answer is 304 if it still holds.", None),
}


class BearerOrSessionScheme(OpenApiAuthenticationExtension):
    """Programs show an access token; the console's session serves this page too."""

    target_class = "prospectflow.api.authentication.BearerOrSession"
    name = ["bearer", "session", "csrf"]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        session = ["session"] if auto_schema.method in SAFE else ["session", "csrf"]
        return [{"bearer": []}, {name: [] for name in session}]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        bearer = {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "An access token of the organisation's sign-in provider.",
        }
        session = {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "The session of a browser that signed in to the console.",
        }
        csrf = {
            "type": "apiKey",
            "in": "header",
            "name": "X-CSRFToken",
            "description": "With a session, each change: the CSRF token of the browser.",
        }
        return [bearer, session, csrf]


class Schema(AutoSchema):
    """Adds the headers that every resource takes, and the refusals that it may answer with."""

    def get_summary(self) -> str:
        action = getattr(self.view, "action", None) or ""
        plain: str = SUMMARIES.get(action, action.replace("_", " ").capitalize())
        return super().get_summary() or plain

    def get_override_parameters(self) -> list[Any]:
        parameters = [*super().get_override_parameters()]
        parameters += [_header(name) for name in self._headers()]
        return [*parameters, *self._narrowing()]

    def _resolve_path_parameters(self, variables: list[str]) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = super()._resolve_path_parameters(variables)
        for parameter in parameters:
            if parameter["name"] == "id" and getattr(self.view, "queryset", None) is not None:
                parameter["schema"] = {"type": "string", "format": "uuid"}
        return parameters

    def _headers(self) -> Iterator[str]:
        yield "X-Organisation"
        if self.method == "POST":
            yield "Idempotency-Key"
        if self._may_be_stale():
            yield "If-Match"
        if self.method == "GET" and self._names_a_row():
            yield "If-None-Match"

    def _narrowing(self) -> Iterator[OpenApiParameter]:
        if getattr(self.view, "action", None) in SPARSE:
            yield _query("fields", "Only these fields, separated by commas.")
        if getattr(self.view, "search_fields", None) and narrows(self.view, self.method):
            names = ", ".join(self.view.search_fields)
            yield _query("search", f"Rows in which each word is found in one of: {names}.")
        if getattr(self.view, "action", None) == "export":
            yield _sort(self.view)

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        if direction == "response":
            for status in sorted(set(self._refusals())):
                bodies.setdefault(str(status), {"$ref": f"#/components/responses/{status}"})
            if "201" in bodies and hasattr(self.view, "retrieve"):
                bodies["201"]["headers"] = LOCATION
        return dict(sorted(bodies.items()))

    def _refusals(self) -> Iterator[int]:
        yield from EVERYWHERE
        if self._names_a_row():
            yield 404
            if self.method == "GET":
                yield 304
        if self.method not in SAFE:
            yield from (409, 413, 415)
        if self._may_be_stale():
            yield 412
        if self.method == "POST":
            yield 422

    def _names_a_row(self) -> bool:
        return "{" in self.path

    def _may_be_stale(self) -> bool:
        return self.method in EDITS or (self.method == "POST" and self._names_a_row())


def _header(name: str) -> OpenApiParameter:
    description, pattern = HEADERS[name]
    kind = {"type": "string", "pattern": pattern} if pattern else str
    return OpenApiParameter(name, kind, OpenApiParameter.HEADER, description=description)


def _query(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, str, description=description)


def _sort(view: Any) -> OpenApiParameter:
    orders = list(orders_of(view))
    return OpenApiParameter("sort", str, enum=orders, default=view.default_sort)


def complete(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the problem and the answers that bear it; bodies take no unknown fields."""
    components = result["components"]
    components.setdefault("schemas", {})["Problem"] = PROBLEM
    components["responses"] = {
        str(status): _refusal(status) for status in (*EVERYWHERE, 404, 409, 412, 413, 415, 422)
    } | {"304": {"description": "What you know still holds."}}
    for name, schema in components["schemas"].items():
        if name.endswith("Request") and "properties" in schema:
            schema.setdefault("additionalProperties", False)
    add_examples(result)
    return result


def _refusal(status: int) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    headers = {"headers": RETRY} if status in (429, 503) else {}
    return {"description": HTTPStatus(status).phrase, "content": content, **headers}
