"""Files of prospects, stage by stage: upload, map, validate, run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from crm.importing.errors import FileRefused
from outreach.api import import_serializers as serializers
from outreach.api.sending_views import SparseLists
from outreach.models import ImportUpload
from outreach.services import uploads
from outreach.states import UploadStatus
from prospectflow.api.errors import Problem, screaming
from prospectflow.api.parsers import StrictJSONParser
from prospectflow.api.viewsets import ReadOnlyTenantViewSet
from prospectflow.errors import DomainError

FORM_OVERHEAD = 64 * 1024  # bytes that the parts of a form add to the file in it


class _Csv(JSONRenderer):
    media_type, format = "text/csv", "csv"


class ImportFilters(filters.FilterSet):
    """By state, campaign and the file itself."""

    status = filters.ChoiceFilter(choices=UploadStatus.choices)
    campaign = filters.UUIDFilter()
    file_sha256 = filters.CharFilter()

    class Meta:
        model = ImportUpload
        fields: list[str] = []


class ImportViewSet(SparseLists, ReadOnlyTenantViewSet):
    """Files of prospects.

    POST the file; where its `status` is `uploaded`, say by PATCH what its columns mean; validate
    it, which stores nothing, and read the report; run it. Both answer when they are done.
    """

    queryset = ImportUpload.objects.defer("file_buffer")
    serializer_class = serializers.ImportSerializer
    list_serializer_class = serializers.ListedImportSerializer
    heavy: ClassVar[list[str]] = ["file_buffer", "report", "detected_columns", "column_mappings"]
    filterset_class = ImportFilters
    parser_classes = [StrictJSONParser, MultiPartParser]
    rated = dict.fromkeys(["create", "validate", "run"], "imports")
    capabilities = {
        "validate": "change",
        "run": "change",
        "report": "view",
        "refused_rows": "export",
    }

    def get_renderers(self) -> list[BaseRenderer]:
        """Problems stay JSON, whoever asks for CSV."""
        return [*super().get_renderers(), *([_Csv()] if self.action == "refused_rows" else [])]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """A body that is too large is refused before anybody reads it."""
        super().initial(request, *args, **kwargs)
        announced = request.META.get("CONTENT_LENGTH") or ""
        if announced.isdecimal() and int(announced) > settings.IMPORT_MAX_BYTES + FORM_OVERHEAD:
            raise _too_large()

    @extend_schema(
        request={"multipart/form-data": serializers.UploadSerializer},
        responses={201: serializers.ImportSerializer},
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Keep the file, and say what its columns seem to mean; nothing is imported yet."""
        given = self.given(serializers.UploadSerializer)
        with _refusals_of("file"), _on_disk(given.pop("file")) as path:
            upload = uploads.receive(path, **given, at=self.now, user=self.person)
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
            )
        return self._shown(upload)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Forget a file that was not imported."""
        uploads.discard(self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses=serializers.ImportSerializer)
    @action(detail=True, methods=["post"])
    def validate(self, request: Request, pk: str) -> Response:
        """Read every row and report; nothing of the file is stored."""
        upload = uploads.validate(self.get_object(), at=self.now)
        return self._shown(upload)

    @extend_schema(request=None, responses=serializers.ImportSerializer)
    @action(detail=True, methods=["post"])
    def run(self, request: Request, pk: str) -> Response:
        """Import it, whole or not at all; refused rows and repeated ones are left out."""
        upload = uploads.run(self.get_object(), at=self.now, user=self.person)
        return self._shown(upload)

    @extend_schema(responses=serializers.ReportSerializer)
    @action(detail=True, methods=["get"])
    def report(self, request: Request, pk: str) -> Response:
        """What became of every row, or after validating what would."""
        report = self.get_object().report
        if not report:
            raise _not_there(uploads.NoReportYet())
        return Response(serializers.ReportSerializer(report).data)

    @extend_schema(
        responses={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, "CSV, to be mended")}
    )
    @action(detail=True, methods=["get"], url_path="refused-rows")
    def refused_rows(self, request: Request, pk: str) -> HttpResponse:
        """The rows left out as CSV: all columns of the file, the row's number and the reasons."""
        upload = self.get_object()
        try:
            content = uploads.refused(upload)
        except (uploads.NoReportYet, uploads.FileNotKept) as refusal:
            raise _not_there(refusal) from refusal
        headers = {"Content-Disposition": f'attachment; filename="refused-{upload.pk}.csv"'}
        return HttpResponse(content, content_type="text/csv; charset=utf-8", headers=headers)

    def _shown(self, upload: ImportUpload) -> Response:
        upload.refresh_from_db(fields=["updated_at"])
        return Response(self.get_serializer(upload).data)


@contextmanager
def _on_disk(file: UploadedFile) -> Iterator[Path]:
    """The uploaded file under its own name, as readers of files want it; 413 when too large."""
    if file.size > settings.IMPORT_MAX_BYTES:
        raise _too_large()
    with TemporaryDirectory(prefix="prospectflow-") as directory:
        path = Path(directory, uploads.file_name(file.name))
        with path.open("wb") as copy:
            for chunk in file.chunks():
                copy.write(chunk)
        yield path


@contextmanager
def _refusals_of(field: str) -> Iterator[None]:
    """What is wrong with the file is wrong with a field of the request."""
    try:
        yield
    except FileRefused as refusal:
        fault = ErrorDetail(str(refusal), screaming(type(refusal).__name__).lower())
        raise ValidationError({field: [fault]}) from refusal


def _not_there(refusal: DomainError) -> Problem:
    return Problem(404, screaming(type(refusal).__name__), str(refusal))


def _too_large() -> Problem:
    limit = f"{settings.IMPORT_MAX_BYTES:,}"
    return Problem(413, "FILE_TOO_LARGE", f"A file has at most {limit} bytes: send it in parts.")
