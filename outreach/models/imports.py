"""Files of prospects that were brought in, what was found in them, and how far they have come."""

from django.db import models
from django.db.models import F, Q

from crm.importing.report import Problem
from outreach.states import UPLOAD_MOVES, ProblemKind, UploadStatus
from prospectflow.choices import known
from prospectflow.tenancy.fields import TenantForeignKey, UserReference
from prospectflow.tenancy.models import TenantModel


class ImportUpload(TenantModel):
    """A file of prospects that somebody brought in, and what became of it.

    The rows that it makes carry its id, with the row's number in the last four bytes.
    """

    Status = UploadStatus
    MOVES = UPLOAD_MOVES

    campaign = TenantForeignKey(
        "outreach.Campaign", models.DB_SET_NULL, null=True, blank=True, related_name="uploads"
    )
    uploaded_by = UserReference(null=True, blank=True, related_name="+")
    filename = models.TextField()
    file_size = models.BigIntegerField(help_text="Bytes.")
    file_sha256 = models.CharField("file's SHA-256", max_length=64)
    format = models.JSONField(
        default=dict, db_default={}, blank=True, help_text="Kind, encoding, delimiter, sheets."
    )
    profile = models.TextField(blank=True, default="", db_default="")
    detected_columns = models.JSONField(default=list, db_default=[], blank=True)
    samples = models.JSONField(
        default=dict, db_default={}, blank=True, help_text="Column → its first values."
    )
    column_mappings = models.JSONField(default=dict, db_default={}, blank=True)
    row_count = models.IntegerField(null=True, blank=True)
    parse_errors = models.JSONField(default=list, db_default=[], blank=True)
    report = models.JSONField(default=dict, db_default={}, blank=True)
    status = models.TextField(
        choices=UploadStatus, default=UploadStatus.UPLOADED, db_default=UploadStatus.UPLOADED
    )
    uploaded_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)
    rows_read = models.IntegerField(
        default=0, db_default=0, editable=False, help_text="Rows that the present stage has read."
    )
    rows_done = models.IntegerField(
        default=0,
        db_default=0,
        editable=False,
        help_text="The last row of the file whose chunk was stored.",
    )
    stop_requested = models.BooleanField(default=False, db_default=False, editable=False)
    contacted_allowed_by = UserReference(
        null=True,
        blank=True,
        related_name="+",
        help_text="Who lets in people that another campaign wrote to lately.",
    )
    contacted_allowed_at = models.DateTimeField(null=True, blank=True)
    stands_on = models.JSONField(
        default=dict,
        db_default={},
        blank=True,
        editable=False,
        help_text="Earlier import → how many of its rows this one found known.",
    )

    class Meta(TenantModel.Meta):
        db_table = "import_uploads"
        constraints = [
            *TenantModel.Meta.constraints,
            known("status", UploadStatus, name="import_uploads_status_known"),
            models.CheckConstraint(
                condition=Q(file_size__gt=0), name="import_uploads_file_size_positive"
            ),
            models.CheckConstraint(
                condition=Q(row_count__gte=0), name="import_uploads_row_count_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(rows_done__gte=0, rows_read__gte=0),
                name="import_uploads_progress_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(finished_at__gte=F("started_at")),
                name="import_uploads_finished_after_start",
            ),
        ]
        indexes = [
            models.Index(
                fields=["organisation", "-uploaded_at", "id"], name="import_uploads_newest"
            )
        ]

    def __str__(self) -> str:
        return self.filename


class ImportFilePart(TenantModel):
    """A piece of an uploaded file; all of them, in order, are the file."""

    upload = TenantForeignKey(ImportUpload, models.DB_CASCADE, related_name="parts", db_index=False)
    number = models.IntegerField()
    content = models.BinaryField()

    class Meta(TenantModel.Meta):
        db_table = "import_file_parts"
        constraints = [
            *TenantModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["organisation", "upload", "number"], name="import_file_parts_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.upload_id} {self.number}"


class ImportProblem(TenantModel):
    """One thing wrong with one cell or one row of an uploaded file."""

    Kind = ProblemKind

    upload = TenantForeignKey(
        ImportUpload, models.DB_CASCADE, related_name="problems", db_index=False
    )
    row = models.IntegerField(help_text="As a spreadsheet counts: the header is row 1.")
    kind = models.TextField(choices=ProblemKind)
    column = models.TextField(blank=True, default="", db_default="")
    value = models.TextField(blank=True, default="", db_default="")
    code = models.TextField()
    detail = models.JSONField(default=dict, db_default={}, blank=True)

    class Meta(TenantModel.Meta):
        db_table = "import_problems"
        constraints = [
            *TenantModel.Meta.constraints,
            known("kind", ProblemKind, name="import_problems_kind_known"),
        ]
        indexes = [
            models.Index(
                fields=["organisation", "upload", "row", "id"], name="import_problems_in_order"
            )
        ]

    def __str__(self) -> str:
        return f"row {self.row}: {self.code}"

    def said(self, language: str) -> str:
        """What is wrong, in a sentence."""
        cell = (self.row, self.kind, self.column, self.value)
        return Problem(*cell, self.code, self.detail).said(language)


class ImportMapping(TenantModel):
    """What the columns of one kind of file mean, as somebody settled it last."""

    header_digest = models.CharField(max_length=64, help_text="SHA-256 of the header's names.")
    profile = models.TextField()
    column_mappings = models.JSONField(default=dict, db_default={})
    settled_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        db_table = "import_mappings"
        constraints = [
            *TenantModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["organisation", "header_digest"], name="import_mappings_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.profile} {self.header_digest[:12]}"


class AddressCheck(TenantModel):
    """One round of asking the domains of all addresses whether they take mail."""

    asked_by = UserReference(null=True, blank=True, related_name="+")
    asked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_position = models.UUIDField(null=True, blank=True, editable=False)
    report = models.JSONField(default=dict, db_default={}, blank=True, editable=False)

    class Meta(TenantModel.Meta):
        db_table = "address_checks"
        indexes = [
            models.Index(fields=["organisation", "-asked_at", "id"], name="address_checks_newest")
        ]

    def __str__(self) -> str:
        return f"{self.asked_at:%Y-%m-%d %H:%M}"
