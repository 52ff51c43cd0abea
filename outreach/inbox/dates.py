"""The day on which an absent person says they will be back."""

import re
from collections.abc import Iterator
from datetime import date, timedelta

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "janvier janv january jan", "fevrier fevr fev february feb", "mars march mar",
            "avril avr april apr", "mai may", "juin june jun", "juillet juil july jul",
            "aout august aug", "septembre sept sep september", "octobre oct october",
            "novembre nov november", "decembre dec december",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
WEEKDAYS = {
    name: number
    for number, names in enumerate(
        ("lundi monday", "mardi tuesday", "mercredi wednesday", "jeudi thursday",
         "vendredi friday", "samedi saturday", "dimanche sunday")
    )
    for name in names.split()
}  # fmt: skip
FURTHEST = timedelta(days=300)
"""An absence ends within this time; what seems later is a stale answer of the year before."""

_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_WEEKDAY = "|".join(WEEKDAYS)
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_YEAR = r"20\d\d"
_DATE = (
    rf"(?:(?P<iso_year>{_YEAR})-(?P<iso_month>\d\d)-(?P<iso_day>\d\d)"
    rf"|(?P<day>{_DAY})(?:er|st|nd|rd|th)?(?: of)? ?(?P<month>{_MONTH})\b\.?,?"
    rf"(?: (?P<year>{_YEAR}))?"
    rf"|(?P<us_month>{_MONTH})\.? (?P<us_day>{_DAY})(?:st|nd|rd|th)?\b(?:,? (?P<us_year>{_YEAR}))?"
    rf"|(?P<n_day>{_DAY})[/.-](?P<n_month>\d\d?)(?:[/.-](?P<n_year>{_YEAR}|\d\d))?(?![\d/]))"
)
_INTRO = rf"(?:(?:le|the|on|au|du|this|next|ce) )*(?:(?:{_WEEKDAY}),? ?)?(?:le |the )?"
_START = (
    rf"(?:{_WEEKDAY} )?{_DAY}(?:er|st|nd|rd|th)?(?:[ /.-](?:{_MONTH}|\d\d?)\b\.?)?"
    rf"(?:[ /.-]{_YEAR})?"
)
_ANCHOR = (
    r"\b(?:(?:de retour|retour|joignable|disponible|reprise|reprendrai|reviens|reviendrai"
    r"|back|return(?:ing)?|available|reachable)\b"
    r"[a-z' ]{0,40}?(?:\bau bureau\b)? ?(?:le|a partir d[ue]|a compter d[ue]|des|on|from|starting)?"
    r"|jusqu'(?:au|a)(?: et y compris)?|until|till|through|to and including)"
)
_RANGE = (
    rf"\b(?:du {_START},? (?:et )?(?:jusqu')?au|from (?:the )?(?:(?:{_MONTH})\.? )?{_START}"
    rf"(?: to| until| through| till)|(?:{_MONTH}) {_DAY} ?(?:-|to|until))"
)
RETURN = re.compile(rf"(?:{_ANCHOR}|{_RANGE}) {_INTRO}{_DATE}(?P<inclusive> inclus\w*)?")
RETURN_WEEKDAY = re.compile(rf"{_ANCHOR} (?:le |on |next |this )?(?P<weekday>{_WEEKDAY})\b(?! ?\d)")


def return_date(folded: str, *, at: date) -> date | None:
    """Return the last day named as an end of absence in folded text, not before `at`."""
    text = " ".join(folded.split())
    named = [day for day in _named_days(text, at) if at <= day <= at + FURTHEST]
    return max(named, default=None) or _next_weekday(text, at)


def _named_days(text: str, at: date) -> Iterator[date]:
    for match in RETURN.finditer(text):
        groups = {name: value for name, value in match.groupdict().items() if value}
        day = _day(groups, at)
        if day is not None:
            yield day + timedelta(days=1) if "inclusive" in groups else day


def _day(groups: dict[str, str], at: date) -> date | None:
    for prefix in ("iso_", "us_", "n_", ""):
        if f"{prefix}day" in groups:
            day, month = groups[f"{prefix}day"], groups[f"{prefix}month"]
            return _date(int(day), _month(month), groups.get(f"{prefix}year"), at)
    return None


def _month(word: str) -> int:
    return int(word) if word.isdigit() else MONTHS[word]


def _date(day: int, month: int, year: str | None, at: date) -> date | None:
    """Build a date; without a year, the first one that is not past."""
    if month > 12 >= day:  # 11/25 is how an American writes 25/11
        day, month = month, day
    years = [int(year) % 100 + 2000] if year else [at.year, at.year + 1]
    for candidate in years:
        try:
            found = date(candidate, month, day)
        except ValueError:
            continue
        if year or found >= at:
            return found
    return None


def _next_weekday(text: str, at: date) -> date | None:
    match = RETURN_WEEKDAY.search(text)
    if not match:
        return None
    ahead = (WEEKDAYS[match["weekday"]] - at.weekday() - 1) % 7 + 1
    return at + timedelta(days=ahead)
