"""The base of every resource: the role decides, PostgreSQL scopes, a service changes."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial, reduce
from typing import Any, ClassVar, cast
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework import mixins
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from iam.models import User
from prospectflow.api import receipts
from prospectflow.api.authentication import person
from prospectflow.api.pagination import KeysetPagination
from prospectflow.api.queries import check_query
from prospectflow.api.serializers import SPARSE, readable
from prospectflow.api.versions import EDITS, require_unchanged, tag, tags
from prospectflow.tenancy.search import search

type Handler = Callable[..., HttpResponseBase]


class TenantViewSet(GenericViewSet):
    """Rows of the organisation that the caller stands in.

    `capabilities` names the capability of each action that differs from permissions.CAPABILITY_OF;
    `search_fields` are found by `?search=`, each word in one of them, by their own indexes.
    `sortable` names what `?sort=` may say, and the column of each: see KeysetPagination.
    `rated` names the limit, of settings.RATES, of each action that is dear: see PerCaller.
    `parameters` names what else the query of an action may say: see queries.known.
    """

    pagination_class = KeysetPagination
    sortable: ClassVar[Mapping[str, str]] = {"created_at": "id"}  # ids grow with time (UUIDv7)
    default_sort: ClassVar[str] = "-created_at"
    capabilities: ClassVar[Mapping[str, str]] = {}
    search_fields: Sequence[str] = ()
    rated: ClassVar[Mapping[str, str]] = {}
    parameters: ClassVar[Mapping[str, Sequence[str]]] = {}
    receipt: UUID | None = None  # where this request's answer is kept, if it bears a key

    @classmethod
    def as_view(cls, actions: Any = None, **initkwargs: Any) -> Any:
        """The tenant's scope is the transaction; a savepoint in it would cost two round trips."""
        return transaction.non_atomic_requests(super().as_view(actions, **initkwargs))

    @property
    def now(self) -> datetime:
        """The moment of this request."""
        return timezone.now()

    @property
    def person(self) -> User | None:
        """Who acts, for the services; nobody where a program does."""
        return person(self.request)

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        queryset = super().filter_queryset(queryset)
        text = self.request.query_params.get("search", "") if self.search_fields else ""
        return self.found(queryset, text) if text else queryset

    def found(self, queryset: QuerySet, text: str) -> QuerySet:
        """The rows in which each word is found in one of the `search_fields`."""
        for word in text.split():
            bare = queryset.model._default_manager.order_by()
            found = (search(bare, [field], word).values("pk") for field in self.search_fields)
            queryset = queryset.filter(pk__in=reduce(lambda a, b: a.union(b), found))
        return queryset

    def get_object(self) -> Any:
        """The row of the address; whoever changes it holds it until the answer is given."""
        asked = self.asked_id
        if self._is_edit():
            require_unchanged(self.request, self.get_queryset().model, asked)
        return super().get_object()

    @property
    def asked_id(self) -> UUID:
        """The id in the address; 400 for one that is none."""
        given = self.kwargs[self.lookup_url_kwarg or self.lookup_field]
        try:
            return UUID(str(given))
        except ValueError as error:
            raise ValidationError({"id": f"“{given[:64]}” is no UUID."}) from error

    def _is_edit(self) -> bool:
        """Services lock in an order of their own; here only what would else get lost is held."""
        return self.request.method in EDITS or (
            self.request.method == "POST" and "If-Match" in self.request.headers
        )

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        check_query(self)
        for header in ("If-Match", "If-None-Match"):
            tags(request, header)
        self.check_wanted()
        if request.method not in SAFE_METHODS:
            _speak_at_once()
        if request.method == "POST" and (key := receipts.key_of(request)):
            self.post = partial(self._once, cast("Any", self).post, key)

    def _once(
        self, handler: Handler, key: str, request: Request, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        claimed = receipts.claim(request, key, now=self.now)
        if isinstance(claimed, HttpResponseBase):
            return claimed
        self.receipt = claimed
        return handler(request, *args, **kwargs)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        self._locate(response)
        response = tag(request, response)
        if self.receipt and response.status_code < 400 and isinstance(response, Response):
            receipts.settle(self.receipt, response.render())
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def _locate(self, response: Any) -> None:
        """What was just made says where it is read (RFC 9110, 15.3.2)."""
        made = response.status_code == 201 and isinstance(response, Response)
        if made and hasattr(self, "retrieve"):
            response["Location"] = self.reverse_action("detail", args=[response.data["id"]])

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "wanted": self._wanted}

    @property
    def _wanted(self) -> list[str] | None:
        """The fields that `?fields=a,b` asks for; None for all of them."""
        given = self.request.query_params.get("fields") if self.action in SPARSE else None
        return None if given is None else [name.strip() for name in given.split(",")]

    def check_wanted(self) -> None:
        """400 for a name in `?fields=` that no answer of this action has."""
        if not self._wanted:
            return
        known = readable(self.get_serializer())
        for name in self._wanted:
            if name not in known:
                sentence = f"There is no field “{name[:64]}” here."
                raise ValidationError({"fields": [ErrorDetail(sentence, "unknown_field")]})


def _speak_at_once() -> None:
    """Rules that would wait for the commit speak while the view can still answer."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


class ReadOnlyTenantViewSet(mixins.RetrieveModelMixin, mixins.ListModelMixin, TenantViewSet):
    """Rows that are only read."""


class EditableTenantViewSet(
    mixins.CreateModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    ReadOnlyTenantViewSet,
):
    """Rows that are made, changed and deleted one by one."""
