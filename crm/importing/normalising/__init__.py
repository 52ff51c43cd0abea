"""One cell at a time: text from a file becomes a clean value, nothing, or a reasoned refusal.

Every reader takes the text of one cell and returns the value, None for an empty cell, or raises
Unusable. Nothing is ever evaluated: a cell that looks like a formula is text like any other.
"""

from crm.importing.normalising.figures import day, euros, per_cent, whole_number, year
from crm.importing.normalising.places import department_of, postcode_and_city
from crm.importing.normalising.registers import headcount_code, naf_code, siren, siret
from crm.importing.normalising.texts import (
    EMPTY_WORDS,
    Unusable,
    cleaned,
    header_key,
    looks_like_formula,
    sentence_text,
    yes_or_no,
)
from crm.importing.normalising.web import (
    ascii_domain,
    domain_of,
    linkedin_page,
    page_key,
    web_address,
)

__all__ = [
    "EMPTY_WORDS",
    "Unusable",
    "ascii_domain",
    "cleaned",
    "day",
    "department_of",
    "domain_of",
    "euros",
    "header_key",
    "headcount_code",
    "linkedin_page",
    "looks_like_formula",
    "naf_code",
    "page_key",
    "per_cent",
    "postcode_and_city",
    "sentence_text",
    "siren",
    "siret",
    "web_address",
    "whole_number",
    "year",
    "yes_or_no",
]
