"""Whole lists as a stream: any number of rows in the memory of a thousand."""

from collections.abc import Iterator
from functools import partial
from typing import Any, cast
from uuid import UUID

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from iam.services import record
from prospectflow.api.pagination import Order, order_of
from prospectflow.api.viewsets import TenantViewSet
from prospectflow.exporting import FORMS, MEDIA_TYPES, Row, download
from prospectflow.tenancy.middleware import TenantRequest
from prospectflow.tenancy.replica import reading

ROWS_AT_ONCE = 1_000


class _Csv(JSONRenderer):
    media_type, format = "text/csv", "csv"


class _Ndjson(JSONRenderer):
    media_type, format = MEDIA_TYPES["ndjson"], "ndjson"


class Exported(TenantViewSet):
    """A list that can be taken away whole, in the order and with the filters of the list.

    Its rows look as in the list, unless the view names an `export_serializer_class`.
    """

    export_serializer_class: Any = None

    def get_renderers(self) -> list[BaseRenderer]:
        """Problems stay JSON, whatever kind of file was asked for."""
        offered = super().get_renderers()
        return [*offered, _Csv(), _Ndjson()] if self.action == "export" else offered

    def check_wanted(self) -> None:
        """Once admitted to the export, what it says is what the list says."""
        if self.action == "export":
            self.action = "list"
        super().check_wanted()

    @extend_schema(
        summary="Take the whole list away",
        description="Rows in CSV or as one JSON object a line. A stream that breaks off ends with"
        " a line that says EXPORT_INCOMPLETE. In CSV, texts that a spreadsheet would take for a"
        " formula begin with an apostrophe.",
        parameters=[OpenApiParameter("format", str, enum=["csv", "ndjson"], default="csv")],
        responses={
            (200, "text/csv"): OpenApiTypes.STR,
            (200, "application/x-ndjson"): OpenApiTypes.STR,
        },
        filters=True,
    )
    @action(detail=False, methods=["get"], url_path="export", pagination_class=None)
    def export(self, request: Request) -> StreamingHttpResponse:
        name, order = _format(request), order_of(request, self)
        rows = self.filter_queryset(self.get_queryset())
        self._note(request, rows, name)
        file = f"{rows.model._meta.db_table}-{self.now:%Y-%m-%d}"
        return download(name, file, self._names(), self._rows(rows, order))

    def _note(self, request: Request, rows: QuerySet, name: str) -> None:
        asked = request.query_params.urlencode()[:500]
        text = f"{rows.model._meta.db_table} as {name}" + (f": {asked}" if asked else "")
        record("exported", at=self.now, user=self.person, text=text)

    def _names(self) -> list[str]:
        return [field.field_name for field in self._serializer()._readable_fields]

    def _serializer(self, *args: Any, **options: Any) -> Any:
        kind = self.export_serializer_class or self.get_serializer_class()
        return kind(*args, context=self.get_serializer_context(), **options)

    def _rows(self, rows: QuerySet, order: Order) -> Iterator[Row]:
        """Each chunk in a scope of its own: by now, the request's has ended."""
        place = cast("TenantRequest", self.request._request).membership
        organisation_id = cast("UUID", place and place.organisation_id)
        last: list[Any] | None = None
        while True:
            rest = order.of(rows if last is None else order.beyond(rows, last))
            read = partial(self._chunk, rest[:ROWS_AT_ONCE])
            chunk, data = reading(read, organisation_id, user_id=self.request.user.pk)
            yield from data
            if len(chunk) < ROWS_AT_ONCE:
                return
            last = order.place_of(chunk[-1])

    def _chunk(self, rows: QuerySet) -> tuple[list[Any], list[Row]]:
        found = list(rows)
        return found, self._serializer(found, many=True).data


def _format(request: Request) -> str:
    accepted = request.accepted_renderer.format
    name = request.query_params.get("format", accepted if accepted in FORMS else "csv")
    if name not in FORMS:
        sentence = f"Send one of: {', '.join(FORMS)}."
        raise ValidationError({"format": [ErrorDetail(sentence, "invalid")]})
    return name
