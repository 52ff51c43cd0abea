"""What an import says of itself afterwards."""

from dataclasses import asdict, dataclass, field
from typing import Any

from crm.importing.sentences import sentence


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one cell: where, what stood there, a stable code, what it names."""

    row: int
    kind: str
    column: str
    value: str
    code: str
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """What is wrong, in English."""
        return self.said("en")

    def said(self, language: str) -> str:
        """What is wrong, in one of the languages of crm.importing.sentences.

        Reports of former versions hold the sentence itself.
        """
        told = {"value": self.value, "column": self.column} | self.detail
        return self.detail.get("sentence") or sentence(self.code, language, **told)


@dataclass
class Tally:
    """How many records of one kind were new, changed, or as they had been."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0


@dataclass
class Report:
    """The facts of the file, of its columns, and how many rows did not pass as they were.

    `codes` counts the problems: kind → code → times. A row may have several.
    """

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
    rows_refused: int = 0
    rows_duplicate: int = 0
    rows_warned: int = 0
    codes: dict[str, dict[str, int]] = field(default_factory=dict)
    companies: Tally = field(default_factory=Tally)
    people: Tally = field(default_factory=Tally)
    positions: Tally = field(default_factory=Tally)
    phones: Tally = field(default_factory=Tally)

    @property
    def rows_imported(self) -> int:
        """How many rows were taken in."""
        return self.rows - self.rows_refused - self.rows_duplicate

    def as_dict(self) -> dict[str, Any]:
        """The whole report as plain JSON types."""
        return asdict(self) | {"rows_imported": self.rows_imported}
