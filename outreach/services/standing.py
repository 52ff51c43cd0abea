"""How the numbers of a report stand to what is stored: the result, a plan, or what was."""

from outreach.models import ImportUpload
from outreach.states import UploadStatus

PART = frozenset({UploadStatus.IMPORTING, UploadStatus.CANCELLED, UploadStatus.FAILED})
TAKEN_BACK = frozenset({UploadStatus.UNDOING, UploadStatus.UNDONE})


def is_part(upload: ImportUpload) -> bool:
    """Whether the import did not end, so that its report counts more than what is stored."""
    return upload.status in PART


def is_taken_back(upload: ImportUpload) -> bool:
    """Whether the import is being undone, or was: its report counts what it had made."""
    return upload.status in TAKEN_BACK


def standing(upload: ImportUpload) -> str:
    """What its numbers are, where they are not simply what became of the rows, or would."""
    if is_taken_back(upload):
        return "This import is taken back: the numbers are what it had made before."
    if not is_part(upload):
        return ""
    if upload.report.get("undone"):
        return (
            "A part of this import is taken back; the numbers are what the whole file would make."
        )
    stored = f"Stored up to row {upload.rows_done:,}" if upload.rows_done else "Nothing is stored"
    return f"{stored}; the numbers below are what the whole file would make."
