"""What is known of a file of prospects: its columns, how far it is, and what is wrong with it."""

import logging
from collections.abc import Iterator
from itertools import islice
from typing import Any, cast

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django_filters import rest_framework as filters
from django_filters.utils import translate_validation
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from crm.importing.errors import FileRefused
from crm.importing.profiles import IGNORE, KEEP, Suggestion, profile_of, suggestions
from crm.importing.sentences import sentence
from outreach.api import import_serializers as serializers
from outreach.api.languages import TOLD, in_language, language_of
from outreach.api.sending_views import SparseLists
from outreach.models import ImportProblem, ImportUpload
from outreach.services.files import FileNotKept
from outreach.services.progress import progress_of
from outreach.services.refusing_file import refused_rows_of
from outreach.services.standing import standing
from outreach.services.uploads import NoReportYet, columns_of
from outreach.states import ProblemKind
from prospectflow.api.errors import Problem, screaming
from prospectflow.api.sentences import speak
from prospectflow.api.viewsets import ReadOnlyTenantViewSet
from prospectflow.errors import DomainError
from prospectflow.exporting import BROKEN, LINES_AT_ONCE, as_csv
from prospectflow.tenancy.context import tenant
from prospectflow.tenancy.middleware import TenantRequest
from prospectflow.tenancy.search import search

SHOWN = 100  # problems of each kind in a report
GREATEST = 2**31 - 1
SORTS = ["row", "-row"]

logger = logging.getLogger(__name__)


class _Csv(JSONRenderer):
    media_type, format = "text/csv", "csv"


class _Whole(filters.Filter):
    field_class = forms.IntegerField


class ProblemFilters(filters.FilterSet):
    """By what became of the row, the code, the row itself, and words in the column or value."""

    kind = filters.ChoiceFilter(choices=ProblemKind.choices)
    code = filters.CharFilter()
    row = _Whole(validators=[MinValueValidator(0), MaxValueValidator(GREATEST)])
    search = filters.CharFilter(method="searched")

    class Meta:
        model = ImportProblem
        fields: list[str] = []

    def searched(self, rows: QuerySet, name: str, text: str) -> QuerySet:
        return search(rows, ["column", "value"], text)


class _InTheFile:
    """The order of problems: that of the rows, which an index has."""

    sortable = {"row": "row"}
    default_sort = "row"


class ReportedImports(SparseLists, ReadOnlyTenantViewSet):
    """What can be read of an import besides its row."""

    parameters = {"problems": ["cursor", "limit", "sort", *ProblemFilters.base_filters]}

    def get_renderers(self) -> list[BaseRenderer]:
        """Problems stay JSON, whoever asks for CSV."""
        is_file = self.action in ("refused_rows", "template")
        return [*super().get_renderers(), *([_Csv()] if is_file else [])]

    @extend_schema(parameters=[TOLD], responses=serializers.ColumnsSerializer)
    @action(detail=True, methods=["get"])
    def columns(self, request: Request, pk: str) -> Response:
        """Each column of the file: what stands in it, what it means, and why."""
        upload, language = self.get_object(), language_of(request)
        profile = profile_of((), upload.profile or "generic")
        found = suggestions(upload.detected_columns, profile, columns_of(upload))
        columns = [_column(each, upload, language) for each in found]
        shown = serializers.ColumnsSerializer({"profile": profile.name, "columns": columns})
        return Response(shown.data, headers=in_language(language))

    @extend_schema(responses=serializers.ProgressSerializer)
    @action(detail=True, methods=["get"])
    def progress(self, request: Request, pk: str) -> Response:
        """How far the worker is; ask every few seconds until the stage is `done`."""
        upload = self.get_object()
        told = progress_of(upload, now=self.now)._asdict() | {"status": upload.status}
        return Response(serializers.ProgressSerializer(told).data)

    @extend_schema(parameters=[TOLD], responses=serializers.ReportSerializer)
    @action(detail=True, methods=["get"])
    def report(self, request: Request, pk: str) -> Response:
        """What became of the rows, or after validating what would."""
        upload, language = self.get_object(), language_of(request)
        _must_be_reported(upload)
        first = {name: _first(upload, kind) for kind, name in serializers.LISTS.items()}
        told = {"stored_up_to_row": upload.rows_done, "standing": standing(upload)}
        shown = serializers.ReportSerializer(
            first | upload.report | told, context={"language": language}
        )
        return Response(shown.data, headers=in_language(language))

    @extend_schema(
        parameters=[
            OpenApiParameter("cursor", str, description="Follow `next` and `previous`."),
            OpenApiParameter("limit", {"type": "integer", "minimum": 1, "maximum": 100}),
            OpenApiParameter("sort", str, enum=SORTS, default="row"),
            OpenApiParameter("kind", str, enum=ProblemKind.values),
            OpenApiParameter("code", str),
            OpenApiParameter("row", {"type": "integer", "minimum": 0, "maximum": GREATEST}),
            OpenApiParameter("search", str, description="Each word in the column or the value."),
            TOLD,
        ],
        responses=serializers.RowProblemSerializer(many=True),
        filters=False,  # those of the list of imports
    )
    @action(detail=True, methods=["get"])
    def problems(self, request: Request, pk: str) -> Response:
        """Everything that is wrong with its rows, in the order of the file."""
        upload, language = self.get_object(), language_of(request)
        found = _narrowed(request, ImportProblem.objects.filter(upload=upload))
        page = cast("Any", self.paginator).paginate_queryset(found, request, _InTheFile)
        _must_be_reported(upload)
        told = {"language": language, "request": request}
        shown = serializers.RowProblemSerializer(page, many=True, context=told)
        answer = self.get_paginated_response(shown.data)
        for name, value in in_language(language).items():
            answer[name] = value
        return answer

    @extend_schema(
        parameters=[TOLD],
        responses={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, "CSV, to be mended")},
    )
    @action(detail=True, methods=["get"], url_path="refused-rows")
    def refused_rows(self, request: Request, pk: str) -> StreamingHttpResponse:
        """The rows left out as CSV: all columns of the file, the row's number and the reasons.

        A stream that breaks off ends with a line that says EXPORT_INCOMPLETE.
        """
        upload, language = self.get_object(), language_of(request)
        _must_be_reported(upload)
        lines = refused_rows_of(upload, language)
        try:
            header = next(lines)
        except (FileNotKept, FileRefused) as refusal:
            raise _not_there(refusal) from refusal
        headers = {"Content-Disposition": f'attachment; filename="refused-{upload.pk}.csv"'}
        return StreamingHttpResponse(
            self._streamed(header, lines),
            content_type="text/csv; charset=utf-8",
            headers=headers | in_language(language),
        )

    def _streamed(self, header: str, lines: Iterator[str]) -> Iterator[str]:
        """Some lines at a time, each time in a scope of its own: the request's has ended."""
        place = cast("TenantRequest", self.request._request).membership
        organisation_id, user_id = place.organisation_id, self.request.user.pk  # type: ignore[union-attr]
        yield header
        try:
            while True:
                with tenant(organisation_id, user_id=user_id):
                    some = "".join(islice(lines, LINES_AT_ONCE))
                if not some:
                    return
                yield some
        except Exception:
            logger.exception("A file of refused rows broke off")
            yield from as_csv([], iter([BROKEN]))


def _column(found: Suggestion, upload: ImportUpload, language: str) -> dict[str, Any]:
    state = {IGNORE: serializers.IGNORED, KEEP: serializers.UNKNOWN}
    return {
        "name": found.header,
        "samples": upload.samples.get(found.header, []),
        "target": found.target,
        "state": state.get(found.target, serializers.MAPPED),
        "reason": found.reason,
        "sentence": sentence(found.reason, language),
        "rivals": list(found.rivals),
    }


def _first(upload: ImportUpload, kind: str) -> list[ImportProblem]:
    """The first problems of a kind, not looked for where the report counts none."""
    codes = upload.report.get("codes")
    if codes is not None and not codes.get(kind):
        return []
    found = ImportProblem.objects.filter(upload=upload, kind=kind)
    return list(found.order_by("row", "id")[:SHOWN])


def _narrowed(request: Request, rows: QuerySet) -> QuerySet:
    """The rows that the query of the request asks for; 400 where it cannot be understood."""
    filterset = ProblemFilters(request.query_params, rows, request=request)
    for field in filterset.form.fields.values():
        speak(field)
    if not filterset.is_valid():
        raise translate_validation(filterset.errors)
    return filterset.qs


def _must_be_reported(upload: ImportUpload) -> None:
    if not upload.report:
        raise _not_there(NoReportYet())


def _not_there(refusal: DomainError) -> Problem:
    return Problem(404, screaming(type(refusal).__name__), str(refusal))
