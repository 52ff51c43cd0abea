"""A file on its way in, stage by stage: received, its columns mapped, validated, run.

The server keeps the file and what was said of its columns, so that what is imported is what was
looked at. A file that proves unusable at a stage is told by its state and sentence, not raised.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction

from crm.importing.errors import FileRefused, UnknownColumn
from crm.importing.profiles import choose, profile_of
from crm.importing.reading import open_table
from crm.importing.refused import refused_rows
from crm.importing.report import Problem, Report
from crm.importing.services import import_prospects
from outreach.models import Campaign, ImportUpload
from outreach.services.importing import finish
from outreach.states import UploadStatus
from prospectflow.choices import move
from prospectflow.errors import DomainError
from prospectflow.tenancy.context import tenant

if TYPE_CHECKING:
    from iam.models import User

NAME_LENGTH = 60  # characters: with four bytes each still a file's name


class FileNotKept(DomainError):
    """The file itself is not kept, only what is known of it: upload it again to read its rows."""


class NoReportYet(DomainError):
    """Nothing is known of the rows yet: validate or run the import first."""


class ImportStands(DomainError):
    """What was imported stays in the record of imports; only a file not imported can go."""


@transaction.atomic
def receive(
    file: Path,
    *,
    at: datetime,
    profile: str | None = None,
    campaign: Campaign | None = None,
    user: "User | None" = None,
) -> ImportUpload:
    """Keep the file and what its columns seem to mean; FileRefused when it is no usable CSV.

    Where a required column was not recognised, or two mean the same, it waits to be mapped.
    """
    table = open_table(file)
    chosen = profile_of(table.headers, profile)
    content = file.read_bytes()
    upload = ImportUpload(
        filename=file.name,
        file_size=len(content),
        file_sha256=hashlib.sha256(content).hexdigest(),
        file_buffer=content,
        profile=chosen.name,
        detected_columns=list(table.headers),
        column_mappings=chosen.suggested(table.headers),
        campaign=campaign,
        uploaded_by=user,
        uploaded_at=at,
    )
    try:
        _settle(upload)
    except FileRefused as refusal:
        upload.parse_errors = [str(refusal)]
    upload.save()
    return upload


@transaction.atomic
def map_columns(
    upload: ImportUpload, *, columns: Mapping[str, str], profile: str | None = None
) -> ImportUpload:
    """Say what some columns mean; the others stay as they are, or as another profile reads them.

    Raises UnknownColumn, UnknownTarget, ColumnsCollide or ColumnMissing, and IllegalMove once
    the file was imported.
    """
    upload = _locked(upload)
    if profile and profile != upload.profile:
        upload.column_mappings = profile_of((), profile).suggested(upload.detected_columns)
        upload.profile = profile
    for header, target in columns.items():
        if header not in upload.detected_columns:
            raise UnknownColumn(f"The file has no column “{header}”.")
        upload.column_mappings[header] = target
    _settle(upload)
    upload.parse_errors, upload.report = [], {}
    upload.save()
    return upload


@transaction.atomic
def validate(upload: ImportUpload, *, at: datetime) -> ImportUpload:
    """Read every row and report on it as an import would; nothing of the file is stored."""
    upload = _locked(upload)
    move(upload, "status", UploadStatus.VALIDATING, ImportUpload.MOVES)
    report = _read(upload, at=at, dry_run=True)
    fit = report is not None and report.rows_imported > 0
    to = UploadStatus.MAPPED if fit else UploadStatus.VALIDATION_FAILED
    move(upload, "status", to, ImportUpload.MOVES)
    upload.save()
    return upload


@transaction.atomic
def run(upload: ImportUpload, *, at: datetime, user: "User | None" = None) -> ImportUpload:
    """Import the file as it is mapped, whole or not at all; every row is read and checked anew."""
    upload = _locked(upload)
    move(upload, "status", UploadStatus.VALIDATING, ImportUpload.MOVES)
    move(upload, "status", UploadStatus.IMPORTING, ImportUpload.MOVES)
    report = _read(upload, at=at, dry_run=False)
    if report is None:
        move(upload, "status", UploadStatus.FAILED, ImportUpload.MOVES)
        upload.save()
        return upload
    return finish(upload, report, at=at, user=user)


def refused(upload: ImportUpload) -> str:
    """CSV of the rows that were, or would be, left out; raises NoReportYet or FileNotKept."""
    if not upload.report:
        raise NoReportYet
    found = upload.report["refused"] + upload.report["duplicates"]
    with _as_file(upload) as path:
        return "".join(refused_rows(path, [Problem(**each) for each in found]))


@transaction.atomic
def discard(upload: ImportUpload) -> None:
    """Forget a file that was not imported; ImportStands for one that was."""
    if _locked(upload).status == UploadStatus.COMPLETED:
        raise ImportStands
    upload.delete()


def forget_files(organisation_id: UUID, *, before: datetime) -> int:
    """Forget the bytes of older files; what is known of them stays. Returns how many files."""
    with tenant(organisation_id):
        old = ImportUpload.objects.filter(uploaded_at__lt=before, file_buffer__isnull=False)
        return old.update(file_buffer=None)


def _settle(upload: ImportUpload) -> None:
    """The columns can be read like this: the file waits for its import."""
    choose(upload.detected_columns, upload.profile, _columns(upload))
    if upload.status != UploadStatus.MAPPED:
        move(upload, "status", UploadStatus.MAPPED, ImportUpload.MOVES)


def _columns(upload: ImportUpload) -> dict[str, str]:
    """The mapping in the order of the file, which PostgreSQL's jsonb does not keep."""
    return {header: upload.column_mappings[header] for header in upload.detected_columns}


def _read(upload: ImportUpload, *, at: datetime, dry_run: bool) -> Report | None:
    """What the rows are; nothing, and the sentence in the upload, where they cannot be read."""
    upload.parse_errors, upload.report = [], {}
    try:
        with _as_file(upload) as path:
            report = import_prospects(
                path, at=at, profile=upload.profile, columns=_columns(upload), dry_run=dry_run
            )
    except FileRefused as refusal:
        upload.parse_errors = [str(refusal)]
        return None
    upload.report, upload.row_count = report.as_dict(), report.rows
    return report


@contextmanager
def _as_file(upload: ImportUpload) -> Iterator[Path]:
    """The file under its own name, for as long as somebody reads it."""
    content = ImportUpload.objects.values_list("file_buffer", flat=True).get(pk=upload.pk)
    if content is None:
        raise FileNotKept
    with TemporaryDirectory(prefix="prospectflow-") as directory:
        path = Path(directory, upload.filename)
        path.write_bytes(content)
        yield path


def file_name(text: str | None) -> str:
    """A name that every file system takes, as near to the given one as can be."""
    name = "".join(each for each in text or "" if each.isprintable() and each not in '/\\:*?"<>|')
    return name.strip(". ")[-NAME_LENGTH:] or "prospects.csv"


def _locked(upload: ImportUpload) -> ImportUpload:
    """The upload without its file, which no change writes again."""
    return ImportUpload.objects.select_for_update().defer("file_buffer").get(pk=upload.pk)
