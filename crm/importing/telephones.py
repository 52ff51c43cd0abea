"""Telephone numbers of the French plan, overseas included, and of the world."""

import re
from dataclasses import dataclass

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType

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
KINDS = {
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE: "fixed",
    PhoneNumberType.VOIP: "voip",
}


@dataclass(frozen=True)
class Telephone:
    """A number in E.164, and what it rings: mobile, fixed, voip or other."""

    number: str
    kind: str


def telephone(text: str, *, postcode: str | None = None) -> Telephone | None:
    """The number in E.164, read as from where the postcode lies; Unusable when no plan has it."""
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
    raise Unusable("phone_invalid", f"“{value[:64]}” is no telephone number in use.")


def _valid(text: str, region: str) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None
