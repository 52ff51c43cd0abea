"""Bringing a file of prospects in, and writing down what became of it."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import transaction

from crm.importing.report import Report
from crm.importing.services import import_prospects
from iam.services import record
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
            upload = ImportUpload(
                filename=path.name,
                file_size=path.stat().st_size,
                file_sha256=report.sha256,
                profile=report.profile,
                row_count=report.rows,
                uploaded_by=user,
                uploaded_at=at,
            )
            for status in (UploadStatus.MAPPED, UploadStatus.VALIDATING, UploadStatus.IMPORTING):
                move(upload, "status", status, ImportUpload.MOVES)
            finish(upload, report, at=at, user=user)
    return report


def finish(
    upload: ImportUpload, report: Report, *, at: datetime, user: "User | None" = None
) -> ImportUpload:
    """Write down what became of the file, once for all its rows, and tell the programs."""
    upload.report = report.as_dict()
    move(upload, "status", UploadStatus.COMPLETED, ImportUpload.MOVES)
    upload.save()
    text = f"{upload.filename}: {report.rows_imported} of {report.rows} rows"
    record("imported", at=at, user=user, target=upload, text=text)
    numbers = {"rows": report.rows, "filename": upload.filename}
    announce(WebhookEvent.IMPORT_FINISHED, {"import": str(upload.pk)} | numbers, at=at)
    return upload
