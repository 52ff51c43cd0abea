"""The companies of a batch of rows, each distinct set of cells read once."""

from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

from crm.importing.addresses import company_domain
from crm.importing.columns import COMPANY_COLUMNS
from crm.importing.copying import NULL, lines
from crm.importing.normalising import EMPTY_WORDS, header_key
from crm.importing.parsing.cells import Column, Detail, Finding, Table
from crm.importing.parsing.settling import Facts, Settler
from crm.importing.profiles import READERS
from crm.importing.telephones import OVERSEAS

KNOWN_LIMIT = 150_000  # sets of cells that are remembered
NOTED_LIMIT = 50_000  # those of them of which more is remembered than that they came
LONGEST_EMPTY = max(map(len, EMPTY_WORDS))
# What tells companies apart by itself, and what tells their domain.
NUMBERS = ("siren", "hq_siret", "establishment_siret", "pharow_company_id")
SITES = ("website_url", "domain")


class Companies(NamedTuple):
    """The companies of some rows: every row's ref, lines for those not told before.

    `postcodes` has those of the rows whose companies lie overseas.
    """

    refs: list[str]
    lines: str
    postcodes: dict[int, str]


class Noted(NamedTuple):
    """What holds for every row with the same company cells."""

    problems: tuple[tuple[int, str, Detail, bool], ...]
    postcode: str  # where it lies overseas, else empty

    @property
    def refused(self) -> bool:
        """Whether no row can be used with these cells."""
        return any(refusing for *_told, refusing in self.problems)


class CompanyReader:
    """Reads what the rows of one file say of companies, and remembers which it has told."""

    def __init__(self, places: Mapping[str, int], *, people: bool) -> None:
        own = {
            target.partition(".")[2]: place
            for target, place in sorted(places.items())
            if target.startswith("company.")
        }
        self.cells = list(own.values())
        self.columns = {
            name: Column(f"company.{name}", place)
            for name, place in own.items()
            if f"company.{name}" in READERS
        }
        self.numbers = [own[name] for name in NUMBERS if name in own]
        self.sites = [own[name] for name in SITES if name in own]
        self.settler = Settler(own, people=people)
        self.known: dict[bytes, Noted | None] = {}
        self.noted = 0

    def read(
        self,
        table: Table,
        emails: Sequence[str],
        refused: Collection[int],
        findings: list[Finding],
    ) -> Companies:
        """The companies of these rows; those of refused rows are looked at, and not told."""
        if len(self.known) > KNOWN_LIMIT or self.noted > NOTED_LIMIT:
            self.known.clear()
            self.noted = 0
        marks = [self._mark(row, email) for row, email in zip(table.rows, emails, strict=True)]
        digests = self._digests(table, marks)
        fresh = self._fresh(digests, refused)
        facts, notes = self._facts(table, emails, fresh)
        passing = {}
        for nth, note in notes.items():
            if fresh[nth] in refused:
                passing[fresh[nth]] = note
            else:
                self.known[digests[fresh[nth]]] = note
                self.noted += 1
        postcodes = self._tell(digests, passing, findings)
        refs = [digest.hex() for digest in digests]
        usable = [
            at not in refused and not (nth in notes and notes[nth].refused)
            for nth, at in enumerate(fresh)
        ]
        keys = {
            "ref": [refs[at] for at in fresh],
            "row": [str(table.numbers[at]) for at in fresh],
            "name_key": [NULL if name == NULL else header_key(name) for name in facts["name"]],
            "address": [marks[at] if "@" in marks[at] else NULL for at in fresh],
        }
        return Companies(refs, lines(COMPANY_COLUMNS, facts | keys, usable), postcodes)

    def _mark(self, row: Sequence[str], email: str) -> str:
        """What of the address tells the company apart: nothing where a cell does."""
        if email == NULL or any(_holds(row[place]) for place in self.sites):
            return ""
        domain = company_domain(email)
        if domain or any(_holds(row[place]) for place in self.numbers):
            return domain or ""
        return email

    def _digests(self, table: Table, marks: Sequence[str]) -> list[bytes]:
        """What stands for each row's company cells, and its mark."""
        columns = [table.columns[place] for place in self.cells]
        return [
            blake2b("\x1f".join(cells).encode("utf-8", "surrogatepass"), digest_size=16).digest()
            for cells in zip(*columns, marks, strict=True)
        ]

    def _fresh(self, digests: Sequence[bytes], refused: Collection[int]) -> list[int]:
        """The rows whose company has not been told; from now on those of usable rows have been."""
        fresh = []
        for at, digest in enumerate(digests):
            if digest not in self.known:
                fresh.append(at)
                if at not in refused:
                    self.known[digest] = None
        return fresh

    def _tell(
        self, digests: Sequence[bytes], passing: Mapping[int, Noted], findings: list[Finding]
    ) -> dict[int, str]:
        """Tell at each row what is noted of its company; returns the places overseas."""
        postcodes = {}
        if self.noted or passing:
            for at, digest in enumerate(digests):
                note = passing.get(at) or self.known.get(digest)
                if note:
                    findings += [Finding(at, *problem) for problem in note.problems]
                    postcodes[at] = note.postcode
        return postcodes

    def _facts(
        self, table: Table, emails: Sequence[str], fresh: Sequence[int]
    ) -> tuple[Facts, dict[int, Noted]]:
        """The facts of the fresh rows, and what is to be noted of some of them."""
        rows = self.settler.heard([table.rows[at] for at in fresh])
        facts, findings = Facts(len(fresh)), list[Finding]()
        for name, column in self.columns.items():
            facts[name] = column.read([row[column.place] for row in rows], findings)
        self.settler.settle(facts, rows, [emails[at] for at in fresh], findings)
        problems: dict[int, list[tuple[int, str, Detail, bool]]] = {}
        for found in findings:
            what = (found.column, found.code, found.detail, found.refusing)
            problems.setdefault(found.at, []).append(what)
        postcodes = {
            nth: code for nth, code in enumerate(facts["postal_code"]) if code[:3] in OVERSEAS
        }
        return facts, {
            nth: Noted(tuple(problems.get(nth, ())), postcodes.get(nth, ""))
            for nth in problems.keys() | postcodes.keys()
        }


def _holds(cell: str) -> bool:
    """Whether a cell holds more than a word for nothing."""
    value = cell.strip()
    return bool(value) and not (len(value) <= LONGEST_EMPTY and value.casefold() in EMPTY_WORDS)
