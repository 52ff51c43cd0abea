"""Files each prospect with the company, the person and the position it speaks of."""

from collections.abc import Sequence
from datetime import datetime

from crm.importing.held import Held
from crm.importing.normalising import header_key
from crm.importing.prospects import Line, Prospect, name_key
from crm.importing.report import Problem, Report
from crm.importing.shelves import (
    Companies,
    HeldCompany,
    HeldPerson,
    HeldPosition,
    People,
    Positions,
    email_key,
    page_key,
)
from crm.models import Company, Person, Phone, Position


class AddressOfAnother(Exception):
    """The address is known as another person's."""


class Ledger:
    """One import: places each prospect, writes chunk by chunk, counts at the end."""

    def __init__(self, report: Report, *, source: str, at: datetime) -> None:
        self.report = report
        self.companies = Companies(source=source, at=at)
        self.people = People(source=source, at=at)
        self.positions = Positions(source=source, at=at)
        self.lines: list[tuple[HeldPerson, Line]] = []
        self.row_of_email: dict[str, int] = {}
        self.row_of_pair: dict[tuple[HeldPerson, HeldCompany], int] = {}

    def take_in(self, prospects: Sequence[Prospect]) -> None:
        """Place and store these prospects, in a fixed number of queries."""
        self.companies.load(prospects)
        self.people.load(prospects)
        self.positions.load(prospects, self.people, self.companies)
        for prospect in prospects:
            self._place(prospect)
        self.companies.write()
        self.people.write()
        self.positions.write()
        self._write_lines()

    def count(self) -> None:
        """Put the totals into the report."""
        self.report.companies = self.companies.tally()
        self.report.people = self.people.tally()
        self.report.positions = self.positions.tally()

    def _place(self, prospect: Prospect) -> None:
        if first := self.row_of_email.get(prospect.email):
            sentence = f"Row {first} has the address {prospect.email} already."
            return self._leave_out(prospect, "duplicate_address", sentence)
        company = self._company(prospect)
        try:
            person = self._person(prospect, company)
        except AddressOfAnother as error:
            self.report.refused.append(self._problem(prospect, "address_of_another", str(error)))
            return None
        if company and person and (first := self.row_of_pair.get((person, company))):
            # The company and the person still learn from it, or the next import would meet them
            # by other marks than this one did.
            self._file_parties(prospect, person, company)
            sentence = f"Row {first} has this person in this company already; this one filled gaps."
            return self._leave_out(prospect, "duplicate_person", sentence)
        return self._file(prospect, person, company)

    def _leave_out(self, prospect: Prospect, code: str, sentence: str) -> None:
        self.report.duplicates.append(self._problem(prospect, code, sentence))

    def _problem(self, prospect: Prospect, code: str, sentence: str) -> Problem:
        columns = self.report.columns_mapped.items()
        column = next(header for header, target in columns if target == "position.email")
        return Problem(prospect.row, column, prospect.email, code, sentence)

    def _company(self, prospect: Prospect) -> HeldCompany | None:
        """The company these facts mean, perhaps known from a position with the same address."""
        name = header_key(prospect.company["name"])
        holders = [self.positions.parties[held][1] for held in self.positions.at(prospect.email)]
        known = next((held for held in holders if header_key(held.record.name) == name), None)
        return self.companies.find(prospect.company, known)

    def _person(self, prospect: Prospect, company: HeldCompany | None) -> HeldPerson | None:
        """The person by page, by address, by name; AddressOfAnother when these contradict."""
        page = prospect.person.get("linkedin_url")
        by_page = self.people.by_key.get(page_key(page)) if page else None
        owners = [self.positions.parties[held][0] for held in self.positions.at(prospect.email)]
        if not owners and (owner := self.people.by_key.get(email_key(prospect.email))):
            owners = [owner]
        if not owners and company and not by_page:
            return self.positions.colleague(company, prospect.name, page)
        if not owners:
            return by_page
        if by_page is None and not (page and _is_another(owners[0].record, prospect)):
            return owners[0]
        if by_page in owners:
            return by_page
        raise AddressOfAnother(f"The address {prospect.email} belongs to {owners[0].record}.")

    def _file(
        self, prospect: Prospect, person: HeldPerson | None, company: HeldCompany | None
    ) -> None:
        company = company or Held(Company())
        person = person or Held(Person(identity_key=email_key(prospect.email)))
        position = self._position(prospect, person, company)
        self._file_parties(prospect, person, company)
        self.positions.apply(position, prospect.position)
        position.set("kept", position.record.kept | prospect.kept)
        self.positions.place(position, person, company)
        self.row_of_pair[person, company] = prospect.row

    def _file_parties(self, prospect: Prospect, person: HeldPerson, company: HeldCompany) -> None:
        self.companies.file(company, prospect.company)
        self.people.file(person, prospect.person)
        self.lines += [(person, line) for line in prospect.lines]
        self.row_of_email[prospect.email] = prospect.row

    def _position(
        self, prospect: Prospect, person: HeldPerson, company: HeldCompany
    ) -> HeldPosition:
        for held in self.positions.at(prospect.email):
            if self.positions.parties[held] == (person, company):
                return held
        return Held(Position())

    def _write_lines(self) -> None:
        """Store the telephone numbers that the people of this chunk do not have yet."""
        people = {person.record.pk for person, _line in self.lines}
        stored = Phone.objects.filter(person__in=people)
        known = set(stored.values_list("person_id", "source", "number"))
        fresh = {}
        for person, line in self.lines:
            key = (person.record.pk, line.source, line.telephone.number)
            if key in known:
                self.report.phones.unchanged += 1
            elif key not in fresh:
                fresh[key] = _phone(person.record, line)
        Phone.objects.bulk_create(fresh.values())
        self.report.phones.created += len(fresh)
        self.lines.clear()


def _phone(person: Person, line: Line) -> Phone:
    return Phone(
        person=person,
        number=line.telephone.number,
        kind=line.telephone.kind,
        source=line.source,
        raw=line.raw,
    )


def _is_another(owner: Person, prospect: Prospect) -> bool:
    """Whether both have a LinkedIn page (not the same) and another name."""
    theirs = name_key(owner.first_name, owner.last_name)
    return bool(owner.linkedin_url) and theirs != prospect.name
