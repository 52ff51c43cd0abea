"""Numbers and codes of the French register of companies."""

import re

from stdnum.exceptions import ValidationError as InvalidNumber
from stdnum.fr import siren as stdnum_siren
from stdnum.fr import siret as stdnum_siret

from crm.importing.normalising.texts import EMPTY_WORDS, Unusable, cleaned, header_key

HEADCOUNT_CODES = {  # INSEE, tranche d'effectifs: code -> first and last number of employees
    "00": (0, 0),
    "01": (1, 2),
    "02": (3, 5),
    "03": (6, 9),
    "11": (10, 19),
    "12": (20, 49),
    "21": (50, 99),
    "22": (100, 199),
    "31": (200, 249),
    "32": (250, 499),
    "41": (500, 999),
    "42": (1_000, 1_999),
    "51": (2_000, 4_999),
    "52": (5_000, 9_999),
    "53": (10_000, None),
}
BAND = re.compile(
    r"(?P<fewest>[0-9]{1,9})(?: ?(?:-|–|a|ou|to|et) ?(?P<most>[0-9]{1,9})"
    r"|(?P<more> ?(?:\+|et ?\+|et plus|ou plus|and more)))?"
)
CODE_OF_BAND = {band: code for code, band in HEADCOUNT_CODES.items()}
NO_EMPLOYER = "NN"
LA_POSTE = "356000000"  # the SIREN whose SIRETs follow a rule of their own
# The digits 0 to 9 in ASCII -> what Luhn's formula adds for them, as they are and doubled.
ONCE = bytes.maketrans(b"0123456789", bytes(range(10)))
TWICE = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))


def siren(text: str) -> str | None:
    """A SIREN of nine digits that passes its check; a lost leading zero is put back."""
    if len(text) == 9 and _passes(text):
        return text
    digits = _register_digits(text, "siren", (7, 8, 9, 14))
    if digits is None:
        return None
    if len(digits) == 14:
        raise Unusable("siren_is_siret")
    try:
        return str(stdnum_siren.validate(digits.zfill(9)))
    except InvalidNumber as error:
        raise Unusable("siren_invalid") from error


def siret(text: str) -> str | None:
    """A SIRET of fourteen digits that passes its check (La Poste's own rule included)."""
    if len(text) == 14 and text[:9] != LA_POSTE and _passes(text) and _passes(text[:9]):
        return text
    digits = _register_digits(text, "siret", (12, 13, 14))
    if digits is None:
        return None
    try:
        return str(stdnum_siret.validate(digits.zfill(14)))
    except InvalidNumber as error:
        raise Unusable("siret_invalid") from error


def _passes(text: str) -> bool:
    """Whether the text is nothing but digits that fulfil Luhn's formula."""
    if not (text.isascii() and text.isdigit()):
        return False
    digits = text.encode()
    plain, doubled = digits[::-2].translate(ONCE), digits[-2::-2].translate(TWICE)
    return (sum(plain) + sum(doubled)) % 10 == 0


def _register_digits(text: str, name: str, lengths: tuple[int, ...]) -> str | None:
    value = re.sub(r"[\s.'’-]", "", cleaned(text))
    if value.casefold() in EMPTY_WORDS:
        return None
    if re.fullmatch(r"[0-9][.,]?[0-9]*[eE]\+?[0-9]+", re.sub(r"\s", "", cleaned(text))):
        raise Unusable(f"{name}_rounded")
    # Spreadsheets drop leading zeros; more than two would be no register number any more.
    if not re.fullmatch(r"[0-9]+", value) or len(value) not in lengths:
        raise Unusable(f"{name}_invalid")
    return value


def naf_code(text: str) -> str | None:
    """An activity code with its dot, such as 62.01Z; the edition it belongs to is not in it."""
    value = re.sub(r"\s", "", cleaned(text)).upper()
    if value.casefold() in EMPTY_WORDS:
        return None
    found = re.fullmatch(r"([0-9]{2})\.?([0-9]{2})([A-Z])", value)
    if not found:
        raise Unusable("naf_invalid")
    return f"{found[1]}.{found[2]}{found[3]}"


def headcount_code(text: str) -> str | None:
    """INSEE's code for a band of employees: “1 ou 2”, “3 - 5”, “10 000 et +”, “0”, or the code."""
    value = header_key(text)
    if value in EMPTY_WORDS:
        return None
    if value == "nn" or value.startswith("unites non employeuses"):
        return NO_EMPLOYER
    if value in HEADCOUNT_CODES:
        return value
    code = CODE_OF_BAND.get(_band(value))
    if code is None:
        raise Unusable("headcount_unknown")
    return code


def _band(value: str) -> tuple[int, int | None]:
    """From how many to how many; (-1, -1) where it says neither."""
    joined = re.sub(r"(?<=[0-9]) (?=[0-9]{3})", "", value)
    found = BAND.fullmatch(re.sub(r"\s*(salaries?|employes?|personnes?)\s*", " ", joined).strip())
    if not found:
        return -1, -1
    fewest = int(found["fewest"])
    return fewest, None if found["more"] else int(found["most"] or fewest)
