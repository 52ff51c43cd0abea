"""The companies, people and positions an import has met, found by what a file calls them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from crm.importing.held import Held, Shelf
from crm.importing.normalising import header_key
from crm.importing.prospects import Prospect, name_key
from crm.models import Company, Person, Position

HeldCompany = Held[Company]
HeldPerson = Held[Person]
HeldPosition = Held[Position]


class Companies(Shelf[Company]):
    """Companies by SIREN, else by Pharow's number, else by domain and name."""

    def __init__(self, *, source: str, at: datetime) -> None:
        super().__init__(Company, source=source, at=at)
        self.by_siren: dict[str, HeldCompany] = {}
        self.by_pharow_id: dict[str, HeldCompany] = {}
        self.by_domain: dict[tuple[str, str], dict[HeldCompany, None]] = {}
        self.asked: dict[str, set[Any]] = {
            name: {None} for name in ("siren", "pharow_company_id", "domain")
        }

    def load(self, prospects: Iterable[Prospect]) -> None:
        """Meet every stored company that these prospects may belong to: three queries."""
        for name, asked in self.asked.items():
            if wanted := {prospect.company.get(name) for prospect in prospects} - asked:
                for company in Company.objects.filter(**{f"{name}__in": wanted}):
                    self.index(self.hold(company))
                asked |= wanted

    def index(self, held: HeldCompany) -> None:
        """Let the company be found by what it is known by now."""
        company = held.record
        if company.siren:
            self.by_siren[company.siren] = held
        if company.pharow_company_id:
            self.by_pharow_id[company.pharow_company_id] = held
        if company.domain:
            key = (company.domain, header_key(company.name))
            self.by_domain.setdefault(key, {})[held] = None

    def find(self, facts: Mapping[str, Any], known: HeldCompany | None) -> HeldCompany | None:
        """The company of these facts; `known` is the one their address is known from, if any."""
        siren, pharow_id = facts.get("siren"), facts.get("pharow_company_id")
        if siren in self.by_siren:
            return self.by_siren[siren]
        if pharow_id in self.by_pharow_id:
            found = self.by_pharow_id[pharow_id]
            return None if siren and found.record.siren else found
        if known and not siren:
            return known
        key = (facts.get("domain", ""), header_key(facts["name"]))
        candidates = [*([known] if known else []), *self.by_domain.get(key, {})]
        without_siren = [held for held in candidates if not held.record.siren]
        if without_siren:
            return without_siren[0]
        # Companies of one name may share a site: without a SIREN nobody can tell which is meant.
        return candidates[0] if len(candidates) == 1 and not siren else None

    def file(self, held: HeldCompany, facts: Mapping[str, Any]) -> None:
        """Take over the facts; a number of Pharow's that another company bears is left out."""
        owner = self.by_pharow_id.get(facts.get("pharow_company_id", ""), held)
        if owner is not held:
            facts = {name: value for name, value in facts.items() if name != "pharow_company_id"}
        self.apply(held, facts)
        self.index(held)


class People(Shelf[Person]):
    """People by their LinkedIn page, else by their address."""

    def __init__(self, *, source: str, at: datetime) -> None:
        super().__init__(Person, source=source, at=at)
        self.by_key: dict[str, HeldPerson] = {}

    def load(self, prospects: Iterable[Prospect]) -> None:
        """Meet every stored person with one of these pages or addresses: two queries."""
        pages = {page for prospect in prospects if (page := prospect.person.get("linkedin_url"))}
        keys = {page_key(page) for page in pages}
        keys |= {email_key(prospect.email) for prospect in prospects}
        for known in ({"identity_key__in": keys}, {"linkedin_url__in": pages}):
            for person in Person.objects.filter(**known):
                self.index(self.hold(person))

    def index(self, held: HeldPerson) -> None:
        """Let the person be found by what they are known by now."""
        self.by_key.setdefault(held.record.identity_key, held)
        if held.record.linkedin_url:
            self.by_key.setdefault(page_key(held.record.linkedin_url), held)

    def file(self, held: HeldPerson, facts: Mapping[str, Any]) -> None:
        """Take over the facts; a person whose LinkedIn page is learnt is known by it from now."""
        self.apply(held, facts)
        if held.record.linkedin_url:
            key = page_key(held.record.linkedin_url)
            if self.by_key.get(key, held) is held:
                held.set("identity_key", key)
        self.index(held)


def page_key(url: str) -> str:
    """What two spellings of one LinkedIn page have in common."""
    return "linkedin:" + url.partition("linkedin.com/")[2].rstrip("/").casefold()


def email_key(email: str) -> str:
    """The identity of a person of whom no more than the address is known."""
    return f"email:{email}"


class Positions(Shelf[Position]):
    """Positions by address and by company, each with its person and company as they are held."""

    def __init__(self, *, source: str, at: datetime) -> None:
        super().__init__(Position, source=source, at=at)
        self.by_email: dict[str, dict[HeldPosition, None]] = {}
        self.by_company: dict[HeldCompany, dict[HeldPosition, None]] = {}
        self.parties: dict[HeldPosition, tuple[HeldPerson, HeldCompany]] = {}
        self.asked: set[Any] = set()

    def load(self, prospects: Iterable[Prospect], people: People, companies: Companies) -> None:
        """Meet the positions with these addresses and those in all stored companies met so far.

        No joins: a table that this very import fills has no statistics yet, and the planner would
        pair every row with every other.
        """
        self._load(people, companies, email__in=[prospect.email for prospect in prospects])
        new = {key for key, held in companies.by_id.items() if not held.new} - self.asked
        self.asked |= new
        if new:
            self._load(people, companies, company__in=new)

    def _load(self, people: People, companies: Companies, **known: Any) -> None:
        positions = Position.objects.filter(**known)
        people.meet(position.person_id for position in positions)
        companies.meet(position.company_id for position in positions)
        for position in positions:
            person, company = people.by_id[position.person_id], companies.by_id[position.company_id]
            self.place(self.hold(position), person, company)

    def place(self, held: HeldPosition, person: HeldPerson, company: HeldCompany) -> None:
        """Let the position be found by its address and its company."""
        self.parties[held] = (person, company)
        self.by_company.setdefault(company, {})[held] = None
        if held.record.email:
            self.by_email.setdefault(held.record.email, {})[held] = None

    def at(self, email: str) -> Sequence[HeldPosition]:
        """The positions with this address."""
        return list(self.by_email.get(email, {}))

    def colleague(
        self, company: HeldCompany, name: tuple[str, str], page: str | None
    ) -> HeldPerson | None:
        """The person of this name in the company, unless two LinkedIn pages tell them apart."""
        for held in self.by_company.get(company, {}):
            person = self.parties[held][0]
            theirs = name_key(person.record.first_name, person.record.last_name)
            if name[1] and theirs == name and not (page and person.record.linkedin_url):
                return person
        return None

    def write(self) -> None:
        """Store the positions; their people and companies have been stored before."""
        for held in self.met:
            person, company = self.parties[held]
            held.record.person, held.record.company = person.record, company.record
        super().write()
