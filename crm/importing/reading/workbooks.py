"""Sheets of Excel and OpenDocument workbooks."""

import marshal
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any

from crm.importing.errors import (
    FileDamaged,
    FileLocked,
    FileRefused,
    SheetMissing,
    WorkbookTooLarge,
)
from crm.importing.reading import kinds, workbook_process
from crm.importing.reading.limits import Limits
from crm.importing.reading.rows import (
    Batch,
    check_number,
    check_width,
    has_no_rows,
    headers_of,
    in_batches,
    is_blank,
    is_empty,
    listed,
    shown,
)
from crm.importing.reading.unpacking import BLOCK, Stored, archive, measure

SECONDS = 120  # of processor time for one workbook


@dataclass(frozen=True)
class Workbook:
    """A sheet that was found readable; `batches()` reads it afresh."""

    stored: Stored
    limits: Limits
    kind: str
    sheet: str
    sheets: tuple[str, ...]
    headers: tuple[str, ...]
    header_number: int

    def batches(self, size: int) -> Iterator[Batch]:
        """The rows below the header."""
        name, limits = self.stored.name, self.limits
        with (
            _unpacked(self.stored, limits) as path,
            _sheet(path, self.sheet, name, limits) as (_, rows),
        ):
            below = (pair for pair in rows if pair[0] > self.header_number)
            yield from in_batches(below, size, name, limits)


def open_workbook(stored: Stored, sheet: str, limits: Limits) -> Workbook | None:
    """The sheet and its headers, or None where the archive is no workbook; else FileRefused."""
    with _unpacked(stored, limits) as path:
        with archive(path, stored.name) as opened:
            kind = kinds.workbook_kind(opened, stored.name)
            if not kind:
                return None
            measure(opened, stored.name, limits.workbook_bytes)
        with _sheet(path, sheet, stored.name, limits) as ((sheets, name), rows):
            number, header = _header(rows, stored.name)
    headers = headers_of(header, stored.name, limits)
    return Workbook(stored, limits, kind, name, sheets, headers, number)


def _header(rows: Iterator[tuple[int, list[str]]], name: str) -> tuple[int, list[str]]:
    filled = (pair for pair in rows if not is_blank(pair[1]))
    number, header = next(filled, (0, []))
    if not header:
        raise is_empty(name)
    if next(filled, None) is None:
        raise has_no_rows(name)
    return number, header


@contextmanager
def _unpacked(stored: Stored, limits: Limits) -> Iterator[Path]:
    """The workbook as a file of its own, which one in an archive becomes for a while."""
    if not stored.compression:
        yield stored.path
        return
    with tempfile.TemporaryDirectory(prefix="prospectflow-workbook-") as folder:
        path = Path(folder) / "workbook"
        with stored.opened(limits.workbook_bytes) as stream, path.open("wb") as file:
            while block := stream.read(BLOCK):
                file.write(block)
        yield path


@contextmanager
def _sheet(
    path: Path, sheet: str, name: str, limits: Limits
) -> Iterator[tuple[tuple[tuple[str, ...], str], Iterator[tuple[int, list[str]]]]]:
    """The names of all sheets and of the one that is read, and its numbered rows."""
    program = str(Path(workbook_process.__file__))
    bounds = [str(limits.workbook_memory), str(SECONDS)]
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-I", program, str(path), sheet, *bounds],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"RUST_BACKTRACE": "0"},
    )
    assert process.stdout is not None
    try:
        messages = _messages(process, process.stdout, name, limits)
        sheets, found, height, width = next(messages)
        if not found:
            raise _missing(sheet, sheets, name)
        check_number(height - 1, name, limits)
        check_width(width, 1, name, limits)
        yield (tuple(sheets), found), enumerate(chain.from_iterable(messages), start=1)
    finally:
        process.stdout.close()
        process.kill()
        process.wait()


def _messages(
    process: subprocess.Popen[bytes], out: IO[bytes], name: str, limits: Limits
) -> Iterator[Any]:
    """What the process wrote; FileRefused where it ended before it had written all."""
    while True:
        try:
            yield marshal.load(out)  # noqa: S302 - our own process wrote it
        except (EOFError, ValueError, TypeError):
            ended = process.wait()
            if ended:
                raise _refused(ended, name, limits) from None
            return


def _refused(ended: int, name: str, limits: Limits) -> FileRefused:
    if ended == workbook_process.LOCKED:
        return FileLocked(f"{name} is protected by a password; save it without one.")
    if ended == workbook_process.TOO_LARGE or ended < 0:
        return WorkbookTooLarge(
            f"{name} needs more than {limits.workbook_memory // 1_000_000:,} MB of memory to be"
            " read; save the sheet as CSV (UTF-8), which may be of any length."
        )
    return FileDamaged(f"{name} is a damaged workbook; open it, save it again and send that.")


def _missing(sheet: str, sheets: list[str], name: str) -> FileRefused:
    if not sheets:
        return SheetMissing(f"{name} has no sheet with cells; save the table as CSV (UTF-8).")
    return SheetMissing(f"{name} has no sheet “{shown(sheet)}”; choose one of {listed(sheets)}.")
