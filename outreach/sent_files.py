"""A file of prospects as a request brings it: how large it may be, and where it is read."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat

from crm.importing.errors import BeyondLimits

FORM_OVERHEAD = 64 * 1024  # bytes that the parts of a form add to the file in it


def too_large() -> str:
    """What is said of a file with too many bytes."""
    limit = filesizeformat(settings.IMPORT_MAX_BYTES)
    return f"The file is larger than {limit}: pack it as .gz or .zip, or split it."


def announces_too_much(length: str | None) -> bool:
    """Whether a body with this Content-Length is too large to be read at all."""
    told = length or ""
    return told.isdecimal() and int(told) > settings.IMPORT_MAX_BYTES + FORM_OVERHEAD


@contextmanager
def on_disk(file: "UploadedFile[Any]") -> Iterator[Path]:
    """Where the file stands for as long as it is read, large ones where they were stored.

    Raises BeyondLimits.
    """
    if (file.size or 0) > settings.IMPORT_MAX_BYTES:
        raise BeyondLimits(too_large())
    if hasattr(file, "temporary_file_path"):
        yield Path(file.temporary_file_path())
        return
    with TemporaryDirectory(prefix="prospectflow-") as directory:
        path = Path(directory, "file")
        with path.open("wb") as copy:
            for chunk in file.chunks():
                copy.write(chunk)
        yield path
