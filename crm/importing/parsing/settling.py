"""What a company's cells say together: one fact mends, completes or contradicts another."""

import re
from collections.abc import Iterable, Mapping, Sequence

from stdnum.fr import siret as stdnum_siret

from crm.importing.addresses import company_domain
from crm.importing.copying import NULL
from crm.importing.normalising import (
    Unusable,
    cleaned,
    department_of,
    domain_of,
    headcount_code,
    postcode_and_city,
    yes_or_no,
)
from crm.importing.parsing.cells import Finding, Memo
from crm.importing.profiles import READERS
from crm.importing.telephones import telephone

HIDDEN = re.compile(r"\[nd\]", re.IGNORECASE)
HOME = ("FR", NULL)  # the countries whose postcodes tell a department
# What every establishment tells of its company; the rest counts from an open head office alone.
OF_ANY_ESTABLISHMENT = (
    *("siren", "diffusion", "administrative_state"),
    *("establishment_siret", "is_head_office", "establishment_state"),
)
ONLY_ITS_COMPANY = ("not_head_office", "establishment_closed")
STREET = ("address_number", "address_suffix", "address_street_type", "address_street")
Rows = Sequence[Sequence[str]]


class Facts(dict[str, list[str]]):
    """Columns of facts as COPY text, all of one length; one that nobody gave is empty."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def __missing__(self, name: str) -> list[str]:
        return [NULL] * self.count

    def fill(self, name: str, values: Iterable[str]) -> None:
        """Where the fact is missing, what stands in its place among these values counts."""
        self[name] = [
            value if own == NULL else own for own, value in zip(self[name], values, strict=True)
        ]


class Settler:
    """Settles the companies of one file, whose columns stand at these places."""

    def __init__(self, places: Mapping[str, int], *, people: bool) -> None:
        self.places = places
        self.people = people
        speaking = (*OF_ANY_ESTABLISHMENT, "name") if people else OF_ANY_ESTABLISHMENT
        self.unheard = [place for name, place in places.items() if name not in speaking]
        self.code_of = Memo[str | None](_code_of_band)
        self.department_of = Memo[str](lambda code: department_of(code) or NULL)

    def heard(self, rows: Rows) -> Rows:
        """The rows as far as they count: a branch, or what is closed, tells whose it is alone."""
        head, state = (self.places.get(name) for name in ("is_head_office", "establishment_state"))
        if head is not None:
            rows = [row if _is_yes(row[head]) else _without(row, self.unheard) for row in rows]
        if state is not None:
            rows = [_without(row, self.unheard) if _is_closed(row[state]) else row for row in rows]
        return rows

    def settle(
        self, facts: Facts, rows: Rows, emails: Sequence[str], findings: list[Finding]
    ) -> None:
        """Complete the facts of these rows; what is dropped on the way is told."""
        self._settle_numbers(facts, findings)
        self._settle_states(facts, findings)
        self._settle_names(facts, findings)
        self._settle_activity(facts)
        self._settle_headcount(facts, rows, findings)
        self._settle_founding(facts, findings)
        self._settle_diffusion(facts, rows, findings)
        self._settle_place(facts)
        self._settle_domain(facts, emails)
        self._settle_telephone(facts, rows, findings)

    def _note(self, at: int, name: str, code: str, **detail: str | int) -> Finding:
        return Finding(at, self.places.get(name, -1), code, detail)

    def _settle_numbers(self, facts: Facts, findings: list[Finding]) -> None:
        """A SIRET begins with its company's SIREN: it mends a missing one, and must not differ."""
        if "is_head_office" in facts:
            self._settle_establishments(facts, findings)
        if "hq_nic" in facts:
            pairs = zip(facts["siren"], facts.pop("hq_nic"), strict=True)
            facts.fill("hq_siret", [_siret_of(siren, nic) for siren, nic in pairs])
        if "hq_siret" not in facts:
            return
        sirets = facts["hq_siret"]
        facts.fill("siren", [NULL if siret == NULL else siret[:9] for siret in sirets])
        for at, (siren, siret) in enumerate(zip(facts["siren"], sirets, strict=True)):
            if siret != NULL and not siret.startswith(siren):
                sirets[at] = NULL
                findings.append(
                    self._note(at, "hq_siret", "siret_of_another_siren", siret=siret, siren=siren)
                )

    def _settle_establishments(self, facts: Facts, findings: list[Finding]) -> None:
        """The open head office's SIRET is the company's; another's tells its SIREN."""
        sirets = facts["establishment_siret"]
        facts.fill("siren", [NULL if siret == NULL else siret[:9] for siret in sirets])
        answers, states = facts.pop("is_head_office"), facts["establishment_state"]
        found = list(zip(sirets, answers, states, strict=True))
        facts.fill(
            "hq_siret",
            [siret if head == "t" and state != "F" else NULL for siret, head, state in found],
        )
        for at, (siret, head, state) in enumerate(found):
            if head != "t" and state != "F":
                shown = facts["siren"][at] if siret == NULL else siret
                findings.append(self._note(at, "is_head_office", "not_head_office", siret=shown))

    def _settle_names(self, facts: Facts, findings: list[Finding]) -> None:
        """The legal name, else the trader's, else the brand; among companies alone the SIREN.

        A row that lacks what tells its company cannot be used.
        """
        if "sign" in facts:
            facts.fill("brand_name", facts["sign"])
        if any(name.startswith("trader_") for name in facts):
            facts.fill("name", _traders(facts))
        if self.people and "brand_name" in facts:
            facts.fill("name", facts["brand_name"])
        needed, code = (
            ("name", "company_name_missing") if self.people else ("siren", "company_unidentified")
        )
        findings += [
            Finding(at, self.places.get(needed, -1), code, {}, refusing=True)
            for at, value in enumerate(facts[needed])
            if value == NULL
        ]
        if not self.people:
            self._tell_nameless(facts, findings)

    def _tell_nameless(self, facts: Facts, findings: list[Finding]) -> None:
        """Which companies go by their SIREN; that of a branch or of closed premises is told so."""
        told = {found.at for found in findings if found.code in ONLY_ITS_COMPANY}
        named = zip(facts["siren"], facts["name"], facts["brand_name"], strict=True)
        findings += [
            self._note(at, "name", "company_without_name")
            for at, (siren, *names) in enumerate(named)
            if siren != NULL and names == [NULL, NULL] and at not in told
        ]

    def _settle_activity(self, facts: Facts) -> None:
        """The older list's code goes first; an edition without a code says nothing."""
        if "naf_2025_code" in facts:
            codes = list(zip(facts["naf_code"], facts["naf_2025_code"], strict=True))
            facts["naf_nomenclature"] = [
                "NAF2025" if code == NULL != newer else edition
                for (code, newer), edition in zip(codes, facts["naf_nomenclature"], strict=True)
            ]
            facts["naf_code"] = [newer if code == NULL else code for code, newer in codes]
        if "naf_nomenclature" in facts:
            pairs = zip(facts["naf_code"], facts["naf_nomenclature"], strict=True)
            facts["naf_nomenclature"] = [NULL if code == NULL else it for code, it in pairs]

    def _settle_headcount(self, facts: Facts, rows: Rows, findings: list[Finding]) -> None:
        """INSEE's code out of the band of employees, where it has no column of its own."""
        place = self.places.get("employee_range")
        if place is None:
            return
        codes = [self.code_of[row[place]] for row in rows]
        findings += [
            self._note(at, "employee_range", "headcount_unknown")
            for at, code in enumerate(codes)
            if code is None
        ]
        facts.fill("headcount_code", [code or NULL for code in codes])

    def _settle_founding(self, facts: Facts, findings: list[Finding]) -> None:
        """A date tells its year; where another year stands as well, the date counts."""
        if "founding_date" not in facts:
            return
        years = facts["founding_year"] = list(facts["founding_year"])
        for at, (day, year) in enumerate(zip(facts["founding_date"], years, strict=True)):
            if day == NULL:
                continue
            years[at] = str(int(day[:4]))
            if year not in (NULL, years[at]):
                note = self._note(at, "founding_year", "founding_differs", year=int(year), day=day)
                findings.append(note)

    def _settle_diffusion(self, facts: Facts, rows: Rows, findings: list[Finding]) -> None:
        """The register marks who opposes prospecting by a letter, or hides the address as [ND]."""
        findings += [
            self._note(at, "diffusion", "company_opposed")
            for at, letter in enumerate(facts.get("diffusion", ()))
            if letter == "P"
        ]
        place = self.places.get("hq_address")
        if place is None:
            return
        hidden = [at for at, row in enumerate(rows) if HIDDEN.search(row[place])]
        if hidden:
            addresses, letters = facts["hq_address"], facts["diffusion"]
            for at in hidden:
                shown = cleaned(HIDDEN.sub(" ", addresses[at])).strip(" ,")
                addresses[at], letters[at] = shown or NULL, "P"
                findings.append(self._note(at, "hq_address", "address_hidden"))
            facts["diffusion"] = letters

    def _settle_states(self, facts: Facts, findings: list[Finding]) -> None:
        """What has ceased or is closed is told; nothing more follows from it here."""
        findings += [
            self._note(at, "administrative_state", "company_closed")
            for at, state in enumerate(facts.get("administrative_state", ()))
            if state == "C"
        ]
        for at, state in enumerate(facts.get("establishment_state", ())):
            if state == "F":
                siret = facts["establishment_siret"][at]
                shown = facts["siren"][at] if siret == NULL else siret
                note = self._note(at, "establishment_state", "establishment_closed", siret=shown)
                findings.append(note)

    def _settle_place(self, facts: Facts) -> None:
        """Parts make an address, an address tells postcode and city, those tell the department."""
        if "foreign_city" in facts:
            facts.fill("city", facts["foreign_city"])
        if "address_street" in facts:
            facts.fill("hq_address", _joined_addresses(facts))
        if "hq_address" in facts:
            found = [_place_in(address) for address in facts["hq_address"]]
            facts.fill("postal_code", [postcode for postcode, _city in found])
            facts.fill("city", [city for _postcode, city in found])
        if "commune_code" in facts:
            facts.fill("department", map(self.department_of.__getitem__, facts["commune_code"]))
        places = zip(facts["postal_code"], facts["country"], strict=True)
        facts.fill(
            "department",
            [self.department_of[code] if country in HOME else NULL for code, country in places],
        )

    def _settle_domain(self, facts: Facts, emails: Sequence[str]) -> None:
        """The site's domain, else the address's own."""
        if "website_url" in facts:
            sites = facts["website_url"]
            facts.fill("domain", [NULL if url == NULL else domain_of(url) for url in sites])
        if NULL in facts["domain"]:
            facts.fill("domain", [_domain_behind(email) for email in emails])

    def _settle_telephone(self, facts: Facts, rows: Rows, findings: list[Finding]) -> None:
        """The company's number, read as from where the company lies."""
        place = self.places.get("main_phone")
        if place is None:
            return
        numbers = facts["main_phone"]
        for at, (row, postcode) in enumerate(zip(rows, facts["postal_code"], strict=True)):
            if not row[place]:
                continue
            try:
                found = telephone(row[place], postcode=postcode)
            except Unusable as problem:
                findings.append(self._note(at, "main_phone", problem.code, **problem.detail))
                continue
            numbers[at] = found.number if found else NULL
        facts["main_phone"] = numbers


def _is_yes(cell: str) -> bool:
    try:
        return yes_or_no(cell) is True
    except Unusable:
        return False


def _is_closed(cell: str) -> bool:
    try:
        return READERS["company.establishment_state"](cell) == "F"
    except Unusable:
        return False


def _without(row: Sequence[str], places: Iterable[int]) -> Sequence[str]:
    cells = list(row)
    for place in places:
        cells[place] = ""
    return cells


def _code_of_band(cell: str) -> str | None:
    """The code, NULL for an empty cell, None for a band that nobody knows."""
    try:
        return headcount_code(cell) or NULL
    except Unusable:
        return None


def _siret_of(siren: str, nic: str) -> str:
    siret = siren + nic
    return siret if stdnum_siret.is_valid(siret) else NULL


def _traders(facts: Facts) -> list[str]:
    """The names that sole traders go by: the usual first name, the name in use."""
    first, usual, last, usage = (
        facts[f"trader_{name}"]
        for name in ("first_name", "usual_first_name", "last_name", "usage_name")
    )
    return [
        " ".join(name for name in (a if b == NULL else b, c if d == NULL else d) if name != NULL)
        or NULL
        for a, b, c, d in zip(first, usual, last, usage, strict=True)
    ]


def _joined_addresses(facts: Facts) -> list[str]:
    """Addresses in one line, as in “3 BIS QUAI DES BAUX, 13260 CASSIS”."""
    streets = [_joined(" ", parts) for parts in zip(*(facts[name] for name in STREET), strict=True)]
    cities = [
        _joined(" ", parts) for parts in zip(facts["postal_code"], facts["city"], strict=True)
    ]
    lines = (facts["address_extra"], streets, facts["address_special"], cities)
    return [_joined(", ", parts) for parts in zip(*lines, strict=True)]


def _joined(separator: str, parts: Iterable[str]) -> str:
    return separator.join(part for part in parts if part != NULL) or NULL


def _place_in(address: str) -> tuple[str, str]:
    if address == NULL:
        return NULL, NULL
    postcode, city = postcode_and_city(address)
    return postcode or NULL, city or NULL


def _domain_behind(email: str) -> str:
    return NULL if email == NULL else company_domain(email) or NULL
