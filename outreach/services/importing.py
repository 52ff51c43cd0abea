"""What a worker does with an uploaded file: reads it, works it out, stores it chunk by chunk.

Killed at any moment it is begun again from the file: what was stored is met again and not stored
twice, and the import goes on after the last row it noted.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError

from crm.importing.engine import Import
from crm.importing.errors import FileRefused, ReaderKilled
from crm.importing.profiles import choose
from crm.importing.reading import open_source
from crm.importing.report import Report
from crm.importing.staging import ask, run, working_tables
from iam.services import record
from outreach.models import Campaign, ImportUpload
from outreach.services.enrolling_imported import enroll_imported
from outreach.services.files import as_file, limits
from outreach.services.row_refusals import refusals_for
from outreach.services.stages import Clock, Stopping, Told, Working, go_through
from outreach.services.undoing import left_rows
from outreach.services.uploads import begin, columns_of, receive
from outreach.services.webhooks import announce
from outreach.states import UploadStatus, WebhookEvent
from prospectflow.choices import move
from prospectflow.errors import DomainError
from prospectflow.instruments import (
    DUPLICATE_CHECKS,
    DUPLICATE_SECONDS,
    DUPLICATES,
    PROSPECTS,
    count_bucket,
)
from prospectflow.tenancy.context import tenant

if TYPE_CHECKING:
    from iam.models import User

TRIES = 3


class MetAnother(DomainError):
    """Somebody stored the same company or person at that moment, again and again: run it again."""


def perform_validation(
    organisation_id: UUID, upload_id: UUID, *, clock: Clock, stopping: Stopping = lambda: False
) -> None:
    """Read every row and report on it as an import would; nothing of the file is stored."""
    stage = UploadStatus.VALIDATING
    go_through(Working(organisation_id, upload_id, stage, clock, stopping), _validate)


def perform_import(
    organisation_id: UUID,
    upload_id: UUID,
    *,
    clock: Clock,
    stopping: Stopping = lambda: False,
    told: Told = lambda stage, rows, of: None,
) -> None:
    """Store the file's prospects, from the row on that was noted last."""
    stage = UploadStatus.IMPORTING
    go_through(Working(organisation_id, upload_id, stage, clock, stopping, told), _import)


def _validate(working: Working) -> None:
    with _read(working) as (job, rows), tenant(working.organisation_id):
        report = _work_out(working, job, rows, dry_run=True)
        fit = report.rows_imported > 0
        working.close(UploadStatus.MAPPED if fit else UploadStatus.VALIDATION_FAILED)
    PROSPECTS.labels(working.organisation_id, "validated").inc(rows)


def _import(working: Working) -> None:
    with _read(working) as (job, rows):
        again = bool(working.upload.report)
        with tenant(working.organisation_id):
            _work_out(working, job, rows, dry_run=False)
        _store(working, job, rows, again=again)
        enrolled = enroll_imported(working.upload, at=working.clock(), ends=working.end_if_asked)
    with tenant(working.organisation_id):
        _finish(working, enrolled)


def import_here(  # noqa: PLR0913 - each says one thing of the file, or of its import
    organisation_id: UUID,
    path: Path,
    *,
    clock: Clock,
    profile: str | None = None,
    sheet: str | None = None,
    campaign: Campaign | None = None,
    user: "User | None" = None,
    stopping: Stopping = lambda: False,
    told: Told = lambda stage, rows, of: None,
) -> ImportUpload:
    """Import a file in this process, without the queue; opens its own scopes.

    Raises FileRefused when the file cannot be used; nothing of it is kept then. One that was
    stopped is cancelled: whole chunks of it stay, or nothing.
    """
    with tenant(organisation_id):
        upload = receive(
            path, at=clock(), profile=profile, sheet=sheet, campaign=campaign, user=user
        )
        for sentence in upload.parse_errors:
            raise FileRefused(sentence)
        upload = begin(upload, at=clock())
    try:
        perform_import(organisation_id, upload.pk, clock=clock, stopping=stopping, told=told)
    finally:
        upload = _left_behind(organisation_id, upload.pk, clock)
    for sentence in upload.parse_errors:
        raise FileRefused(sentence)
    return upload


def _left_behind(organisation_id: UUID, upload_id: UUID, clock: Clock) -> ImportUpload:
    """What became of an import of this process; one that left no rows is forgotten."""
    with tenant(organisation_id):
        upload = ImportUpload.objects.select_for_update().get(pk=upload_id)
        if upload.status == UploadStatus.IMPORTING:
            move(upload, "status", UploadStatus.CANCELLED, ImportUpload.MOVES)
            upload.finished_at = max(clock(), upload.started_at or clock())
            upload.save(update_fields=["status", "finished_at"])
        if upload.status != UploadStatus.COMPLETED and not left_rows(upload):
            ImportUpload.objects.filter(pk=upload_id).delete()
        return upload


@contextmanager
def _read(working: Working) -> Iterator[tuple[Import, int]]:
    """The file's rows in the working tables of this session."""
    upload = working.upload
    with ExitStack() as stack:
        with tenant(working.organisation_id):
            path = stack.enter_context(as_file(upload))
        stack.enter_context(working_tables())
        sheet = upload.format.get("sheet") or None
        source = open_source(path, name=upload.filename, sheet=sheet, limits=limits())
        mapped = choose(source.headers, upload.profile, columns_of(upload))
        job = Import(upload.pk, source, mapped, upload.uploaded_at)
        try:
            rows = job.read(processes=settings.IMPORT_PROCESSES, progress=working.read_so_far)
        except ReaderKilled:
            working.end_if_asked()  # the same hand may have told all processes to end
            raise
        yield job, rows


def _work_out(
    working: Working, job: Import, rows: int, *, dry_run: bool, anew: bool = False
) -> Report:
    """What the rows mean; told once, before anything of the file is stored, else `anew`."""
    upload = working.upload
    working.told("working out", rows, None)
    working.end_if_cancelled()
    begun = perf_counter()
    job.work_out(refusals_for(upload, now=working.clock()))
    if anew:
        run(SAID_AGAIN)
    report = job.report(rows, dry_run=dry_run)
    _count_duplicates(report, seconds=perf_counter() - begun)
    if anew or not upload.report:
        upload.problems.all().delete()
        run(TELL, {"upload": upload.pk})
        upload.report, upload.stands_on = report.as_dict(), {}
    upload.stands_on = upload.stands_on | _stands_on(upload)
    upload.row_count = upload.rows_read = rows
    upload.save(update_fields=["report", "stands_on", "row_count", "rows_read"])
    return report


def _count_duplicates(report: Report, *, seconds: float) -> None:
    """Rows that repeat another, are in the campaign already, or were written to lately."""
    DUPLICATE_CHECKS.inc()
    DUPLICATE_SECONDS.labels(count_bucket(report.rows)).observe(seconds)
    met = {code: times for codes in report.codes.values() for code, times in codes.items()}
    known = met.get("already_in_campaign", 0) + met.get("recently_contacted", 0)
    DUPLICATES.inc(report.rows_duplicate + known)


TELL = """
INSERT INTO outreach.import_problems (upload_id, row, kind, "column", value, code, detail)
SELECT %(upload)s, row, kind, coalesce("column", ''), coalesce(value, ''), code,
    coalesce(detail, '{}')
FROM pg_temp.staged_problems ORDER BY row
"""
# An imported row's id begins as its import's does.
STANDS_ON = """
WITH known AS (
    SELECT left(id::text, 28) AS made_by FROM pg_temp.placed WHERE known
    UNION ALL SELECT left(id::text, 28) FROM pg_temp.file_people WHERE known
    UNION ALL SELECT left(id::text, 28) FROM pg_temp.file_companies WHERE known
)
SELECT u.id::text, count(*) FROM known JOIN outreach.import_uploads AS u
    ON left(u.id::text, 28) = known.made_by
WHERE u.id <> %(upload)s GROUP BY u.id
"""


# A row says the same of itself when it is worked out again.
SAID_AGAIN = """
DELETE FROM pg_temp.staged_problems AS said USING pg_temp.staged_problems AS before
WHERE said.row = before.row AND said::text = before::text AND said.ctid > before.ctid
"""


def _stands_on(upload: ImportUpload) -> dict[str, int]:
    """The earlier imports whose rows this one found known, so that none is undone below it."""
    return dict(ask(STANDS_ON, {"upload": upload.pk}))


def _store(working: Working, job: Import, rows: int, *, again: bool) -> None:
    """Store the chunks that are left; what others stored meanwhile is met by working out again."""
    begun = again
    for _ in range(TRIES):
        try:
            job.store(
                working.storing,
                after=working.rows_done(),
                again=again,
                done=working.stored_up_to,
                ends=working.end_if_asked,
            )
        except IntegrityError:
            again = True
            with tenant(working.organisation_id):
                _work_out(working, job, rows, dry_run=False, anew=not (begun or working.stored))
            continue
        return
    raise MetAnother


def _finish(working: Working, enrolled: dict[str, object]) -> None:
    """Write down what became of the file, once for all its rows, and tell the programs."""
    upload = working.upload
    upload.report = report = upload.report | enrolled
    if not working.close(UploadStatus.COMPLETED):
        return
    upload.save(update_fields=["report"])
    at, text = working.clock(), f"{report['rows_imported']} of {report['rows']} rows"
    text = f"{upload.filename}: {text}"
    record("imported", at=at, user=upload.uploaded_by, target=upload, text=text)
    numbers = {"rows": report["rows"], "filename": upload.filename}
    announce(WebhookEvent.IMPORT_FINISHED, {"import": str(upload.pk)} | numbers, at=at)
    PROSPECTS.labels(working.organisation_id, "imported").inc(report["rows_imported"])
