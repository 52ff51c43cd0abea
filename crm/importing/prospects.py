"""A row of the file becomes a prospect: facts about a company, a person and their position."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crm.importing import addresses
from crm.importing import normalising as read
from crm.importing.normalising import Unusable, cleaned, header_key
from crm.importing.profiles import READERS, Mapped
from crm.importing.reading import Row
from crm.importing.report import Problem
from crm.importing.telephones import Telephone, telephone

SHOWN = 200
HIDDEN = re.compile(r"\[nd\]", re.IGNORECASE)
EMAIL_STATUSES = {  # the suppliers' words -> ours
    "valid": "valid",
    "valide": "valid",
    "deliverable": "valid",
    "nominative": "valid",
    "nominatif": "valid",
    "high probability": "catch_all_likely",
    "catch all safe": "catch_all_likely",
    "catch all": "catch_all",
    "catch all not safe": "catch_all",
    "catchall": "catch_all",
    "risky": "catch_all",
    "unknown": "unknown",
    "inconnu": "unknown",
    "random": "unknown",
    "non validated": "unknown",
    "generic": "generic",
    "generique": "generic",
    "invalid": "invalid",
    "invalide": "invalid",
    "undeliverable": "invalid",
    "disposable": "invalid",
    "jetable": "invalid",
    "do not contact": "do_not_contact",
    "ne pas contacter": "do_not_contact",
}


@dataclass(frozen=True)
class Line:
    """A telephone number of a person, as it stood in the file, and which column supplied it."""

    source: str
    telephone: Telephone
    raw: str


@dataclass
class Prospect:
    """What one row says; fields without a value are absent."""

    row: int
    email: str
    company: dict[str, Any] = field(default_factory=dict)
    person: dict[str, Any] = field(default_factory=dict)
    position: dict[str, Any] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> tuple[str, str]:
        """First and last name without accents and case, to compare people by."""
        return name_key(self.person.get("first_name"), self.person.get("last_name"))


def name_key(first_name: str | None, last_name: str | None) -> tuple[str, str]:
    """What two spellings of one person's name have in common."""
    return header_key(first_name or ""), header_key(last_name or "")


class RowReader:
    """Reads the rows of one file, whose columns are mapped once."""

    def __init__(self, mapped: Mapped, headers: Iterable[str]) -> None:
        self.mapped = mapped
        self.width = len(tuple(headers))
        self.column = {target: header for header, target in mapped.targets.items()}

    def read(self, row: Row) -> tuple[Prospect | None, list[Problem]]:
        """The prospect, or None when the row is refused, and everything wrong with the row."""
        if row.width != self.width:
            sentence = f"The row has {row.width} cells, the header has {self.width}."
            return None, [Problem(row.number, "", "", "cells_shifted", sentence)]
        reading = _Reading(row, self.mapped, self.column)
        return reading.prospect(), reading.problems


class _Reading:
    """One row on its way to a prospect."""

    def __init__(self, row: Row, mapped: Mapped, column: Mapping[str, str]) -> None:
        self.row, self.mapped, self.column = row, mapped, column
        self.problems: list[Problem] = []
        self.facts: dict[str, Any] = {}
        self.lines: list[Line] = []

    def prospect(self) -> Prospect | None:
        for header, target in self.mapped.targets.items():
            self._take(header, target)
        self._settle_company()
        self._settle_numbers()
        self._settle_founding()
        self._settle_address()
        self._settle_telephones()
        self._settle_person()
        self._settle_email()
        if self.facts.get("position.email") is None or self.facts.get("company.name") is None:
            return None
        return Prospect(
            row=self.row.number,
            email=self.facts["position.email"],
            company=self._of("company"),
            person=self._of("person"),
            position=self._of("position"),
            lines=self.lines,
            kept={name: text for name in self.mapped.unknown if (text := self._text(name))},
        )

    def note(self, target: str, code: str, sentence: str, value: str | None = None) -> None:
        header = self.column.get(target, "")
        value = self.row.cells.get(header, "") if value is None else value
        self.problems.append(Problem(self.row.number, header, value[:SHOWN], code, sentence))

    def _text(self, header: str) -> str:
        return self.row.cells.get(header, "").strip()

    def _of(self, entity: str) -> dict[str, Any]:
        start = f"{entity}."
        return {
            target.removeprefix(start): value
            for target, value in self.facts.items()
            if target.startswith(start) and value is not None
        }

    def _take(self, header: str, target: str) -> None:
        """Read one cell; what is unusable is left out and noted."""
        reader = READERS.get(target)
        if reader is None:
            return
        text = self.row.cells.get(header, "")
        try:
            value = reader(text)
        except Unusable as problem:
            self.note(target, problem.code, problem.sentence)
            return
        self.facts[target] = value
        if isinstance(value, str) and read.looks_like_formula(value):
            self.note(target, "formula", "The cell looks like a formula; it is kept as plain text.")

    def _settle_company(self) -> None:
        """The legal name, else the brand; without either the row cannot be used."""
        self.facts["company.name"] = self.facts.get("company.name") or self.facts.get(
            "company.brand_name"
        )
        if self.facts["company.name"] is None:
            self.note("company.name", "company_name_missing", "The company has no name.")
        site, email = self.facts.get("company.website_url"), self.facts.get("position.email")
        if site:
            self.facts["company.domain"] = read.domain_of(site)
        elif email:
            self.facts["company.domain"] = addresses.company_domain(email)
        band = self.row.cells.get(self.column.get("company.employee_range", ""), "")
        try:
            self.facts["company.headcount_code"] = read.headcount_code(band)
        except Unusable as problem:
            self.note("company.employee_range", problem.code, problem.sentence)

    def _settle_numbers(self) -> None:
        """A SIRET begins with its company's SIREN: it mends a missing one, and must not differ."""
        siren, siret = self.facts.get("company.siren"), self.facts.get("company.hq_siret")
        if siret and not siren:
            self.facts["company.siren"] = siret[:9]
        elif siret and siren and not siret.startswith(siren):
            del self.facts["company.hq_siret"]
            sentence = f"The SIRET {siret} does not belong to the SIREN {siren}; it is left out."
            self.note("company.hq_siret", "siret_of_another_siren", sentence)

    def _settle_founding(self) -> None:
        day, year = self.facts.get("company.founding_date"), self.facts.get("company.founding_year")
        if day and year and day.year != year:
            sentence = (
                f"The company's year ({year}) differs from its date ({day}); the date counts."
            )
            self.note("company.founding_year", "founding_differs", sentence)
        if day:
            self.facts["company.founding_year"] = day.year

    def _settle_address(self) -> None:
        """Postcode and city out of the address; [ND] is how INSEE writes “not to be shown”."""
        text = self.row.cells.get(self.column.get("company.hq_address", ""), "")
        if HIDDEN.search(text):
            shown = self.facts.get("company.hq_address") or ""
            self.facts["company.hq_address"] = cleaned(HIDDEN.sub(" ", shown)).strip(" ,") or None
            self.facts["company.diffusion"] = "P"
            sentence = "The register hides this address: the company opposes prospecting."
            self.note("company.hq_address", "address_hidden", sentence)
        postcode, city = read.postcode_and_city(self.facts.get("company.hq_address") or "")
        for target, found in (("company.postal_code", postcode), ("company.city", city)):
            self.facts[target] = self.facts.get(target) or found

    def _settle_person(self) -> None:
        """Split a full name where that is safe; elsewhere it is all last name."""
        full = self.facts.pop("person.full_name", None)
        if full and not (self.facts.get("person.first_name") or self.facts.get("person.last_name")):
            first, last = split_name(full)
            self.facts |= {"person.first_name": first, "person.last_name": last}

    def _settle_email(self) -> None:
        """The address's status from the supplier's word, else from the address itself."""
        email = self.facts.get("position.email")
        if email is None:
            if "position.email" in self.facts:
                self.note("position.email", "email_missing", "The row has no e-mail address.")
            return
        raw = self.facts.get("position.email_status_raw")
        if raw:
            self.facts["position.email_status"] = self._status(raw)
        elif addresses.is_role(email):
            self.facts["position.email_status"] = "generic"
        if addresses.is_never_written_to(email):
            self.facts["position.email_status"] = "do_not_contact"
            sentence = f"{email} is a mailbox for complaints or machines; it is never written to."
            self.note("position.email", "email_never_written_to", sentence)
        elif addresses.is_role(email):
            self.note(
                "position.email", "email_role", f"{email} belongs to a role, not to a person."
            )
        if addresses.is_free_mail(email):
            sentence = f"{email} lies with a mail provider; its domain says nothing of the company."
            self.note("position.email", "email_free_mail", sentence)

    def _status(self, raw: str) -> str:
        key = header_key(raw).replace("-", " ")
        key = key.partition("@")[0]  # Dropcontact writes qualification@kind, as in nominative@pro
        if key not in EMAIL_STATUSES:
            sentence = f"The status “{raw}” is not known; the address counts as unknown."
            self.note("position.email_status_raw", "email_status_unknown", sentence)
        return EMAIL_STATUSES.get(key, "unknown")

    def _settle_telephones(self) -> None:
        """The company's number goes to the company, the others are the person's."""
        for header, target in self.mapped.targets.items():
            entity, _, source = target.partition(".")
            if entity != "phone" and target != "company.main_phone":
                continue
            found = self._telephone(header, target)
            if found and entity == "phone":
                raw = cleaned(self.row.cells[header])[:64]
                self.lines.append(Line(source, found, raw))
            elif found:
                self.facts[target] = found.number

    def _telephone(self, header: str, target: str) -> Telephone | None:
        try:
            text = self.row.cells.get(header, "")
            return telephone(text, postcode=self.facts.get("company.postal_code"))
        except Unusable as problem:
            self.note(target, problem.code, problem.sentence)
            return None


def split_name(full: str) -> tuple[str | None, str | None]:
    """First and last name: by a comma, by capitals (“Jean DUPONT”), or by being two words."""
    last, comma, first = full.partition(",")
    if comma:
        return first.strip() or None, last.strip() or None
    words = full.split()
    capitals = [word for word in words if len(word) > 1 and word.isupper()]
    others = [word for word in words if word not in capitals]
    if capitals and others:
        return " ".join(others), " ".join(capitals)
    return (words[0], words[1]) if len(words) == 2 else (None, full)
