"""One batch of raw rows after the other becomes lines for the working tables."""

from collections.abc import Collection, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from crm.importing.columns import ROW_COLUMNS
from crm.importing.copying import NULL, lines, written_json
from crm.importing.normalising import header_key
from crm.importing.parsing.cells import Finding, Problem, Table, shifted, told
from crm.importing.parsing.companies import CompanyReader
from crm.importing.parsing.positions import PeopleReader
from crm.importing.profiles import REFUSED_BECAUSE
from prospectflow.spreadsheets import restored

if TYPE_CHECKING:
    from crm.importing.profiles import Mapped
    from crm.importing.reading import Batch


class Staged(NamedTuple):
    """Lines in COPY's text format, in the order of crm.importing.columns; empty where none."""

    rows: str
    companies: str
    phones: str
    problems: str
    count: int  # type: ignore[assignment]  # of the rows read; tuple.count is of no use here


class BatchParser:
    """Parses the rows of one file, whose columns are mapped once.

    It remembers the companies it has told, so that each is told about once by each parser.
    Without people, rows speak of companies alone and need no address.
    """

    def __init__(self, mapped: "Mapped", headers: tuple[str, ...], *, people: bool = True) -> None:
        self.headers = headers
        # Rows that were left out before come back with their formulas neutralised.
        self.returning = header_key(REFUSED_BECAUSE) in map(header_key, headers)
        at = {header: place for place, header in enumerate(headers)}
        places = {target: at[header] for header, target in mapped.targets.items()}
        self.kept = [(header, at[header]) for header in mapped.unknown]
        self.companies = CompanyReader(places, people=people)
        self.people = PeopleReader(places if people else {})

    def parse(self, batch: "Batch") -> Staged:
        """The lines that these rows become."""
        table, problems = self._table(batch)
        findings: list[Finding] = []
        emails = self.people.addresses(table, findings)
        without_address = {found.at for found in findings if found.refusing}
        companies = self.companies.read(table, emails, without_address, findings)
        values = self.people.read(table, emails, findings)
        refused = {found.at for found in findings if found.refusing}
        phones = self.people.phone_lines(table, companies.postcodes, refused, findings)
        problems += [told(table, self.headers, finding) for finding in findings]
        return Staged(
            self._row_lines(table, values, companies.refs, refused),
            companies.lines,
            phones,
            "".join(problem.line for problem in sorted(problems, key=itemgetter(0, 1))),
            len(batch.rows),
        )

    def _table(self, batch: "Batch") -> tuple[Table, list[Problem]]:
        """The rows that are as wide as the header, and what is to be told of the others."""
        width = len(self.headers)
        numbers, rows, problems = [], [], []
        for number, row in zip(batch.numbers, batch.rows, strict=True):
            if len(row) > width and not any(cell.strip() for cell in row[width:]):
                row = row[:width]
            if len(row) == width:
                numbers.append(number)
                rows.append(list(map(restored, row)) if self.returning else row)
            else:
                problems.append(shifted(number, len(row), width))
        columns = list(zip(*rows, strict=True)) or [()] * width
        return Table(numbers, rows, columns), problems

    def _row_lines(
        self,
        table: Table,
        values: Mapping[str, Sequence[str]],
        refs: Sequence[str],
        refused: Collection[int],
    ) -> str:
        """Lines of the usable rows, and of the refused ones that have an address."""
        every = range(len(table.rows))
        columns = {
            "row": list(map(str, table.numbers)),
            "usable": ["f" if at in refused else "t" for at in every],
            "company_ref": [NULL if at in refused else ref for at, ref in enumerate(refs)],
            **values,
        }
        if self.kept:
            columns["kept"] = [self._kept(row) for row in table.rows]
        chosen = [at not in refused or values["email"][at] != NULL for at in every]
        return lines(ROW_COLUMNS, columns, chosen)

    def _kept(self, row: Sequence[str]) -> str:
        """The cells that have no field here, by their headers; NULL where all are empty."""
        cells = {header: cell for header, place in self.kept if (cell := row[place].strip())}
        return written_json(cells) if cells else NULL
