"""One cell at a time: text from a file becomes a clean value, nothing, or a reasoned refusal.

Every function takes the text of one cell and returns the value, None for an empty cell, or raises
Unusable. Nothing is ever evaluated: a cell that looks like a formula is text like any other.
"""

import re
import unicodedata
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from urllib.parse import urlsplit

import idna
from stdnum.exceptions import ValidationError as InvalidNumber
from stdnum.fr import siren as stdnum_siren
from stdnum.fr import siret as stdnum_siret

EMPTY_WORDS = {"", "n/a", "na", "n/d", "nd", "[nd]", "nc", "n/c", "null", "none", "-", "#n/a"}
EMPTY_TEXTS = {"", "n/a", "#n/a", "[nd]", "-"}  # fewer: Na, Nd and Null are names
TRUE_WORDS = {"oui", "o", "yes", "y", "vrai", "true", "1"}
FALSE_WORDS = {"non", "n", "no", "faux", "false", "0"}
URL_LIMIT = 800  # bytes; PostgreSQL indexes no more than 2,700
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
CODE_OF_BAND = {band: code for code, band in HEADCOUNT_CODES.items()}
NO_EMPLOYER = "NN"


class Unusable(ValueError):
    """A cell that holds something, yet not what its column promises."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def cleaned(text: str) -> str:
    """The text without invisible characters, every run of blanks one space, none at the ends."""
    visible = (
        " " if character.isspace() or unicodedata.category(character) == "Zs" else character
        for character in text
        if character.isspace() or unicodedata.category(character) not in {"Cc", "Cf", "Cs"}
    )
    return " ".join("".join(visible).split())


def header_key(text: str) -> str:
    """What two spellings of one header have in common: no accents, case, underscores, ’."""
    text = cleaned(text).replace("’", "'").replace("_", " ")
    letters = unicodedata.normalize("NFD", text)
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return cleaned(plain.casefold())


def sentence_text(text: str, *, limit: int = 255) -> str | None:
    """A name or label: blanks cleaned, case left alone."""
    value = cleaned(text)
    if len(value) > limit:
        raise Unusable("too_long", f"The text has {len(value)} characters, {limit} are allowed.")
    return None if value.casefold() in EMPTY_TEXTS else value


def looks_like_formula(text: str) -> bool:
    """Whether a spreadsheet would run this text; telephone numbers and dashes are harmless."""
    value = text.strip()
    if value.startswith(("=", "@")):
        return True
    return value.startswith(("+", "-")) and re.search(r"[^\W\d]|[(].*[)]\s*$", value) is not None


def siren(text: str) -> str | None:
    """A SIREN of nine digits that passes its check; a lost leading zero is put back."""
    digits = _register_digits(text, "SIREN", (7, 8, 9, 14))
    if digits is None:
        return None
    if len(digits) == 14:
        raise Unusable("siren_is_siret", f"“{cleaned(text)}” is a SIRET in the SIREN column.")
    try:
        return str(stdnum_siren.validate(digits.zfill(9)))
    except InvalidNumber as error:
        raise Unusable("siren_invalid", f"“{cleaned(text)}” is no valid SIREN.") from error


def siret(text: str) -> str | None:
    """A SIRET of fourteen digits that passes its check (La Poste's own rule included)."""
    digits = _register_digits(text, "SIRET", (12, 13, 14))
    if digits is None:
        return None
    try:
        return str(stdnum_siret.validate(digits.zfill(14)))
    except InvalidNumber as error:
        raise Unusable("siret_invalid", f"“{cleaned(text)}” is no valid SIRET.") from error


def _register_digits(text: str, name: str, lengths: tuple[int, ...]) -> str | None:
    value = re.sub(r"[\s.'’-]", "", cleaned(text))
    if value.casefold() in EMPTY_WORDS:
        return None
    if re.fullmatch(r"[0-9][.,]?[0-9]*[eE]\+?[0-9]+", re.sub(r"\s", "", cleaned(text))):
        raise Unusable(
            f"{name.lower()}_rounded",
            f"“{cleaned(text)}” is a {name} that a spreadsheet rounded; its digits are lost.",
        )
    # Spreadsheets drop leading zeros; more than two would be no register number any more.
    if not re.fullmatch(r"[0-9]+", value) or len(value) not in lengths:
        raise Unusable(f"{name.lower()}_invalid", f"“{cleaned(text)}” is no valid {name}.")
    return value


def naf_code(text: str) -> str | None:
    """An activity code with its dot, such as 62.01Z; the edition it belongs to is not in it."""
    value = re.sub(r"\s", "", cleaned(text)).upper()
    if value.casefold() in EMPTY_WORDS:
        return None
    found = re.fullmatch(r"([0-9]{2})\.?([0-9]{2})([A-Z])", value)
    if not found:
        raise Unusable("naf_invalid", f"“{cleaned(text)}” is no NAF code such as 62.01Z.")
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
    numbers = [
        int(number) for number in re.findall(r"[0-9]+", re.sub(r"(?<=\d) (?=\d{3})", "", value))
    ]
    code = CODE_OF_BAND.get(_band(value, numbers))
    if code is None:
        raise Unusable("headcount_unknown", f"“{cleaned(text)}” is no band of employees we know.")
    return code


def _band(value: str, numbers: list[int]) -> tuple[int, int | None]:
    words = re.sub(r"[0-9]+", "#", re.sub(r"(?<=\d) (?=\d{3})", "", value))
    words = re.sub(r"\s*(salaries?|employes?|personnes?)\s*", " ", words).strip()
    if re.fullmatch(r"# ?(-|–|a|ou|to|et) ?#", words):
        return numbers[0], numbers[1]
    if re.fullmatch(r"# ?(\+|et ?\+|et plus|ou plus|and more)", words):
        return numbers[0], None
    return (numbers[0], numbers[0]) if words == "#" else (-1, -1)


def day(text: str) -> date | None:
    """A date as 1999-12-31, 1999-12-31T…, 31/12/1999, 31-12-1999 or 31.12.1999."""
    value = cleaned(text)
    if value.casefold() in EMPTY_WORDS:
        return None
    head = re.split(r"[T ]", value, maxsplit=1)[0]
    for form in ("%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y"):
        try:
            return datetime.strptime(head, form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise Unusable("date_invalid", f"“{value}” is no date such as 1999-12-31 or 31/12/1999.")


def year(text: str) -> int | None:
    """A year between 1000 and 2100."""
    value = cleaned(text)
    if value.casefold() in EMPTY_WORDS:
        return None
    if not re.fullmatch(r"[0-9]{4}([.,]0+)?", value) or not 1000 <= int(value[:4]) <= 2100:
        raise Unusable("year_invalid", f"“{value}” is no year.")
    return int(value[:4])


def whole_number(text: str) -> int | None:
    """A number of people: digits, with blanks between the thousands."""
    value = re.sub(r"\s", "", cleaned(text))
    if value.casefold() in EMPTY_WORDS:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise Unusable("number_invalid", f"“{cleaned(text)}” is no whole number.")
    return int(value)


def euros(text: str) -> int | None:
    """Whole euros, cents cut off; “1 234 567,89 €” is read, “1.234” is refused as ambiguous."""
    value = re.sub(r"[\s'’]|€|eur(os?)?$", "", cleaned(text), flags=re.IGNORECASE)
    if value.casefold() in EMPTY_WORDS:
        return None
    found = re.fullmatch(r"(-?[0-9]{1,15})([.,][0-9]{1,2})?", value)
    if not found:
        raise Unusable("amount_invalid", f"“{cleaned(text)}” is no amount in euros.")
    return int(found[1])


def per_cent(text: str) -> Decimal | None:
    """A percentage from 0 to 100 with two decimals, written “98%”, “98,5 %” or “98”."""
    value = cleaned(text).replace(",", ".")
    if not value:
        return None
    problem = Unusable("percentage_invalid", f"“{cleaned(text)}” is no percentage from 0 to 100.")
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,10})? ?%?", value):
        raise problem
    try:
        number = Decimal(value.rstrip("% ")).quantize(Decimal("0.01"))
    except InvalidOperation:
        raise problem from None
    # A bare 0.98 may be 98 % or 0.98 %: nobody can tell.
    if number > 100 or ("%" not in value and 0 < number < 1):
        raise problem
    return number


def yes_or_no(text: str) -> bool | None:
    """Oui/Non and their kin."""
    value = header_key(text)
    if value in EMPTY_WORDS:
        return None
    if value not in TRUE_WORDS | FALSE_WORDS:
        raise Unusable("yes_no_unknown", f"“{cleaned(text)}” is neither yes (Oui) nor no (Non).")
    return value in TRUE_WORDS


def web_address(text: str) -> str | None:
    """An http or https address: https added where no scheme stands, host lower-case."""
    value = cleaned(text)
    if value.casefold() in EMPTY_WORDS:
        return None
    problem = Unusable("url_invalid", f"“{value[:200]}” is no web address (http or https).")
    if not re.match(r"[a-z][a-z0-9+.-]*:", value, re.IGNORECASE) or re.match(r"[^/:]+:\d", value):
        value = f"https://{value.removeprefix('//')}"
    try:
        parts = urlsplit(value)
        host, port = ascii_domain(parts.hostname or ""), parts.port
    except ValueError as error:
        raise problem from error
    if parts.scheme not in {"http", "https"} or " " in value or parts.username is not None:
        raise problem
    place = host if port in {None, 80, 443} else f"{host}:{port}"
    return parts._replace(netloc=place, path=parts.path.rstrip("/")).geturl()


def linkedin_page(text: str) -> str | None:
    """A page on LinkedIn in one spelling: its national hosts, query and anchor taken away."""
    url = web_address(text)
    if url is None:
        return None
    parts = urlsplit(url)
    host = parts.hostname or ""
    if len(url.encode()) > URL_LIMIT:
        raise Unusable("too_long", f"The address is longer than {URL_LIMIT} bytes.")
    if (host != "linkedin.com" and not host.endswith(".linkedin.com")) or len(parts.path) < 2:
        raise Unusable("linkedin_invalid", f"“{cleaned(text)[:200]}” is no page on LinkedIn.")
    return f"https://www.linkedin.com{parts.path}"


def ascii_domain(host: str) -> str:
    """The domain in lower-case ASCII (IDNA 2008 for others); ValueError when it is none."""
    try:
        name = host if host.isascii() else idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise ValueError(str(error)) from error
    name = name.rstrip(".").lower()
    label = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?"
    if len(name) > 253 or not re.fullmatch(rf"({label}\.)+(?!\d+$){label}", name):
        raise ValueError(f"“{host}” is no domain name.")
    return name


def domain_of(url: str) -> str:
    """The domain a web address stands for: its host without www."""
    return (urlsplit(url).hostname or "").removeprefix("www.")


def postcode_and_city(address: str) -> tuple[str | None, str | None]:
    """Postcode and city at the end of a French address; a SIRET is never taken for a postcode."""
    found = re.search(r"(?:^|[\s,])([0-9]{5})\s+([^\d,][^,]{0,99})$", cleaned(address))
    return (found[1], found[2].strip()) if found else (None, None)
