"""How much one file may hold."""

from typing import NamedTuple

MEGABYTE = 1_000_000


class Limits(NamedTuple):
    """What a file may hold; a file above any of these is refused: BeyondLimits.

    Lengths are in characters, sizes in bytes; `line_length` is that of a line of the file and
    `workbook_memory` what the process that reads a workbook may take.
    """

    rows: int = 5_000_000
    unpacked_bytes: int = 4_000 * MEGABYTE
    line_length: int = 1 << 20
    cell_length: int = 1 << 17
    columns: int = 1_000
    document_bytes: int = 10 * MEGABYTE
    workbook_bytes: int = 256 * MEGABYTE
    workbook_memory: int = 224 * MEGABYTE


DEFAULT = Limits()
