"""Where a company is: its clock and its days off."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo, available_timezones

import pytest
from holidays import country_holidays

from outreach.calendar import DEFAULT_WINDOWS, Place, Schedule, hours_of, is_open
from outreach.places import COUNTRIES, DEPARTMENTS, place_of

OFFICE = Schedule.from_json(DEFAULT_WINDOWS)
NINE_IN_PARIS = datetime(2026, 11, 24, 8, tzinfo=UTC)  # winter


@pytest.mark.parametrize(
    ("department", "clock"),
    [("75", 9), ("974", 12), ("972", 4), ("971", 4), ("973", 5), ("976", 11), ("988", 19),
     ("987", 22)],
)  # fmt: skip
def test_the_clock_of_a_department_is_its_own(department, clock):
    place = place_of("FR", department)

    assert NINE_IN_PARIS.astimezone(ZoneInfo(place.time_zone)).hour == clock


@pytest.mark.parametrize("place", DEPARTMENTS.values())
def test_every_department_of_its_own_has_a_clock_and_public_holidays(place):
    assert place.time_zone in available_timezones()
    assert country_holidays(place.country, subdiv=place.subdivision, years=2027)


@pytest.mark.parametrize(
    ("department", "day"),
    [
        ("57", date(2027, 3, 26)),  # Good Friday
        ("67", date(2026, 12, 26)),
        ("68", date(2026, 12, 26)),
        ("974", date(2026, 12, 20)),  # the abolition of slavery
        ("971", date(2027, 5, 27)),
    ],
)
def test_days_off_are_those_of_the_department(department, day):
    holidays = [
        country_holidays(place.country, subdiv=place.subdivision or None)
        for place in (place_of("FR", "75"), place_of("FR", department))
    ]

    assert [day in each for each in holidays] == [False, True]


def test_a_company_named_by_the_country_of_its_island_is_on_the_island():
    assert place_of("GP", None) == place_of("FR", "971") == DEPARTMENTS["971"]
    assert all(place_of(country, None) == DEPARTMENTS[code] for country, code in COUNTRIES.items())


@pytest.mark.parametrize(
    ("country", "place"),
    [
        ("BE", Place("Europe/Brussels", "BE")),
        ("us", Place("America/New_York", "US")),
        ("JP", Place("Asia/Tokyo", "JP")),
        ("ES", Place("Europe/Madrid", "ES")),
    ],
)
def test_another_country_counts_by_the_clock_of_most_of_its_people(country, place):
    assert place_of(country, None) == place


@pytest.mark.parametrize("where", [("FR", None), ("FR", ""), ("", "75"), (None, None), ("XX", "")])
def test_what_nobody_knows_is_no_place(where):
    assert place_of(*where) is None


def test_the_hours_of_a_mailbox_are_counted_where_the_recipient_is():
    reunion = hours_of(OFFICE, None, place_of("FR", "974"))

    assert is_open(OFFICE, NINE_IN_PARIS)
    assert not is_open(reunion, NINE_IN_PARIS)  # noon
    assert is_open(reunion, datetime(2026, 11, 24, 5, tzinfo=UTC))  # nine there, six in Paris
    assert hours_of(OFFICE, None, None) == OFFICE
