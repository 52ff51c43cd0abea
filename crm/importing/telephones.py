"""Telephone numbers of the French plan, overseas included, and of the world."""

import re
from functools import cache
from typing import NamedTuple

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumberType

from crm.importing.normalising import EMPTY_WORDS, Unusable, cleaned

OVERSEAS = {  # the first three digits of the postcode -> region of the numbering plan
    "971": "GP",
    "972": "MQ",
    "973": "GF",
    "974": "RE",
    "975": "PM",
    "976": "YT",
    "977": "BL",
    "978": "MF",
    "986": "WF",
    "987": "PF",
    "988": "NC",
}
# These five share the ten digits of the mainland's plan, so 0692… means Réunion everywhere.
SHARED_PLAN = ("GP", "MQ", "GF", "RE", "YT")
SHARED_CODES = ("BL", "MF")  # these have the country code of one of the five
KINDS = {
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE: "fixed",
    PhoneNumberType.VOIP: "voip",
}
# What nearly every French number looks like: 0612345678, 06 12 34 56 78, +33 6.12.34.56.78.
PLAIN_NUMBER = re.compile(r"(?:0|\+33 ?|0033 ?)([1-9](?:[ .-]?[0-9]{2}){4})")
SEPARATORS = str.maketrans("", "", " .-")


class Telephone(NamedTuple):
    """A number in E.164, and what it rings: mobile, fixed, voip or other."""

    number: str
    kind: str


def telephone(text: str, *, postcode: str | None = None) -> Telephone | None:
    """The number in E.164, read as from where the postcode lies; Unusable when no plan has it."""
    found = PLAIN_NUMBER.fullmatch(text)
    if found and not (postcode and postcode[:3] in OVERSEAS):
        digits = found[1].translate(SEPARATORS)
        if known := _mainland().fullmatch(digits):
            return Telephone(f"+33{digits}", str(known.lastgroup))
        if not _any_plan().fullmatch(digits):
            raise Unusable("phone_invalid")
    return parsed_telephone(text, postcode=postcode)


def parsed_telephone(text: str, *, postcode: str | None = None) -> Telephone | None:
    """What `telephone` promises, by the library alone."""
    value = cleaned(text)
    if value.casefold() in EMPTY_WORDS:
        return None
    national = re.sub(r"^\s*(\+|00)\s*33\s*(\(\s*0\s*\))?", "0", value)
    home = OVERSEAS.get((postcode or "")[:3], "FR")
    for region in dict.fromkeys((home, "FR", *SHARED_PLAN)):
        if found := _valid(national, region):
            kind = KINDS.get(phonenumbers.number_type(found), "other")
            return Telephone(
                phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164), kind
            )
    raise Unusable("phone_invalid")


def _valid(text: str, region: str) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None


@cache
def _mainland() -> re.Pattern[str]:
    """The library's patterns of the mainland, in the order in which it asks for kinds."""
    plan = _plan("FR")
    fixed, mobile = _any_of(plan.fixed_line), _any_of(plan.mobile)
    paid = _any_of(plan.premium_rate, plan.toll_free, plan.shared_cost)
    special = _any_of(plan.personal_number, plan.pager, plan.uan, plan.voicemail)
    both = f"(?=(?:{fixed})$)(?:{mobile})"
    return re.compile(
        f"(?!(?:{paid}|{both})$)(?:(?P<voip>{_any_of(plan.voip)})"
        f"|(?!(?:{special})$)(?:(?P<fixed>{fixed})|(?P<mobile>{mobile})))"
    )


@cache
def _any_plan() -> re.Pattern[str]:
    """Every number of any kind that is dialled in nine digits behind a zero."""
    plans = [_plan(region) for region in ("FR", *SHARED_PLAN, *SHARED_CODES)]
    return re.compile(
        "|".join(
            _any_of(
                *(plan.fixed_line, plan.mobile, plan.premium_rate, plan.toll_free),
                *(plan.shared_cost, plan.voip, plan.personal_number, plan.pager),
                *(plan.uan, plan.voicemail),
            )
            for plan in plans
        )
    )


def _plan(region: str) -> PhoneMetadata:
    plan = PhoneMetadata.metadata_for_region(region)
    if plan is None:
        raise LookupError(f"The library has no numbering plan of {region}.")
    return plan


def _any_of(*kinds: phonenumbers.PhoneNumberDesc | None) -> str:
    patterns = (kind.national_number_pattern for kind in kinds if kind)
    return "|".join(pattern for pattern in patterns if pattern) or "(?!)"
