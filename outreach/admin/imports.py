"""Pages for imported files, and for the checks of addresses."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.decorators import display

from iam.roles import may
from iam.tenant_admin import TenantAdmin, linked
from outreach.models import AddressCheck, ImportUpload
from outreach.states import UploadStatus

UPLOAD_COLOURS = {
    UploadStatus.VALIDATING: "info",
    UploadStatus.IMPORTING: "info",
    UploadStatus.UNDOING: "info",
    UploadStatus.COMPLETED: "success",
    UploadStatus.CANCELLED: "warning",
    UploadStatus.VALIDATION_FAILED: "danger",
    UploadStatus.FAILED: "danger",
}
# What a check reports, in the order in which people look at it.
LEVELS = {
    "syntax": "looked at",
    "accepts": "domain takes mail",
    "refuses": "domain takes none",
    "unknown": "domain did not say",
    "role": "of a role",
    "free": "at a mail provider",
    "disposable": "throw-away",
    "catch_all": "domain takes every address",
    "domains_asked": "domains asked",
    "made_invalid": "became invalid",
    "given_back": "valid again",
}


@admin.register(ImportUpload)
class ImportUploadAdmin(TenantAdmin):
    """Files of prospects, and what became of them."""

    read_only = True
    list_display = ["file", "state", "rows", "who", "uploaded_at"]
    list_display_links = None
    list_filter = ["status"]
    list_select_related = ["uploaded_by"]
    search_fields = ["filename"]
    ordering = ["-uploaded_at", "id"]
    fields = [
        ("file", "file_size", "file_sha256"),
        ("state", "profile", "row_count"),
        ("who", "uploaded_at", "campaign"),
        ("started_at", "finished_at", "rows_done"),
        "detected_columns",
        "column_mappings",
        "parse_errors",
    ]
    readonly_fields = ["file", "state", "who", "started_at", "finished_at", "rows_done"]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).defer("samples", "stands_on")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        may_upload = may(request.membership, "change")
        return super().changelist_view(request, {"may_upload": may_upload} | (extra_context or {}))

    @display(description="File", ordering="filename")
    def file(self, upload: ImportUpload) -> SafeString:
        return linked(reverse("console:import", args=[upload.pk]), upload.filename)

    @display(description="State", ordering="status", label=UPLOAD_COLOURS)
    def state(self, upload: ImportUpload) -> tuple[str, str]:
        return upload.status, upload.get_status_display()

    @display(description="Rows", ordering="row_count")
    def rows(self, upload: ImportUpload) -> str:
        if upload.row_count is None:
            return "–"
        valid = upload.report.get("rows_imported")
        word = "taken in" if upload.status == UploadStatus.COMPLETED else "valid"
        return f"{upload.row_count:,}" + (f" · {valid:,} {word}" if valid is not None else "")

    @display(description="By", ordering="uploaded_by__email")
    def who(self, upload: ImportUpload) -> str:
        return str(upload.uploaded_by) if upload.uploaded_by else "–"


@admin.register(AddressCheck)
class AddressCheckAdmin(TenantAdmin):
    """Rounds of asking the domains of all addresses whether they take mail."""

    read_only = True
    list_display = ["asked_at", "state", "levels", "who"]
    list_select_related = ["asked_by"]
    ordering = ["-asked_at", "id"]
    fields = [("asked_at", "finished_at", "who"), "levels"]
    readonly_fields = ["asked_at", "finished_at", "who", "levels"]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        may_check = may(request.membership, "change")
        return super().changelist_view(request, {"may_check": may_check} | (extra_context or {}))

    @display(description="State", label={"finished": "success", "running": "info"})
    def state(self, check: AddressCheck) -> str:
        return "finished" if check.finished_at else "running"

    @display(description="Addresses")
    def levels(self, check: AddressCheck) -> str:
        found = {name: check.report.get(name, 0) for name in LEVELS}
        told = [f"{found[name]:,} {words}" for name, words in LEVELS.items() if found[name]]
        return " · ".join(told) or "none yet"

    @display(description="By", ordering="asked_by__email")
    def who(self, check: AddressCheck) -> str:
        return str(check.asked_by) if check.asked_by else "–"
