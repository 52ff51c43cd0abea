"""Reads one sheet in a process of its own and writes its rows to standard output.

A workbook must be read into memory whole, and a small one can unfold to any size: so it is read
where memory and time are bounded, and where the worst that can happen is that the process ends.
Called with path, sheet ("" for the first), bytes of memory and seconds; it imports nothing of the
project. Writes, in Python's marshal format, the sheets' names, the sheet's own, its height and
its width, and then lists of rows from the sheet's first on.
"""

import marshal
import resource
import sys
from collections.abc import Iterator
from datetime import date, datetime, time
from itertools import islice
from typing import Any

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
)

LOCKED, MISSING, DAMAGED, TOO_LARGE = 3, 4, 5, 6  # how the process ends where it cannot go on
CELLS_AT_ONCE = 20_000
EXACT = 10**15  # below this, a spreadsheet's numbers are exact


def main(path: str, sheet: str, memory: int, seconds: int) -> int:
    """How the process ends: 0 when all rows were written."""
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        return write(path, sheet)
    except PasswordError:
        return LOCKED
    except MemoryError:
        return TOO_LARGE
    except (CalamineError, OSError, ValueError):
        return DAMAGED


def write(path: str, sheet: str) -> int:
    """Write the sheet's rows; MISSING where there is no such sheet, after the names of all."""
    out = sys.stdout.buffer
    with open(path, "rb") as file:  # noqa: PTH123 - by what it holds; by path, the name decides
        workbook = CalamineWorkbook.from_filelike(file)
    names = [
        found.name for found in workbook.sheets_metadata if found.typ == SheetTypeEnum.WorkSheet
    ]
    name = sheet or next(iter(names), "")
    if name not in names:
        marshal.dump((names, "", 0, 0), out)
        return MISSING
    read = workbook.get_sheet_by_name(name)
    height, width = (last + 1 for last in read.end or (-1, -1))
    marshal.dump((names, name, height, width), out)
    rows = texts(read)
    while some := list(islice(rows, max(CELLS_AT_ONCE // max(width, 1), 1))):
        marshal.dump(some, out)
    out.flush()
    return 0


def texts(sheet: CalamineSheet) -> Iterator[list[str]]:
    """Every row of the sheet, from its first."""
    return ([text(cell) for cell in row] for row in sheet.iter_rows())


def text(cell: Any) -> str:
    """A cell as text: dates as ISO 8601, whole numbers without a fraction."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < EXACT:
        return str(int(cell))
    if isinstance(cell, datetime) and cell.time() == time.min:
        return cell.date().isoformat()
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    return str(cell)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
