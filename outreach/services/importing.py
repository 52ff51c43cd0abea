"""What a worker does with an uploaded file: reads it, works it out, stores it chunk by chunk.

Killed at any moment it is begun again from the file: what was stored is met again and not stored
twice, and the import goes on after the last row it noted.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, InterfaceError, OperationalError, connection

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
from outreach.services.undoing import left_rows
from outreach.services.uploads import begin, columns_of, receive
from outreach.services.webhooks import announce
from outreach.states import UploadStatus, WebhookEvent
from prospectflow.choices import move
from prospectflow.errors import DomainError
from prospectflow.tenancy.context import tenant

if TYPE_CHECKING:
    from iam.models import User

TOLD_EVERY = 0.5  # seconds
TRIES = 3

OUR_FAULT = "It failed for a reason that is not in the file; the worker's log says which."

logger = logging.getLogger(__name__)

type Clock = Callable[[], datetime]
type Stopping = Callable[[], bool]
# Told the stage, the rows it has done, and of how many where that is known.
type Told = Callable[[str, int, int | None], None]


class Stopped(Exception):
    """Somebody cancelled the import, or the worker is to end."""


class MetAnother(DomainError):
    """Somebody stored the same company or person at that moment, again and again: run it again."""


class Working:
    """One stage of one upload: how far it is, and whether it is to end."""

    def __init__(
        self,
        organisation_id: UUID,
        upload: ImportUpload,
        clock: Clock,
        stopping: Stopping,
        told: Told,
    ) -> None:
        self.organisation_id, self.upload = organisation_id, upload
        self.clock, self.stopping, self.told = clock, stopping, told
        self.cancelled, self.told_at = False, 0.0

    def read_so_far(self, rows: int) -> None:
        """Note the progress now and then; raises Stopped when somebody wants an end."""
        if time.monotonic() < self.told_at + TOLD_EVERY:
            return
        self.told_at = time.monotonic()
        self.told("reading", rows, None)
        with tenant(self.organisation_id):
            mine = ImportUpload.objects.filter(pk=self.upload.pk)
            mine.update(rows_read=rows)
            self.cancelled = mine.filter(stop_requested=True).exists()
        self.end_if_asked()

    def stored_up_to(self, row: int) -> None:
        """Note, in the transaction that stored it, how far the file is stored."""
        mine = ImportUpload.objects.filter(pk=self.upload.pk)
        mine.update(rows_done=row)
        self.cancelled = mine.filter(stop_requested=True).exists()
        self.upload.rows_done = row
        self.told("storing", row, self.upload.row_count)

    def end_if_asked(self) -> None:
        """Raises Stopped when somebody cancelled, or the worker is to end."""
        if self.cancelled or self.stopping():
            raise Stopped

    def fail(self, stage: str, sentence: str) -> None:
        """The stage cannot be ended; what of the file is stored stays stored."""
        importing = stage == UploadStatus.IMPORTING
        with tenant(self.organisation_id):
            self.close(
                UploadStatus.FAILED if importing else UploadStatus.VALIDATION_FAILED, sentence
            )

    def close(self, status: str, *problems: str) -> None:
        """The stage is over."""
        move(self.upload, "status", status, ImportUpload.MOVES)
        self.upload.parse_errors = list(problems)
        self.upload.finished_at = max(self.clock(), self.upload.started_at or self.clock())
        self.upload.stop_requested = False
        self.upload.save()


def perform_validation(
    organisation_id: UUID, upload_id: UUID, *, clock: Clock, stopping: Stopping = lambda: False
) -> None:
    """Read every row and report on it as an import would; nothing of the file is stored."""
    with _stage(organisation_id, upload_id, UploadStatus.VALIDATING, clock, stopping) as working:
        if working is None:
            return
        with _read(working) as (job, rows), tenant(organisation_id):
            report = _work_out(working, job, rows, dry_run=True)
            fit = report.rows_imported > 0
            working.close(UploadStatus.MAPPED if fit else UploadStatus.VALIDATION_FAILED)


def perform_import(
    organisation_id: UUID,
    upload_id: UUID,
    *,
    clock: Clock,
    stopping: Stopping = lambda: False,
    told: Told = lambda stage, rows, of: None,
) -> None:
    """Store the file's prospects, from the row on that was noted last."""
    importing = UploadStatus.IMPORTING
    with _stage(organisation_id, upload_id, importing, clock, stopping, told) as working:
        if working is None:
            return
        with _read(working) as (job, rows):
            again = bool(working.upload.report)
            with tenant(organisation_id):
                _work_out(working, job, rows, dry_run=False)
            _store(working, job, again=again)
            enrolled = enroll_imported(working.upload, at=clock(), ends=working.end_if_asked)
        with tenant(organisation_id):
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
            upload.save()
        if upload.status != UploadStatus.COMPLETED and not left_rows(upload):
            ImportUpload.objects.filter(pk=upload_id).delete()
        return upload


@contextmanager
def _stage(  # noqa: PLR0913 - all of them are told to Working
    organisation_id: UUID,
    upload_id: UUID,
    status: str,
    clock: Clock,
    stopping: Stopping,
    told: Told = lambda stage, rows, of: None,
) -> Iterator[Working | None]:
    """The upload, if it is in that state still; however the stage ends, its state says so."""
    with tenant(organisation_id):
        upload = ImportUpload.objects.select_related("campaign").filter(pk=upload_id).first()
    if upload is None or upload.status != status:
        yield None  # taken away or finished since the job was deferred
        return
    working = Working(organisation_id, upload, clock, stopping, told)
    try:
        yield working
    except Stopped:
        if working.cancelled:
            importing = status == UploadStatus.IMPORTING
            with tenant(organisation_id):
                working.close(UploadStatus.CANCELLED if importing else UploadStatus.MAPPED)
    except (FileRefused, DomainError) as refusal:
        working.fail(status, str(refusal))
    except (OperationalError, InterfaceError):
        raise  # the database's trouble passes, and the queue tries again
    except Exception:
        logger.exception("The import of %s failed", upload_id)
        working.fail(status, OUR_FAULT)


ONE_AT_A_TIME = "(hashtext('import'), hashtext(%(organisation)s::text))"
PATIENCE = 0.5  # seconds


@contextmanager
def _one_at_a_time(working: Working) -> Iterator[None]:
    """Two imports into one organisation would each miss what the other is about to store.

    The lock is the session's, and ends with it.
    """
    told = {"organisation": working.organisation_id}
    while not ask(f"SELECT pg_try_advisory_lock{ONE_AT_A_TIME}", told)[0][0]:
        working.end_if_asked()
        time.sleep(PATIENCE)
    try:
        yield
    finally:
        if connection.is_usable() and not connection.needs_rollback:
            ask(f"SELECT pg_advisory_unlock{ONE_AT_A_TIME}", told)


@contextmanager
def _read(working: Working) -> Iterator[tuple[Import, int]]:
    """The file's rows in the working tables of this session."""
    upload = working.upload
    with ExitStack() as stack:
        stack.enter_context(_one_at_a_time(working))
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


def _work_out(working: Working, job: Import, rows: int, *, dry_run: bool) -> Report:
    """What the rows mean; told once, before anything of the file is stored."""
    upload = working.upload
    working.told("working out", rows, None)
    job.work_out(refusals_for(upload, now=working.clock()))
    report = job.report(rows, dry_run=dry_run)
    if not upload.report:
        upload.problems.all().delete()
        run(TELL, {"upload": upload.pk})
        upload.report = report.as_dict()
        upload.stands_on = _stands_on(upload)
    upload.row_count = upload.rows_read = rows
    upload.save()
    return report


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


def _stands_on(upload: ImportUpload) -> dict[str, int]:
    """The earlier imports whose rows this one found known, so that none is undone below it."""
    return dict(ask(STANDS_ON, {"upload": upload.pk}))


def _store(working: Working, job: Import, *, again: bool) -> None:
    """Store the chunks that are left; what others stored meanwhile is met by working out again."""
    for _ in range(TRIES):
        try:
            job.store(
                partial(tenant, working.organisation_id),
                after=working.upload.rows_done,
                again=again,
                done=working.stored_up_to,
                ends=working.end_if_asked,
            )
        except IntegrityError:
            again = True
            with tenant(working.organisation_id):
                job.work_out(refusals_for(working.upload, now=working.clock()))
            continue
        return
    raise MetAnother


def _finish(working: Working, enrolled: dict[str, object]) -> None:
    """Write down what became of the file, once for all its rows, and tell the programs."""
    upload = working.upload
    upload.report = upload.report | enrolled
    working.close(UploadStatus.COMPLETED)
    report, at = upload.report, working.clock()
    text = f"{upload.filename}: {report['rows_imported']} of {report['rows']} rows"
    record("imported", at=at, user=upload.uploaded_by, target=upload, text=text)
    numbers = {"rows": report["rows"], "filename": upload.filename}
    announce(WebhookEvent.IMPORT_FINISHED, {"import": str(upload.pk)} | numbers, at=at)
