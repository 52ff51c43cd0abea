"""What an import says of itself afterwards."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one cell: where, what stood there, a stable code, a sentence."""

    row: int
    column: str
    value: str
    code: str
    sentence: str


@dataclass
class Tally:
    """How many records of one kind were new, changed, or as they had been."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0


@dataclass
class Report:
    """The facts of the file, of its columns, and of every row that did not pass as it was."""

    file_name: str
    sha256: str
    encoding: str
    delimiter: str
    profile: str
    dry_run: bool
    columns_mapped: dict[str, str]
    columns_ignored: list[str]
    columns_unknown: list[str]
    rows: int = 0
    companies: Tally = field(default_factory=Tally)
    people: Tally = field(default_factory=Tally)
    positions: Tally = field(default_factory=Tally)
    phones: Tally = field(default_factory=Tally)
    duplicates: list[Problem] = field(default_factory=list)
    refused: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)

    @property
    def rows_refused(self) -> int:
        """How many rows were refused; one row may have several problems."""
        return len({problem.row for problem in self.refused})

    @property
    def rows_duplicate(self) -> int:
        """How many rows were left out because an earlier one says the same."""
        return len({problem.row for problem in self.duplicates})

    @property
    def rows_imported(self) -> int:
        """How many rows became a position."""
        return self.rows - self.rows_refused - self.rows_duplicate

    def add_notes(self, problems: Iterable[Problem], *, refused: bool) -> None:
        """File a row's problems under the refusals or under the notes."""
        (self.refused if refused else self.notes).extend(problems)

    def as_dict(self) -> dict[str, Any]:
        """The whole report as plain JSON types."""
        return asdict(self) | {
            "rows_imported": self.rows_imported,
            "rows_refused": self.rows_refused,
            "rows_duplicate": self.rows_duplicate,
        }
