"""What lists of companies and of positions are narrowed by: each filter said once.

`path` leads from the row to its company: `company__` from a position.
"""

import re
from collections.abc import Collection

from django.db.models import Q

from crm.importing.normalising.registers import HEADCOUNT_CODES, NO_EMPLOYER

DEPARTMENT = re.compile(r"0[1-9]|[1-8][0-9]|9[0-5]|2[AB]|9[78][0-9]")  # Corsica, overseas
NAF_PREFIX = re.compile(r"[0-9]{1,2}|[0-9]{2}\.[0-9]{1,2}|[0-9]{2}\.[0-9]{2}[A-Z]")


def headcounts() -> dict[str, str]:
    """INSEE's bands of employees: code -> what people call it."""
    bands = {code: _band(*band) for code, band in HEADCOUNT_CODES.items()}
    return bands | {NO_EMPLOYER: "not an employer"}


def naf_prefix(text: str) -> str | None:
    """A NAF code or its beginning as codes are kept, `62.01`; None for what is none."""
    prefix = re.sub(r"^([0-9]{2})\.?(?=[0-9])", r"\1.", text.strip().upper())
    return prefix if NAF_PREFIX.fullmatch(prefix) else None


def departments_of(text: str) -> list[str]:
    """The codes in a text such as `13, 2a 974`."""
    return list(dict.fromkeys(re.findall(r"[^\s,;]+", text.upper())))


def active_in(prefix: str, path: str = "") -> Q:
    """The company's activity begins with this part of a NAF code."""
    return Q(**{f"{path}naf_code__begins": prefix})


def seated_in(departments: Collection[str], path: str = "") -> Q:
    """The company's head office is in one of these departments."""
    return Q(**{f"{path}department__in": list(departments)})


def employing(codes: Collection[str], path: str = "") -> Q:
    """The company has so many employees, by INSEE's codes."""
    return Q(**{f"{path}headcount_code__in": list(codes)})


def _band(first: int, last: int | None) -> str:
    if last is None:
        return f"{first:,} and more"
    return f"{first:,}" if first == last else f"{first:,} to {last:,}"
