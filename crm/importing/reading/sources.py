"""Opens a file whatever wrote it, and reads it batch by batch."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from crm.importing.errors import NestedArchive, SheetMissing
from crm.importing.reading import kinds
from crm.importing.reading.delimited import Delimited, open_delimited
from crm.importing.reading.encodings import text_start
from crm.importing.reading.limits import DEFAULT, Limits
from crm.importing.reading.objects import Objects, open_objects
from crm.importing.reading.rows import Batch, is_empty, shown
from crm.importing.reading.unpacking import BLOCK, Stored, archive, only_file, start_of
from crm.importing.reading.workbooks import Workbook, open_workbook


@dataclass(frozen=True)
class Source:
    """A file that was found readable: what it is, and its columns.

    `kind` is csv, xlsx, ods or json, `compression` gz, zip or empty. `sha256` is that of the
    stored bytes. Where a kind has no encoding, delimiter or sheet, that is empty.
    """

    path: Path
    name: str
    sha256: str
    kind: str
    compression: str
    headers: tuple[str, ...]
    header_number: int
    contents: Delimited | Objects | Workbook = field(repr=False)
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    sheets: tuple[str, ...] = ()

    def batches(self, size: int = 5_000) -> Iterator[Batch]:
        """Every row below the header that is not blank, at most `size` at once, read afresh.

        Memory stays bounded whatever the file's length. FileRefused where it breaks off.
        """
        return self.contents.batches(size)


def open_source(
    path: Path | str, *, name: str | None = None, sheet: str | None = None, limits: Limits = DEFAULT
) -> Source:
    """What the file is and which columns it has; FileRefused when it is not usable.

    `name` is what people call the file, `sheet` the one to read of a workbook (else the first).
    """
    path = Path(path)
    name = name or path.name
    stored = Stored(path, shown(name))
    start = start_of(path)
    if not start:
        raise is_empty(stored.name)
    contents = _contents(stored, start, sheet or "", limits)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Source(
        path=path,
        name=name,
        sha256=sha256,
        kind=_kind(contents),
        compression=contents.stored.compression,
        headers=contents.headers,
        header_number=contents.header_number,
        contents=contents,
        encoding=getattr(contents, "encoding", ""),
        delimiter=getattr(contents, "delimiter", ""),
        sheet=getattr(contents, "sheet", ""),
        sheets=getattr(contents, "sheets", ()),
    )


def _kind(contents: Delimited | Objects | Workbook) -> str:
    if isinstance(contents, Workbook):
        return contents.kind
    return "json" if isinstance(contents, Objects) else "csv"


def _contents(
    stored: Stored, start: bytes, sheet: str, limits: Limits
) -> Delimited | Objects | Workbook:
    if start.startswith(kinds.ZIPS):
        if workbook := open_workbook(stored, sheet, limits):
            return workbook
        with archive(stored.path, stored.name) as opened:
            stored = stored._replace(compression="zip", member=only_file(opened, stored.name))
    elif start.startswith(kinds.GZIP):
        stored = stored._replace(compression="gz")
    if not stored.compression:
        return _text(stored, start, sheet, limits)
    with stored.opened(limits.unpacked_bytes) as stream:
        start = stream.read(BLOCK)
    if not start:
        raise is_empty(stored.name)
    if start.startswith(kinds.ZIPS) and (workbook := open_workbook(stored, sheet, limits)):
        return workbook
    if start.startswith((*kinds.ZIPS, kinds.GZIP)):
        raise NestedArchive(
            f"{stored.name} holds another archive; unpack it and send the file itself."
        )
    return _text(stored, start, sheet, limits)


def _text(stored: Stored, start: bytes, sheet: str, limits: Limits) -> Delimited | Objects:
    kinds.refuse_other(start, stored.name)
    if sheet:
        raise SheetMissing(f"{stored.name} is no workbook, so it has no sheets to choose from.")
    if kinds.is_json(text_start(start)):
        return open_objects(stored, start, limits)
    return open_delimited(stored, start, limits)
