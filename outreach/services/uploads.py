"""A file on its way in, stage by stage: received, its columns mapped, validated, imported.

The server keeps the file and what was said of its columns, so that what is imported is what was
looked at. Reading and storing are a worker's; here stands what people and programs ask for.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import QuerySet

from crm.importing.errors import FileRefused, UnknownColumn
from crm.importing.profiles import choose, profile_of
from crm.importing.reading import Source, open_source
from iam.services import record
from outreach.models import Campaign, ImportMapping, ImportProblem, ImportUpload
from outreach.services.files import FileNotKept, file_name, keep, limits
from outreach.services.stages import ENDED, cancelled_to, end, somebody_works
from outreach.services.undoing import left_rows, refuse_what_cannot_go
from outreach.states import ProblemKind, UploadStatus
from prospectflow.choices import move
from prospectflow.errors import DomainError
from prospectflow.instruments import DUPLICATE_OVERRIDES
from prospectflow.queue import defer, is_under_way

if TYPE_CHECKING:
    from iam.models import User

SAMPLES, SAMPLED_ROWS, SAMPLE_LENGTH = 3, 200, 80
ENDED_FOR_GOOD = (UploadStatus.COMPLETED, UploadStatus.UNDOING, UploadStatus.UNDONE)
WORKING = (UploadStatus.VALIDATING, UploadStatus.IMPORTING, UploadStatus.UNDOING)


class NoReportYet(DomainError):
    """Nothing is known of the rows yet: validate or run the import first."""


class ImportStands(DomainError):
    """What was imported stays in the record of imports; only a file not imported can go."""


class WorkedOn(DomainError):
    """A worker is busy with this file: wait until it has ended, or cancel it first."""


class PartlyImported(DomainError):
    """Part of the file is imported with its columns as they were: go on with it, or undo it."""


class NothingToStop(DomainError):
    """Nothing runs for this file: there is nothing to cancel."""


class NobodyToLetIn(DomainError):
    """This file is for no campaign: there is none to let people into."""


class ImportEnded(DomainError):
    """The import has ended: whom it left out can be taken into the campaign by hand."""


@transaction.atomic
def receive(  # noqa: PLR0913 - each says one thing of the file
    file: Path,
    *,
    at: datetime,
    name: str | None = None,
    sheet: str | None = None,
    profile: str | None = None,
    campaign: Campaign | None = None,
    user: "User | None" = None,
) -> ImportUpload:
    """Keep the file and what its columns seem to mean; FileRefused when it cannot be read.

    Columns that were settled for such a file before mean the same again. Where a required column
    was not recognised, or two mean the same, the file waits to be mapped.
    """
    source = open_source(file, name=file_name(name or file.name), sheet=sheet, limits=limits())
    upload = ImportUpload(
        filename=source.name,
        file_size=file.stat().st_size,
        file_sha256=source.sha256,
        format=_format(source),
        detected_columns=list(source.headers),
        samples=_samples(source),
        campaign=campaign,
        uploaded_by=user,
        uploaded_at=at,
    )
    upload.profile, upload.column_mappings = suggested(source.headers, profile)
    try:
        _settle(upload)
    except FileRefused as refusal:
        upload.parse_errors = [str(refusal)]
    upload.save()
    keep(upload, file)
    return upload


@transaction.atomic
def map_columns(
    upload: ImportUpload, *, columns: Mapping[str, str], at: datetime, profile: str | None = None
) -> ImportUpload:
    """Say what some columns mean; the others stay as they are, or as another profile reads them.

    It is remembered for files with the same header. Raises UnknownColumn, UnknownTarget,
    ColumnsCollide, ColumnMissing, WorkedOn, PartlyImported, and IllegalMove once it was imported.
    """
    upload = locked(upload)
    if upload.status in WORKING:
        raise WorkedOn
    if left_rows(upload):
        raise PartlyImported
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
    _remember(upload, at)
    return upload


@transaction.atomic
def validate(upload: ImportUpload, *, at: datetime) -> ImportUpload:
    """Have a worker read every row and report on it as an import would; nothing is stored.

    Raises IllegalMove or FileNotKept.
    """
    upload = locked(upload)
    _begin(upload, UploadStatus.VALIDATING, at)
    upload.report = {}
    upload.save()
    defer("outreach.validate_upload", organisation_id=upload.organisation_id, upload_id=upload.pk)
    return upload


@transaction.atomic
def run(upload: ImportUpload, *, at: datetime) -> ImportUpload:
    """Have a worker import the file as it is mapped; what ended early goes on where it was."""
    upload = begin(upload, at=at)
    defer("outreach.import_upload", organisation_id=upload.organisation_id, upload_id=upload.pk)
    return upload


@transaction.atomic
def begin(upload: ImportUpload, *, at: datetime) -> ImportUpload:
    """The import of the file begins, or goes on; raises IllegalMove or FileNotKept."""
    upload = locked(upload)
    _begin(upload, UploadStatus.IMPORTING, at)
    if not upload.rows_done:
        upload.report = {}
    upload.save()
    return upload


@transaction.atomic
def cancel(upload: ImportUpload) -> ImportUpload:
    """Ask the worker to stop: whole chunks stay, and the file says up to which row.

    What is left alone is stopped at once. Raises NothingToStop.
    """
    upload = locked(upload)
    if upload.status not in (UploadStatus.VALIDATING, UploadStatus.IMPORTING):
        raise NothingToStop
    if is_left_alone(upload):
        end(upload, cancelled_to(upload))
        upload.save(update_fields=ENDED)
        return upload
    upload.stop_requested = True
    upload.save(update_fields=["stop_requested"])
    return upload


@transaction.atomic
def allow_contacted(upload: ImportUpload, *, at: datetime, user: "User | None") -> ImportUpload:
    """Let the file's campaign take in people whom another one wrote to within 90 days.

    Who said so stands in the trail. The sender still keeps the 90 days between two mails. Raises
    NobodyToLetIn, or ImportEnded where it is too late.
    """
    upload = locked(upload)
    if upload.campaign_id is None:
        raise NobodyToLetIn
    if upload.status in ENDED_FOR_GOOD:
        raise ImportEnded
    upload.contacted_allowed_by, upload.contacted_allowed_at = user, at
    upload.save(update_fields=["contacted_allowed_by", "contacted_allowed_at"])
    text = f"{upload.filename}: people whom another campaign wrote to lately may be taken in"
    record("contacted_allowed", at=at, user=user, target=upload, text=text)
    DUPLICATE_OVERRIDES.inc()
    return upload


@transaction.atomic
def undo(upload: ImportUpload, *, at: datetime, user: "User | None" = None) -> ImportUpload:
    """Have a worker take away what this import alone made; the trail says who asked for it.

    Raises BeforeUndo, SomethingSent or OthersStandOnIt (outreach.services.undoing), and
    IllegalMove.
    """
    upload = locked(upload)
    _move_on(upload, UploadStatus.UNDOING)
    refuse_what_cannot_go(upload)
    upload.started_at, upload.finished_at = at, None
    upload.save()
    record("undo_asked", at=at, user=user, target=upload, text=upload.filename)
    defer("outreach.undo_upload", organisation_id=upload.organisation_id, upload_id=upload.pk)
    return upload


@transaction.atomic
def discard(upload: ImportUpload) -> None:
    """Forget a file that was not imported; ImportStands for one that was, or that is worked on."""
    upload = locked(upload)
    if stands(upload):
        raise ImportStands
    upload.delete()


def stands(upload: ImportUpload) -> bool:
    """Whether the file is imported, in part even, or a worker is at it: then it stays."""
    return upload.status in (UploadStatus.COMPLETED, *WORKING) or left_rows(upload)


def problems_of(upload: ImportUpload, *kinds: str) -> QuerySet[ImportProblem]:
    """What was found in the file's rows, in the order of the file; raises NoReportYet."""
    if not upload.report:
        raise NoReportYet
    found = ImportProblem.objects.filter(upload=upload).order_by("row", "id")
    return found.filter(kind__in=kinds) if kinds else found


LEFT_OUT = (ProblemKind.REFUSED, ProblemKind.DUPLICATE)


def suggested(headers: Sequence[str], profile: str | None) -> tuple[str, dict[str, str]]:
    """The profile, and what each column means: as settled before for such a file, else as read."""
    remembered = ImportMapping.objects.filter(header_digest=_digest(headers)).first()
    if remembered and profile in (None, remembered.profile):
        return remembered.profile, remembered.column_mappings
    chosen = profile_of(headers, profile)
    return chosen.name, chosen.suggested(headers)


def locked(upload: ImportUpload) -> ImportUpload:
    """The upload, as nobody else changes it until this transaction ends."""
    return ImportUpload.objects.select_for_update().get(pk=upload.pk)


def columns_of(upload: ImportUpload) -> dict[str, str]:
    """The mapping in the order of the file, which PostgreSQL's jsonb does not keep.

    A column of which it says nothing means what it seems to.
    """
    seems = profile_of(upload.detected_columns, upload.profile or None)
    columns = seems.suggested(upload.detected_columns) | upload.column_mappings
    return {header: columns[header] for header in upload.detected_columns}


def is_left_alone(upload: ImportUpload) -> bool:
    """Whether a stage was begun, and nobody is in it or will be: its process was killed.

    While somebody works on another file of the organisation, that cannot be known.
    """
    return (
        upload.status in WORKING
        and not is_under_way(upload_id=upload.pk)
        and not somebody_works(upload.organisation_id)
    )


def _move_on(upload: ImportUpload, status: str) -> None:
    """The stage begins; one that is left alone begins again. Raises IllegalMove."""
    if upload.status != status or not is_left_alone(upload):
        move(upload, "status", status, ImportUpload.MOVES)
    upload.parse_errors, upload.stop_requested = [], False


def _begin(upload: ImportUpload, status: str, at: datetime) -> None:
    _move_on(upload, status)
    upload.started_at, upload.finished_at = at, None
    upload.rows_read = 0
    if not upload.parts.exists():
        raise FileNotKept


def _settle(upload: ImportUpload) -> None:
    """The columns can be read like this: the file waits for its import."""
    choose(upload.detected_columns, upload.profile, columns_of(upload))
    if upload.status != UploadStatus.MAPPED:
        move(upload, "status", UploadStatus.MAPPED, ImportUpload.MOVES)


def _remember(upload: ImportUpload, at: datetime) -> None:
    ImportMapping.objects.update_or_create(
        header_digest=_digest(upload.detected_columns),
        defaults={
            "profile": upload.profile,
            "column_mappings": upload.column_mappings,
            "settled_at": at,
        },
    )


def _digest(headers: Iterable[str]) -> str:
    return hashlib.sha256(json.dumps(sorted(headers)).encode()).hexdigest()


def _format(source: Source) -> dict[str, object]:
    return {
        "kind": source.kind,
        "encoding": source.encoding,
        "delimiter": source.delimiter,
        "compression": source.compression,
        "sheet": source.sheet,
        "sheets": list(source.sheets),
    }


def _samples(source: Source) -> dict[str, list[str]]:
    """The first different values of each column, for people to recognise it by."""
    samples: dict[str, list[str]] = {header: [] for header in source.headers}
    batch = next(source.batches(SAMPLED_ROWS), None)
    for cells in batch.rows if batch else []:
        for header, cell in zip(source.headers, cells, strict=False):
            text, known = cell.strip()[:SAMPLE_LENGTH], samples[header]
            if text and text not in known and len(known) < SAMPLES:
                known.append(text)
    return samples
