"""Folders of files to import."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from crm.importing.errors import FileUnreadable, NoRows
from outreach.models import Campaign, ImportUpload
from outreach.states import UploadStatus

DATA_SUFFIXES = frozenset(
    {
        *(".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".ods", ".json", ".jsonl", ".ndjson"),
        *(".gz", ".zip"),
    }
)


def data_files(folder: Path) -> Iterator[Path]:
    """The files of prospects in a folder, by name; hidden ones and folders in it do not count.

    Raises FileUnreadable or NoRows.
    """
    try:
        found = sorted(each for each in folder.iterdir() if _is_data(each))
    except OSError as error:
        raise FileUnreadable(f"{folder} cannot be read: {error.strerror}.") from error
    if not found:
        raise NoRows(f"{folder} holds no file to import: CSV, XLSX, ODS or JSON, packed or not.")
    yield from found


def imported_before(
    file: Path, *, campaign: Campaign | None = None, sheet: str | None = None
) -> ImportUpload | None:
    """The finished import of the very same bytes, if there is one; raises FileUnreadable."""
    try:
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise FileUnreadable(f"{file.name} cannot be read: {error.strerror}.") from error
    same = ImportUpload.objects.filter(file_sha256=digest, status=UploadStatus.COMPLETED)
    if campaign:
        same = same.filter(campaign=campaign)
    if sheet:
        same = same.filter(format__sheet=sheet)
    return same.order_by("-uploaded_at").first()


def _is_data(path: Path) -> bool:
    hidden = path.name.startswith((".", "~$"))  # a spreadsheet's lock on an open file
    return not hidden and path.suffix.lower() in DATA_SUFFIXES and path.is_file()
