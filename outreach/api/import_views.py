"""Files of prospects, stage by stage: upload, map, validate, run, and what may follow."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from django.http import HttpResponse
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from crm.importing.errors import BeyondLimits, FileRefused, SheetMissing
from crm.importing.template import file_to_fill_in
from outreach.api import import_serializers as serializers
from outreach.api.import_items import ItemsParser, too_large
from outreach.api.import_reports import ReportedImports
from outreach.models import ImportUpload
from outreach.sent_files import announces_too_much, on_disk
from outreach.services import uploads
from outreach.states import UploadStatus
from prospectflow.api.errors import Problem, screaming
from prospectflow.spreadsheets import MARK


class ImportFilters(filters.FilterSet):
    """By state, campaign and the file itself."""

    status = filters.ChoiceFilter(choices=UploadStatus.choices)
    campaign = filters.UUIDFilter()
    file_sha256 = filters.CharFilter()

    class Meta:
        model = ImportUpload
        fields: list[str] = []


class ImportViewSet(ReportedImports):
    """Files of prospects.

    POST the file; where its `status` is `uploaded`, say by PATCH what its columns mean; validate
    it, which stores nothing, and read the report; run it. A worker validates, runs and undoes:
    `progress/` tells how far it is.
    """

    queryset = ImportUpload.objects.all()
    serializer_class = serializers.ImportSerializer
    list_serializer_class = serializers.ListedImportSerializer
    heavy: ClassVar[list[str]] = [
        *("report", "detected_columns", "samples", "column_mappings", "stands_on", "format"),
    ]
    filterset_class = ImportFilters
    rated = dict.fromkeys(["create", "validate", "run", "undo"], "imports") | {
        "refused_rows": "exports"
    }
    capabilities = {
        **dict.fromkeys(["validate", "run", "cancel", "allow_contacted"], "change"),
        **dict.fromkeys(["columns", "progress", "report", "problems", "template"], "view"),
        "refused_rows": "export",
        "undo": "delete",
    }

    def get_parsers(self) -> list[BaseParser]:
        """Only a new import takes a form, or more JSON than fits into memory."""
        method = getattr(self.request, "method", "").lower()
        if self.action_map.get(method) == "create":
            return [ItemsParser(), MultiPartParser()]
        return super().get_parsers()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """A body that is too large is refused before anybody reads it."""
        super().initial(request, *args, **kwargs)
        if announces_too_much(request.META.get("CONTENT_LENGTH")):
            raise too_large()

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """What was sent is kept by now: no temporary file of it outlives the answer."""
        response = super().finalize_response(request, response, *args, **kwargs)
        request._request.close()
        return response

    @extend_schema(
        request={
            "multipart/form-data": serializers.UploadSerializer,
            "application/json": serializers.ItemsSerializer,
        },
        responses={201: serializers.ImportSerializer},
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Keep a file or a list of prospects, and say what its columns seem to mean."""
        is_form = (request.content_type or "").startswith("multipart/")
        field = "file" if is_form else "data"
        given = self.given(serializers.UploadSerializer if is_form else serializers.ItemsSerializer)
        file = given.pop(field)
        with _refusals_of(field), on_disk(file) as path:
            upload = uploads.receive(path, name=file.name, **given, at=self.now, user=self.person)
        return Response(self.get_serializer(upload).data, status=status.HTTP_201_CREATED)

    @extend_schema(request={"application/json": serializers.ImportSerializer(partial=True)})
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Say what columns mean; those not named stay as they are."""
        upload = self.get_object()
        serializer = self.get_serializer(upload, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        with _refusals_of("column_mappings"):
            upload = uploads.map_columns(
                upload,
                columns=given.get("column_mappings", {}),
                profile=given.get("profile"),
                at=self.now,
            )
        return self._shown(upload)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Forget a file that was not imported."""
        uploads.discard(self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses={202: serializers.ImportSerializer})
    @action(detail=True, methods=["post"])
    def validate(self, request: Request, pk: str) -> Response:
        """Have every row read and reported on; nothing of the file is stored."""
        return self._begun(uploads.validate(self.get_object(), at=self.now))

    @extend_schema(request=None, responses={202: serializers.ImportSerializer})
    @action(detail=True, methods=["post"])
    def run(self, request: Request, pk: str) -> Response:
        """Have it imported; refused rows and repeated ones are left out.

        What was cancelled goes on where it was.
        """
        return self._begun(uploads.run(self.get_object(), at=self.now))

    @extend_schema(request=None, responses={202: serializers.ImportSerializer})
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Have the worker stop; `rows_done` then says up to which row all is stored."""
        return self._begun(uploads.cancel(self.get_object()))

    @extend_schema(request=None, responses={202: serializers.ImportSerializer})
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: str) -> Response:
        """Have taken away what this import alone made, as long as nothing was sent to it."""
        return self._begun(uploads.undo(self.get_object(), at=self.now, user=self.person))

    @extend_schema(request=None, responses=serializers.ImportSerializer)
    @action(detail=True, methods=["post"], url_path="allow-contacted")
    def allow_contacted(self, request: Request, pk: str) -> Response:
        """Let the campaign take in people whom another one wrote to within 90 days.

        The audit trail says who did. The sender keeps the 90 days between two mails all the same.
        """
        upload = self.get_object()
        return self._shown(uploads.allow_contacted(upload, at=self.now, user=self.person))

    @extend_schema(
        responses={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, "CSV, to be filled in")}
    )
    @action(detail=False, methods=["get"], pagination_class=None, filterset_class=None)
    def template(self, request: Request) -> HttpResponse:
        """A file to fill in: a header that is recognised, and one row as an example."""
        headers = {"Content-Disposition": 'attachment; filename="prospects.csv"'}
        content = MARK + file_to_fill_in()
        return HttpResponse(content, content_type="text/csv; charset=utf-8", headers=headers)

    def _begun(self, upload: ImportUpload) -> Response:
        """What a worker goes on with; where to ask it how far it is."""
        where = {"Location": self.reverse_action("progress", args=[upload.pk])}
        shown = self.get_serializer(upload).data
        return Response(shown, status=status.HTTP_202_ACCEPTED, headers=where)

    def _shown(self, upload: ImportUpload) -> Response:
        return Response(self.get_serializer(upload).data)


@contextmanager
def _refusals_of(field: str) -> Iterator[None]:
    """What is wrong with the file is wrong with a field of the request."""
    try:
        yield
    except BeyondLimits as refusal:
        raise Problem(413, "FILE_TOO_LARGE", str(refusal)) from refusal
    except FileRefused as refusal:
        named = "sheet" if isinstance(refusal, SheetMissing) else field
        fault = ErrorDetail(str(refusal), screaming(type(refusal).__name__).lower())
        raise ValidationError({named: [fault]}) from refusal
