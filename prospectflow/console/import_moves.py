"""The buttons of an import: when each is there, what it does, and what it asks first."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from iam.models import User
from iam.roles import may
from outreach.models import ImportUpload
from outreach.services import uploads
from outreach.services.undoing import left_rows
from outreach.states import UploadStatus
from prospectflow.console.import_report import few_are_valid, met_lately
from prospectflow.tenancy.memberships import Place


class Move(NamedTuple):
    """A button: its words, what it does, what is said then, what it asks first, and who may.

    `rate` is what it counts for in settings.RATES, if for anything.
    """

    label: str
    do: Callable[[ImportUpload, datetime, User], object]
    done: str
    question: str = ""
    looks: str = ""
    capability: str = "change"
    rate: str = ""


MOVES = {
    "validate": Move(
        "Check the rows",
        lambda upload, at, user: uploads.validate(upload, at=at),
        "The rows are being checked; nothing is stored by that.",
        looks="pf-primary",
        rate="imports",
    ),
    "run": Move(
        "Import the valid ones",
        lambda upload, at, user: uploads.run(upload, at=at),
        "The import runs.",
        looks="pf-primary",
        rate="imports",
    ),
    "cancel": Move(
        "Cancel",
        lambda upload, at, user: uploads.cancel(upload),
        "It will stop after the rows that are being stored.",
    ),
    "allow_contacted": Move(
        "Let in people written to lately",
        lambda upload, at, user: uploads.allow_contacted(upload, at=at, user=user),
        "People whom another campaign wrote to lately may be taken in. The trail says who said so.",
    ),
    "undo": Move(
        "Undo this import",
        lambda upload, at, user: uploads.undo(upload, at=at, user=user),
        "The import is being taken back.",
        "What this import alone made is deleted: companies, people and positions that nothing else"
        " has touched since. What it only changed stays as it is.",
        looks="pf-quiet",
        capability="delete",
        rate="imports",
    ),
    "discard": Move(
        "Discard",
        lambda upload, at, user: uploads.discard(upload),
        "The file is forgotten.",
        "The file, what was said of its columns and its report are deleted. Nothing that it made is"
        " there.",
        looks="pf-quiet",
        capability="delete",
    ),
}
BROKEN_OFF = (UploadStatus.CANCELLED, UploadStatus.FAILED)
GO_ON = MOVES["run"]._replace(label="Go on")


def offered(upload: ImportUpload, place: Place | None) -> list[tuple[str, Move]]:
    """The buttons that lead on from here for whoever has this place, the likeliest first."""
    status, report = upload.status, upload.report
    fit = status == UploadStatus.MAPPED and bool(report.get("rows_imported"))
    broke_off = status in BROKEN_OFF and left_rows(upload)
    there = {
        "run": fit or broke_off or status == UploadStatus.CANCELLED,
        "validate": status == UploadStatus.MAPPED and not report,
        "allow_contacted": fit and _may_let_in(upload),
        "cancel": status in {UploadStatus.VALIDATING, UploadStatus.IMPORTING},
        "undo": broke_off or status == UploadStatus.COMPLETED,
        "discard": not uploads.stands(upload),
    }
    labels = MOVES | ({"run": GO_ON} if status in BROKEN_OFF else {})
    moves = [(to, labels[to]) for to, is_there in there.items() if is_there]
    return [(to, move) for to, move in moves if may(place, move.capability)]


def _may_let_in(upload: ImportUpload) -> bool:
    met = met_lately(upload) > 0
    return upload.campaign_id is not None and met and upload.contacted_allowed_at is None


def question_of(upload: ImportUpload, to: str) -> str:
    """What to ask before the move; empty where it goes without saying."""
    if to == "run" and upload.status == UploadStatus.MAPPED and few_are_valid(upload):
        report = upload.report
        return (
            f"Only {report['rows_imported']:,} of {report['rows']:,} rows are valid. The others are"
            " left out. Perhaps a column is mapped to the wrong field?"
        )
    return MOVES[to].question
