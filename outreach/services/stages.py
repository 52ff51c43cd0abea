"""One stage of an uploaded file, as a process goes through it: however it ends, its state says so.

Two imports into one organisation would each miss what the other is about to store, and an undo
what an import is about to stand on: one of them works at a time.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection
from django.db.models import QuerySet

from crm.importing.errors import FileRefused
from crm.importing.staging import ask
from outreach.models import ImportUpload
from outreach.states import UploadStatus
from prospectflow.choices import move
from prospectflow.errors import DomainError
from prospectflow.tenancy.context import tenant

TOLD_EVERY = 0.5  # seconds
PATIENCE = 0.5  # seconds between two tries to begin

OUR_FAULT = "It failed for a reason that is not in the file; the worker's log says which."
GIVEN_UP = "It was begun again and again and never came to its end; the worker's log says why."

logger = logging.getLogger(__name__)

type Clock = Callable[[], datetime]
type Stopping = Callable[[], bool]
# Told the stage, the rows it has done, and of how many where that is known.
type Told = Callable[[str, int, int | None], None]

ONE_AT_A_TIME = "(hashtext('import'), hashtext(%(organisation)s::text))"
HELD = """
SELECT EXISTS (
    SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND classid::bigint = hashtext('import')::bigint & 4294967295
        AND objid::bigint = hashtext(%(organisation)s::text)::bigint & 4294967295)
"""


class Stopped(Exception):
    """Somebody cancelled the stage, or the worker is to end."""


class Working:
    """One stage of one upload: how far it is, and whether it is to end."""

    upload: ImportUpload

    def __init__(  # noqa: PLR0913 - whose stage it is, and whom it asks and tells
        self,
        organisation_id: UUID,
        upload_id: UUID,
        stage: UploadStatus,
        clock: Clock,
        stopping: Stopping = lambda: False,
        told: Told = lambda stage, rows, of: None,
    ) -> None:
        self.organisation_id, self.upload_id, self.stage = organisation_id, upload_id, stage
        self.clock, self.stopping, self.told = clock, stopping, told
        self.cancelled, self.stored, self.told_at = False, False, 0.0

    def is_wanted(self) -> bool:
        """Whether the upload is in this stage; what is known of it is as it stands now."""
        with tenant(self.organisation_id):
            found = self._mine().select_related("campaign").first()
        if found is not None:
            self.upload = found
        return found is not None

    def read_so_far(self, rows: int) -> None:
        """Note the progress now and then; raises Stopped when somebody wants an end."""
        if time.monotonic() < self.told_at + TOLD_EVERY:
            return
        self.told_at = time.monotonic()
        self.told("reading", rows, None)
        with tenant(self.organisation_id):
            self._mine().update(rows_read=rows)
        self.end_if_asked()

    def stored_up_to(self, row: int) -> None:
        """Note, in the transaction that stored it, how far the file is stored.

        Raises Stopped, so that nothing is stored, where somebody else ended the stage.
        """
        if not self._mine().update(rows_done=row):
            raise Stopped
        self.told("storing", row, self.upload.row_count)

    def rows_done(self) -> int:
        """The last row that was committed: what a transaction meant to note may be lost with it."""
        with tenant(self.organisation_id):
            self.upload.refresh_from_db(fields=["rows_done"])
        return self.upload.rows_done

    @contextmanager
    def storing(self) -> Iterator[None]:
        """The organisation's scope, for what is stored in chunks; any that ends well is noted."""
        with tenant(self.organisation_id):
            yield
        self.stored = True

    def end_if_asked(self) -> None:
        """Raises Stopped when somebody cancelled, or the worker is to end; opens a scope."""
        with tenant(self.organisation_id):
            self.end_if_cancelled()
        if self.stopping():
            raise Stopped

    def end_if_cancelled(self) -> None:
        """Raises Stopped when somebody cancelled; inside the organisation's scope."""
        self.cancelled = self.cancelled or self._mine().filter(stop_requested=True).exists()
        if self.cancelled:
            raise Stopped

    def fail(self, sentence: str) -> None:
        """The stage cannot be ended; what of the file is stored stays stored."""
        with tenant(self.organisation_id):
            self.close(failed_to(self.upload), sentence)

    def close(self, status: str, *problems: str) -> bool:
        """The stage is over; False where somebody else had ended it."""
        upload = self._mine().select_for_update().first()
        if upload is None:
            return False
        end(upload, status, *problems)
        upload.finished_at = max(self.clock(), upload.started_at or self.clock())
        upload.save(update_fields=[*ENDED, "finished_at"])
        self.upload.status = upload.status
        return True

    def _mine(self) -> QuerySet[ImportUpload]:
        return ImportUpload.objects.filter(pk=self.upload_id, status=self.stage)


ENDED = ("status", "parse_errors", "stop_requested")


def end(upload: ImportUpload, status: str, *problems: str) -> None:
    """Set, in memory, what ENDED names."""
    move(upload, "status", status, ImportUpload.MOVES)
    upload.parse_errors, upload.stop_requested = list(problems), False


def failed_to(upload: ImportUpload) -> UploadStatus:
    """Where a stage leaves the upload that could not be ended."""
    match upload.status:
        case UploadStatus.VALIDATING:
            return UploadStatus.VALIDATION_FAILED
        case UploadStatus.UNDOING:
            return _before_undo(upload)
    return UploadStatus.FAILED


def cancelled_to(upload: ImportUpload) -> UploadStatus:
    """Where a stage leaves the upload that somebody cancelled."""
    importing = upload.status == UploadStatus.IMPORTING
    return UploadStatus.CANCELLED if importing else UploadStatus.MAPPED


def _before_undo(upload: ImportUpload) -> UploadStatus:
    """Only an import that came to its end tells of enrolling; an undo that began left no row."""
    whole = "enrolling" in upload.report and upload.rows_done > 0
    return UploadStatus.COMPLETED if whole else UploadStatus.CANCELLED


def go_through(working: Working, work: Callable[[Working], None]) -> None:
    """Do the work of a stage, if the upload is in it still; however it ends, its state says so."""
    try:
        if not working.is_wanted():
            return  # taken away or finished since the job was deferred
        with _one_at_a_time(working):
            if working.is_wanted():  # another may have ended it while this one waited
                work(working)
    except Stopped:
        if working.cancelled:
            with tenant(working.organisation_id):
                working.close(cancelled_to(working.upload))
    except (FileRefused, DomainError) as refusal:
        working.fail(str(refusal))
    except (OperationalError, InterfaceError):
        raise  # the database's trouble passes, and the queue tries again
    except Exception:
        logger.exception("The %s of %s failed", working.stage, working.upload_id)
        working.fail(OUR_FAULT)


def give_up(organisation_id: UUID, upload_id: UUID, *, stage: UploadStatus, clock: Clock) -> None:
    """No job will try this stage again: the upload is left where people can go on from."""
    working = Working(organisation_id, upload_id, stage, clock)
    if working.is_wanted():
        working.fail(GIVEN_UP)


def somebody_works(organisation_id: UUID) -> bool:
    """Whether a process is in a stage of any file of this organisation."""
    return bool(ask(HELD, {"organisation": organisation_id})[0][0])


@contextmanager
def _one_at_a_time(working: Working) -> Iterator[None]:
    """The lock is the session's, and ends with it."""
    told = {"organisation": working.organisation_id}
    while not ask(f"SELECT pg_try_advisory_lock{ONE_AT_A_TIME}", told)[0][0]:
        working.end_if_asked()
        time.sleep(PATIENCE)
    try:
        yield
    finally:
        if connection.is_usable() and not connection.needs_rollback:
            ask(f"SELECT pg_advisory_unlock{ONE_AT_A_TIME}", told)
