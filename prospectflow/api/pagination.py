"""Pages by position, not by number: the ten-thousandth costs as much as the first."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from django.core import signing
from django.core.exceptions import ValidationError as ModelValidationError
from django.db.models import F, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

DEFAULT_LIMIT, LARGEST_LIMIT = 25, 100
SALT = "prospectflow.api.cursor"


class Order(NamedTuple):
    """A total order: by a column of an index, then by id, both in the same direction."""

    name: str  # as `?sort=` says it, "-" first for descending
    column: str

    @property
    def columns(self) -> list[str]:
        return list(dict.fromkeys([self.column, "id"]))

    @property
    def descends(self) -> bool:
        return self.name.startswith("-")

    def of(self, rows: QuerySet, *, backwards: bool = False) -> QuerySet:
        sign = "-" if self.descends != backwards else ""
        return rows.order_by(*(sign + column for column in self.columns))

    def beyond(self, rows: QuerySet, place: list[Any], *, backwards: bool = False) -> QuerySet:
        """The rows after (or before) the one that has these values, by one range of an index."""
        compare = TupleLessThan if self.descends != backwards else TupleGreaterThan
        return rows.filter(compare(Tuple(*map(F, self.columns)), place))

    def place_of(self, row: Any) -> list[Any]:
        return [getattr(row, column) for column in self.columns]


class Cursor(NamedTuple):
    """Where a page begins, seen from its neighbour; without a place, at that end of the list."""

    place: list[Any] | None = None
    backwards: bool = False


def orders_of(view: Any) -> Mapping[str, str]:
    """What `?sort=` may say at this view, and the column that each name stands for."""
    both = ((sign + name, column) for name, column in view.sortable.items() for sign in ("", "-"))
    return dict(both)


class KeysetPagination(BasePagination):
    """`?limit=`, `?cursor=` and `?sort=` by what the view declares.

    The view says `sortable = {"name": "name"}`, a public name and its column, never null and in
    an index (organisation, column, id); and `default_sort = "-created_at"`. Rows that come or
    go while somebody pages make no other row appear twice or not at all.
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.request = request
        self.order = order_of(request, view)
        limit = _limit(request)
        self.cursor = cursor = _read(request, self.order, queryset)
        found = self.order.of(queryset, backwards=cursor.backwards)
        if cursor.place is not None:
            found = self.order.beyond(found, cursor.place, backwards=cursor.backwards)
        rows = list(found[: limit + 1])
        self.goes_on = len(rows) > limit
        self.page = rows[:limit][:: -1 if cursor.backwards else 1]
        return self.page

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self._next(), "previous": self._previous(), "results": data})

    def _next(self) -> str | None:
        if not self.page:
            return self._link(Cursor()) if self.cursor.backwards else None
        if not (self.goes_on or self.cursor.backwards):
            return None
        return self._link(Cursor(self.order.place_of(self.page[-1])))

    def _previous(self) -> str | None:
        began = self.cursor.place is None and not self.cursor.backwards
        if began or (self.cursor.backwards and not self.goes_on):
            return None
        place = self.order.place_of(self.page[0]) if self.page else None
        return self._link(Cursor(place, backwards=True))

    def _link(self, cursor: Cursor) -> str:
        address = self.request.build_absolute_uri()
        if cursor == Cursor():
            return remove_query_param(address, "cursor")
        return replace_query_param(address, "cursor", _written(cursor, self.order))

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        limit = {
            "type": "integer",
            "minimum": 1,
            "maximum": LARGEST_LIMIT,
            "default": DEFAULT_LIMIT,
        }
        sort = {"type": "string", "enum": list(orders_of(view)), "default": view.default_sort}
        cursor = {"type": "string"}
        return [
            _parameter("cursor", cursor, "Where the page begins: follow `next` and `previous`."),
            _parameter("limit", limit, "How many rows a page holds at most."),
            _parameter("sort", sort, "The order; `-` first for descending."),
        ]


def _parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, "description": description}


def _refuse(parameter: str, sentence: str) -> ValidationError:
    return ValidationError({parameter: [ErrorDetail(sentence, "invalid")]})


def order_of(request: Request, view: Any) -> Order:
    wanted = request.query_params.get("sort", view.default_sort)
    orders = orders_of(view)
    if wanted not in orders:
        raise _refuse("sort", f"Sort by one of: {', '.join(orders)}.")
    return Order(wanted, orders[wanted])


def _limit(request: Request) -> int:
    wanted = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if wanted.isdecimal() and wanted.isascii() and len(wanted) < 4:  # noqa: SIM102
        if 1 <= int(wanted) <= LARGEST_LIMIT:
            return int(wanted)
    raise _refuse("limit", f"Send a whole number from 1 to {LARGEST_LIMIT}.")


def _written(cursor: Cursor, order: Order) -> str:
    place = None if cursor.place is None else [str(value) for value in cursor.place]
    return signing.dumps([order.name, place, cursor.backwards], salt=SALT, compress=True)


def _read(request: Request, order: Order, rows: QuerySet) -> Cursor:
    """The cursor of the request; 400 for one that was not made here for this very order."""
    written = request.query_params.get("cursor")
    if written is None:
        return Cursor()
    try:
        name, place, backwards = signing.loads(written, salt=SALT)
        values = None if place is None else list(_values(place, order, rows))
    except (signing.BadSignature, ModelValidationError, TypeError, ValueError) as error:
        raise _refuse("cursor", "This is no cursor of this list: follow its links.") from error
    if name != order.name:
        raise _refuse("cursor", f"This cursor belongs to sort={name}: send it with that.")
    return Cursor(values, backwards)


def _values(place: list[str], order: Order, rows: QuerySet) -> Iterator[Any]:
    for column, text in zip(order.columns, place, strict=True):
        yield rows.model._meta.get_field(column).to_python(text)
