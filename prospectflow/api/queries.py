"""What the query of an address may say; anything else is refused, never passed over."""

from collections.abc import Iterator
from typing import Any

from rest_framework.exceptions import ErrorDetail, ValidationError

from prospectflow.api.serializers import SAFE, SPARSE

NO_NUL = "Send no NUL characters."
UNKNOWN = "There is no such parameter here."


def check_query(view: Any) -> None:
    """400 for a parameter that means nothing here, and for a NUL: PostgreSQL takes none."""
    query = view.request.query_params
    for name, values in query.lists():
        if any("\0" in text for text in (name, *values)):
            bare = name.replace("\0", "\N{REPLACEMENT CHARACTER}")
            raise ValidationError({bare: [ErrorDetail(NO_NUL, "null_characters")]})
    if query and (strange := query.keys() - set(known(view, view.request.method))):
        fault = [ErrorDetail(UNKNOWN, "unknown_field")]
        raise ValidationError({name[:64]: fault for name in sorted(strange)})


def known(view: Any, method: str) -> Iterator[str]:
    """The names that the query of the view's present action may bear."""
    yield from view.parameters.get(view.action, ())
    if view.action in SPARSE:
        yield "fields"
    if view.action == "export":
        yield from ("format", "sort")
    if view.action == "list" and view.paginator:
        told = view.paginator.get_schema_operation_parameters(view)
        yield from (parameter["name"] for parameter in told)
    if narrows(view, method):
        yield from _filters(view)
        if view.search_fields:
            yield "search"


def narrows(view: Any, method: str) -> bool:
    """Whether the answer is made from many rows, which filters and `search` can narrow."""
    return method in SAFE and view.detail is False


def _filters(view: Any) -> Iterator[str]:
    for backend in view.filter_backends:
        if kind := backend().get_filterset_class(view, view.get_queryset()):
            yield from kind.base_filters
