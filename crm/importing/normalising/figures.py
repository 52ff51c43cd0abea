"""Dates, years, numbers of people, money and percentages."""

import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from crm.importing.normalising.texts import EMPTY_WORDS, Unusable, cleaned

ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def day(text: str) -> date | None:
    """A date as 1999-12-31, 1999-12-31T…, 31/12/1999, 31-12-1999 or 31.12.1999."""
    value = cleaned(text)
    if value.casefold() in EMPTY_WORDS:
        return None
    head = re.split(r"[T ]", value, maxsplit=1)[0]
    try:
        return date.fromisoformat(head) if ISO_DAY.fullmatch(head) else _written_day(head)
    except ValueError as error:
        raise Unusable("date_invalid") from error


def _written_day(head: str) -> date:
    for form in ("%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y"):
        try:
            return datetime.strptime(head, form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise ValueError(head)


def year(text: str) -> int | None:
    """A year between 1000 and 2100."""
    value = cleaned(text)
    if value.casefold() in EMPTY_WORDS:
        return None
    if not re.fullmatch(r"[0-9]{4}([.,]0+)?", value) or not 1000 <= int(value[:4]) <= 2100:
        raise Unusable("year_invalid")
    return int(value[:4])


def whole_number(text: str) -> int | None:
    """A number of people: digits, with blanks between the thousands."""
    value = re.sub(r"\s", "", cleaned(text))
    if value.casefold() in EMPTY_WORDS:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise Unusable("number_invalid")
    return int(value)


def euros(text: str) -> int | None:
    """Whole euros, cents cut off; “1 234 567,89 €” is read, “1.234” is refused as ambiguous."""
    value = re.sub(r"[\s'’]|€|eur(os?)?$", "", cleaned(text), flags=re.IGNORECASE)
    if value.casefold() in EMPTY_WORDS:
        return None
    found = re.fullmatch(r"(-?[0-9]{1,15})([.,][0-9]{1,2})?", value)
    if not found:
        raise Unusable("amount_invalid")
    return int(found[1])


def per_cent(text: str) -> Decimal | None:
    """A percentage from 0 to 100 with two decimals, written “98%”, “98,5 %” or “98”."""
    value = cleaned(text).replace(",", ".")
    if not value:
        return None
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,10})? ?%?", value):
        raise Unusable("percentage_invalid")
    try:
        number = Decimal(value.rstrip("% ")).quantize(Decimal("0.01"))
    except InvalidOperation:
        raise Unusable("percentage_invalid") from None
    # A bare 0.98 may be 98 % or 0.98 %: nobody can tell.
    if number > 100 or ("%" not in value and 0 < number < 1):
        raise Unusable("percentage_invalid")
    return number
