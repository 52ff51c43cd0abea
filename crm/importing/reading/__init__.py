"""Files of prospects: CSV, workbooks and JSON, packed or not, read batch by batch."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from crm.importing.reading.limits import DEFAULT, Limits
from crm.importing.reading.rows import Batch
from crm.importing.reading.sources import Source, open_source

__all__ = ["DEFAULT", "Batch", "Limits", "Row", "Source", "Table", "open_source", "open_table"]


class Row(NamedTuple):
    """One record: its number in the file, its cells by header, how many cells it has."""

    number: int
    cells: dict[str, str]
    width: int


@dataclass(frozen=True)
class Table:
    """A source for those who read it row by row."""

    path: Path
    sha256: str
    encoding: str
    delimiter: str
    headers: tuple[str, ...]
    header_number: int
    source: Source

    def rows(self) -> Iterator[Row]:
        """Every row below the header that is not blank."""
        for batch in self.source.batches():
            for number, values in zip(batch.numbers, batch.rows, strict=True):
                yield Row(number, dict(zip(self.headers, values, strict=False)), len(values))


def open_table(path: Path | str) -> Table:
    """The source, row by row; FileRefused when it is not usable."""
    source = open_source(path)
    return Table(
        path=source.path,
        sha256=source.sha256,
        encoding=source.encoding,
        delimiter=source.delimiter or ",",
        headers=source.headers,
        header_number=source.header_number,
        source=source,
    )
