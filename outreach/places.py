"""Where a company is, as far as clocks and public holidays go."""

from functools import cache
from importlib.resources import files

from holidays import country_holidays

from outreach.calendar import Place

PARIS = "Europe/Paris"
# By department: overseas, clocks and days off are other ones (article L3422-2 of the labour code);
# in Alsace and Moselle, Good Friday and 26 December are free (article L3134-13).
DEPARTMENTS = {
    "57": Place(PARIS, "FR", "57"),
    "67": Place(PARIS, "FR", "6AE"),
    "68": Place(PARIS, "FR", "6AE"),
    "971": Place("America/Guadeloupe", "FR", "971"),
    "972": Place("America/Martinique", "FR", "972"),
    "973": Place("America/Cayenne", "FR", "973"),
    "974": Place("Indian/Reunion", "FR", "974"),
    "975": Place("America/Miquelon", "FR", "PM"),
    "976": Place("Indian/Mayotte", "FR", "976"),
    "977": Place("America/St_Barthelemy", "FR", "BL"),
    "978": Place("America/Marigot", "FR", "MF"),
    "984": Place("Indian/Kerguelen", "FR", "TF"),
    "986": Place("Pacific/Wallis", "FR", "WF"),
    "987": Place("Pacific/Tahiti", "FR", "PF"),
    "988": Place("Pacific/Noumea", "FR", "NC"),
}
# The same places as ISO 3166 names them as countries.
COUNTRIES = {
    "GP": "971", "MQ": "972", "GF": "973", "RE": "974", "PM": "975", "YT": "976", "BL": "977",
    "MF": "978", "TF": "984", "WF": "986", "PF": "987", "NC": "988",
}  # fmt: skip


@cache
def place_of(country: str | None, department: str | None) -> Place | None:
    """Where a company of this country (ISO 3166) and French department is; None: nobody knows.

    A country of several zones counts as lying in the one where most of its people live.
    """
    country = (country or "").upper()
    department = COUNTRIES.get(country) or ((department or "").upper() if country == "FR" else "")
    if department in DEPARTMENTS:
        return DEPARTMENTS[department]
    if country == "FR":
        return Place(PARIS, "FR") if department else None
    zone = _zones().get(country)
    return Place(zone, country if _has_holidays(country) else "") if zone else None


def _has_holidays(country: str) -> bool:
    try:
        country_holidays(country)
    except NotImplementedError:
        return False
    return True


@cache
def _zones() -> dict[str, str]:
    """The zone of each country: the first that the time zone database lists (its zone.tab)."""
    text = (files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    return {country: zone for country, _, zone, *_ in reversed(rows)}
