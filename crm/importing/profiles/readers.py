"""How the cells of each target are read."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from crm.importing import normalising as read
from crm.importing.addresses import address
from crm.importing.normalising import EMPTY_WORDS, Unusable, cleaned, header_key, sentence_text
from crm.importing.normalising.places import DEPARTMENT

Reader = Callable[[str], Any]
Words = Mapping[str, str]  # header_key of a word -> what is stored

COUNTRIES = {  # ISO 3166 -> French and English names; France's neighbours and partners
    "FR": ("france",),
    "AT": ("autriche", "austria"),
    "BE": ("belgique", "belgium"),
    "CA": ("canada",),
    "CH": ("suisse", "switzerland"),
    "CN": ("chine", "china"),
    "CZ": ("republique tcheque", "tchequie", "czechia", "czech republic"),
    "DE": ("allemagne", "germany"),
    "DK": ("danemark", "denmark"),
    "DZ": ("algerie", "algeria"),
    "ES": ("espagne", "spain"),
    "FI": ("finlande", "finland"),
    "GB": ("royaume-uni", "grande-bretagne", "angleterre", "united kingdom", "uk"),
    "IE": ("irlande", "irlande, ou eire", "ireland"),
    "IT": ("italie", "italy"),
    "JP": ("japon", "japan"),
    "LU": ("luxembourg",),
    "MA": ("maroc", "morocco"),
    "MC": ("monaco",),
    "NL": ("pays-bas", "netherlands"),
    "NO": ("norvege", "norway"),
    "PL": ("pologne", "poland"),
    "PT": ("portugal",),
    "SE": ("suede", "sweden"),
    "TN": ("tunisie", "tunisia"),
    "US": ("etats-unis", "etats-unis d'amerique", "united states", "usa"),
}
COUNTRY_OF = {name: code for code, names in COUNTRIES.items() for name in names}
CATEGORIES = {"pme": "PME", "eti": "ETI", "ge": "GE"}
STATES = {"a": "A", "actif": "A", "active": "A", "c": "C", "cesse": "C", "cessee": "C"}
ESTABLISHMENT_STATES = {"a": "A", "actif": "A", "active": "A", "ouvert": "A", "open": "A"}
ESTABLISHMENT_STATES |= {"f": "F", "ferme": "F", "fermee": "F", "closed": "F"}
# N was the register's word until 2023 for what P says now: opposed to prospecting.
DIFFUSIONS = {"o": "O", "p": "P", "n": "P"}
EDITIONS = {"nafrev2": "NAFRev2", "nafrev1": "NAFRev1", "naf1993": "NAF1993", "nap": "NAP"}
EDITIONS |= {"naf2025": "NAF2025", "naf25": "NAF2025"}


def country(text: str) -> str | None:
    """The country as two letters (ISO 3166), also from the names of those near to France."""
    value = header_key(text)
    if value in EMPTY_WORDS - {"na", "nc"}:  # Namibia and New Caledonia
        return None
    code = COUNTRY_OF.get(value, value.upper())
    if code == "UK" or not re.fullmatch(r"[A-Z]{2}", code):
        raise Unusable("country_unknown")
    return code


def department(text: str) -> str | None:
    """A French department's code: 01 to 95, 2A, 2B, or three digits overseas."""
    value = cleaned(text).upper()
    if value.casefold() in EMPTY_WORDS:
        return None
    code = value.zfill(2)
    if not DEPARTMENT.fullmatch(code):
        raise Unusable("department_unknown")
    return code


def domain(text: str) -> str | None:
    """A domain in lower-case ASCII, also out of a whole web address."""
    if cleaned(text).casefold() in EMPTY_WORDS:
        return None
    try:
        return read.domain_of(read.web_address(text) or "") or None
    except Unusable as error:
        raise Unusable("domain_invalid") from error


def one_of(words: Words, code: str, text: str) -> str | None:
    """What the word stands for; Unusable with this code when it is none of them."""
    value = header_key(text)
    if value in EMPTY_WORDS:
        return None
    if value not in words:
        raise Unusable(code)
    return words[value]


def code_of(digits: int, code: str, text: str) -> str | None:
    """A code of so many digits, whose leading zeros may be lost; Unusable with this code."""
    value = cleaned(text)
    if value.casefold() in EMPTY_WORDS:
        return None
    if not re.fullmatch(rf"[0-9]{{1,{digits}}}", value):
        raise Unusable(code)
    return value.zfill(digits)


def commune(text: str) -> str | None:
    """A commune's code in the official list (INSEE), such as 13055 or 2A004; not its postcode."""
    value = cleaned(text).upper()
    if value.casefold() in EMPTY_WORDS:
        return None
    value = value.zfill(5)
    if not re.fullmatch(r"[0-9][0-9AB][0-9]{3}", value):
        raise Unusable("commune_invalid")
    return value


def _text(limit: int) -> Reader:
    return partial(sentence_text, limit=limit)


# Telephones need the postcode, so whoever reads a whole row reads those. The targets that no
# company has a field for (parts of an address, of a name) are joined there as well.
READERS: Mapping[str, Reader] = {
    "company.pharow_company_id": _text(32),
    "company.siren": read.siren,
    "company.hq_siret": read.siret,
    "company.hq_nic": partial(code_of, 5, "nic_invalid"),
    "company.establishment_siret": read.siret,
    "company.establishment_state": partial(
        one_of, ESTABLISHMENT_STATES, "establishment_state_unknown"
    ),
    "company.is_head_office": read.yes_or_no,
    "company.name": sentence_text,
    "company.brand_name": sentence_text,
    "company.sign": sentence_text,
    "company.acronym": sentence_text,
    "company.linkedin_name": sentence_text,
    "company.trader_first_name": _text(100),
    "company.trader_usual_first_name": _text(100),
    "company.trader_last_name": _text(100),
    "company.trader_usage_name": _text(100),
    "company.naf_code": read.naf_code,
    "company.naf_2025_code": read.naf_code,
    "company.naf_nomenclature": partial(one_of, EDITIONS, "naf_edition_unknown"),
    "company.naf_sector": sentence_text,
    "company.activity": _text(2_000),
    "company.description": _text(20_000),
    "company.legal_form_code": partial(code_of, 4, "legal_form_invalid"),
    "company.category": partial(one_of, CATEGORIES, "category_unknown"),
    "company.administrative_state": partial(one_of, STATES, "state_unknown"),
    "company.diffusion": partial(one_of, DIFFUSIONS, "diffusion_unknown"),
    "company.founding_year": read.year,
    "company.founding_date": read.day,
    "company.growing": read.yes_or_no,
    "company.employee_range": _text(50),
    "company.employee_count": read.whole_number,
    "company.headcount_code": read.headcount_code,
    "company.headcount_year": read.year,
    "company.annual_revenue_eur": read.euros,
    "company.annual_revenue_year": read.year,
    "company.generic_email": address,
    "company.website_url": read.web_address,
    "company.domain": domain,
    "company.linkedin_url": read.linkedin_page,
    "company.hq_address": _text(500),
    "company.address_extra": _text(100),
    "company.address_number": _text(20),
    "company.address_suffix": _text(10),
    "company.address_street_type": _text(30),
    "company.address_street": _text(150),
    "company.address_special": _text(100),
    "company.postal_code": _text(10),
    "company.city": _text(100),
    "company.foreign_city": _text(100),
    "company.commune_code": commune,
    "company.department": department,
    "company.country": country,
    "person.first_name": _text(100),
    "person.last_name": _text(100),
    "person.full_name": _text(100),
    "person.salutation": _text(50),
    "person.linkedin_url": read.linkedin_page,
    "position.list_name": sentence_text,
    "position.job_title": sentence_text,
    "position.email": address,
    "position.email_status_raw": _text(50),
    "position.email_reliability": read.per_cent,
}
