"""How far a stage of an import is, and how long it will take."""

from datetime import datetime
from typing import NamedTuple

from outreach.models import ImportUpload
from outreach.services.standing import is_part
from outreach.states import UploadStatus

STAGES = {
    UploadStatus.VALIDATING: "reading",
    UploadStatus.IMPORTING: "reading",
    UploadStatus.UNDOING: "undoing",
}


class Progress(NamedTuple):
    """Rows of the present stage, of how many where that is known, and its speed.

    Importing has two stages: the file is `reading`, then its rows are `storing`.
    """

    stage: str
    rows: int
    of: int | None
    rows_per_second: float | None
    seconds_left: float | None


def progress_of(upload: ImportUpload, *, now: datetime) -> Progress:
    """The stage the file is in; `waiting` while no worker has begun, `done` when none is left."""
    if upload.status not in STAGES or upload.started_at is None:
        return Progress("done", _rows_stored(upload), upload.row_count, *_none)
    stage, rows = STAGES[UploadStatus(upload.status)], upload.rows_read
    if upload.status == UploadStatus.IMPORTING and upload.report:
        stage, rows = "storing", _rows_stored(upload)
    if not upload.rows_read:
        stage = "waiting" if stage == "reading" else stage
    seconds = (now - upload.started_at).total_seconds()
    speed = (upload.rows_read + (rows if stage == "storing" else 0)) / seconds if seconds > 0 else 0
    left = (upload.row_count - rows) / speed if upload.row_count and speed else None
    return Progress(stage, rows, upload.row_count, speed or None, left)


def _rows_stored(upload: ImportUpload) -> int:
    """How many rows were gone through, at most all: of one that did not end, those up to its last.

    `rows_done` is a row's number, in which the header and blank rows count.
    """
    of = upload.row_count or 0
    return min(upload.rows_done, of) if is_part(upload) else of


_none = (None, None)
