"""Bringing a file of prospects in, and writing down what became of it."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import transaction

from crm.importing.report import Report
from crm.importing.services import import_prospects
from outreach.models import ImportUpload
from outreach.services.webhooks import announce
from outreach.states import UploadStatus, WebhookEvent
from prospectflow.choices import move

if TYPE_CHECKING:
    from iam.models import User


def import_file(
    path: Path,
    *,
    at: datetime,
    profile: str | None = None,
    dry_run: bool = False,
    user: "User | None" = None,
) -> Report:
    """Import the file into the organisation that is served, whole or not at all.

    Raises the refusals of crm.importing; nothing is left behind then. A dry run reports the
    same and writes nothing.
    """
    with transaction.atomic():
        report = import_prospects(path, at=at, profile=profile, dry_run=dry_run)
        if not dry_run:
            _write_down(path, report, at, user)
    return report


def _write_down(path: Path, report: Report, at: datetime, user: "User | None") -> ImportUpload:
    upload = ImportUpload.objects.create(
        filename=path.name,
        file_size=path.stat().st_size,
        file_sha256=report.sha256,
        profile=report.profile,
        row_count=report.rows,
        report=report.as_dict(),
        uploaded_by=user,
        uploaded_at=at,
    )
    for status in (
        UploadStatus.MAPPED,
        UploadStatus.VALIDATING,
        UploadStatus.IMPORTING,
        UploadStatus.COMPLETED,
    ):
        move(upload, "status", status, ImportUpload.MOVES)
    upload.save(update_fields=["status"])
    numbers = {"rows": report.rows, "filename": upload.filename}
    announce(WebhookEvent.IMPORT_FINISHED, {"import": str(upload.pk)} | numbers, at=at)
    return upload
