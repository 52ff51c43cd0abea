"""One import, in three steps: read the file, work out what its rows mean, store them in chunks.

Reading opens no transaction; working out and each chunk run inside `tenant()`. The whole can be
done again from the start at any time: the same rows then get the same ids.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from crm.importing import grouping, matching, merging, people, storing
from crm.importing.identifiers import parameters
from crm.importing.merging import TARGETS
from crm.importing.parallel import parsed
from crm.importing.profiles import Mapped
from crm.importing.reading import Source
from crm.importing.report import Problem, Report, Tally
from crm.importing.staging import ask, forget_what_was_worked_out, run, store
from crm.importing.storing import Scope

JOINED_BY = {  # all that the planner need know of what was read
    "rows": "row, usable, company_ref, email, page_key, name_key",
    "companies": "ref, row, siren, pharow_company_id, name_key",
    "phones": "row, source, number",
    "problems": "row, kind, code",
}
CHUNK = 20_000  # rows of the file that one transaction stores

# Told how many rows were read or stored so far; may raise to stop.
type Progress = Callable[[int], None]
# Adds refusals of its own to pg_temp.staged_problems, for rows in pg_temp.live.
type Refusing = Callable[["Import"], None]


@dataclass(frozen=True)
class Import:
    """A file on its way into the base; `at` is the moment its facts count as learnt."""

    import_id: UUID
    source: Source
    mapped: Mapped
    at: datetime

    @property
    def address_column(self) -> str:
        """The header of the column with the addresses."""
        return next((h for h, to in self.mapped.targets.items() if to == "position.email"), "")

    def read(self, *, processes: int, progress: Progress = lambda rows: None) -> int:
        """Read every row into the working tables; returns how many rows the file has."""
        rows = 0
        for staged in parsed(self.source, self.mapped, processes=processes):
            store(staged)
            rows += staged.count
            progress(rows)
        for table, columns in JOINED_BY.items():
            run(f"ANALYZE pg_temp.staged_{table} ({columns})")
        run("CREATE INDEX ON pg_temp.staged_rows (row)")
        return rows

    def work_out(self, refusing: Refusing = lambda job: None) -> None:
        """Decide what each row means for the base; nothing of the base is changed."""
        marks = parameters(self.import_id)
        forget_what_was_worked_out()
        run("SET LOCAL work_mem = '128MB'; SET LOCAL statement_timeout = 0")
        grouping.leave_out_repeated(self.address_column)
        grouping.gather_rows()
        refusing(self)
        matching.match_addresses(marks, self.address_column)
        grouping.key_companies()
        matching.match_companies(marks)
        headers = {target: header for header, target in self.mapped.targets.items()}
        name_column = headers.get("company.name", "")
        grouping.settle_companies(marks, name_column, people=self.mapped.people)
        people.key_people()
        matching.match_colleagues(marks)
        people.settle_people(marks, self.address_column)
        for target in TARGETS:
            merging.compare(target, self.at.isoformat())
            merging.tell_of_hands(target, headers)

    def chunks(self, *, after: int = 0) -> Iterator[tuple[int, int]]:
        """The first and last row of each chunk still to be stored, in order."""
        last = ask("SELECT max(row) FROM pg_temp.staged_rows")[0][0] or 0
        for first in range(after + 1, last + 1, CHUNK):
            yield first, min(first + CHUNK - 1, last)

    def store_here(self) -> None:
        """Store everything in this session, inside one transaction."""
        learnt = self._learnt(again=False)
        for first, last in self.chunks():
            storing.store_parties(first, last, learnt)
            storing.store_positions(storing.hand_over(first, last), learnt)

    def store(
        self,
        scope: Scope,
        *,
        after: int,
        again: bool,
        done: Callable[[int], None],
        ends: Callable[[], None],
    ) -> None:
        """Store chunk by chunk in two sessions, each chunk inside `scope`.

        `done` is told the last row of each chunk in the transaction that stores it; `ends` is
        asked before each and may raise: what was begun is then stored to its end.
        """
        learnt = self._learnt(again=again)
        with storing.Behind(scope, learnt, done) as behind:
            for first, last in self.chunks(after=after):
                ends()
                with scope():
                    run("SET LOCAL statement_timeout = 0")
                    storing.store_parties(first, last, learnt)
                    chunk = storing.hand_over(first, last)
                    storing.meet_references()
                behind.give(chunk)

    def _learnt(self, *, again: bool) -> storing.Learnt:
        return storing.Learnt(self.mapped.profile, self.at.isoformat(), again)

    def problems(self, kind: str = "", *, limit: int | None = None) -> Iterator[Problem]:
        """What was found in the rows, of one kind or all, in the order of the file."""
        found = ask(
            "SELECT row, kind, \"column\", value, code, coalesce(detail, '{}')::text"
            " FROM pg_temp.staged_problems WHERE %(kind)s IN ('', kind)"
            " ORDER BY row, kind DESC, code LIMIT %(limit)s",
            {"kind": kind, "limit": limit},
        )
        for row, kind, column, value, code, detail in found:
            yield Problem(row, kind, column, value, code, json.loads(detail))

    def report(self, rows: int, *, dry_run: bool) -> Report:
        """What became of the file, or would."""
        tallies = {target.table: Tally(*merging.tally(target)) for target in TARGETS} | {
            "phones": Tally(*merging.tally_phones())
        }
        return Report(
            file_name=self.source.name,
            sha256=self.source.sha256,
            encoding=self.source.encoding,
            delimiter=self.source.delimiter,
            profile=self.mapped.profile,
            dry_run=dry_run,
            columns_mapped=self.mapped.targets,
            columns_ignored=self.mapped.ignored,
            columns_unknown=self.mapped.unknown,
            rows=rows,
            codes=_codes(),
            rows_refused=_rows_of("refused"),
            rows_duplicate=_rows_of("duplicate", "refused"),
            rows_warned=_rows_of("warning"),
            **tallies,
        )


def _codes() -> dict[str, dict[str, int]]:
    """How often each problem was met, by what it did to its row."""
    counted: dict[str, dict[str, int]] = {}
    for kind, code, times in ask(
        "SELECT kind, code, count(*) FROM pg_temp.staged_problems GROUP BY 1, 2 ORDER BY 1, 2"
    ):
        counted.setdefault(kind, {})[code] = times
    return counted


def _rows_of(kind: str, unless: str = "") -> int:
    return int(
        ask(
            "SELECT count(DISTINCT row) FROM pg_temp.staged_problems AS p WHERE kind = %(kind)s"
            " AND NOT EXISTS (SELECT FROM pg_temp.staged_problems AS q"
            " WHERE q.row = p.row AND q.kind = %(unless)s)",
            {"kind": kind, "unless": unless},
        )[0][0]
    )
