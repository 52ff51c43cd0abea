"""The calendar: never outside a window, never on a closed day, right through clock changes."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.calendar import (
    DEFAULT_WINDOWS,
    NeverOpen,
    Schedule,
    ScheduleRefused,
    add_working_days,
    closes_at,
    default_windows,
    hours_of,
    is_open,
    midnight_after,
    midnight_before,
    next_opening,
    pace,
    week_of,
)

PARIS = ZoneInfo("Europe/Paris")
OFFICE = Schedule.from_json(DEFAULT_WINDOWS)
NIGHT = {day: [["02:15", "02:45"]] for day in ("sat", "sun", "mon")}
ALWAYS = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), [["00:00", "24:00"]])
ZONES = ("Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Kolkata",
         "America/Santiago", "Pacific/Auckland", "Atlantic/Azores")  # fmt: skip
INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 31), timezones=st.just(UTC))


def paris(*parts: int, fold: int = 0) -> datetime:
    return datetime(*parts, tzinfo=PARIS, fold=fold)


@st.composite
def schedules(draw):
    """A schedule with at least one window of at least five minutes, anywhere in the week."""
    windows = {}
    for weekday in draw(st.sets(st.sampled_from(list(ALWAYS)), min_size=1)):
        marks = sorted(draw(st.sets(st.integers(0, 287), min_size=2, max_size=4)))
        clocks = [f"{mark * 5 // 60:02}:{mark * 5 % 60:02}" for mark in marks]
        windows[weekday] = [list(pair) for pair in zip(clocks[::2], clocks[1::2], strict=False)]
    return Schedule.from_json(
        windows,
        time_zone=draw(st.sampled_from(ZONES)),
        subdivision=draw(st.sampled_from(["", "57"])),
        blackout=draw(st.frozensets(st.dates(date(2026, 1, 1), date(2028, 12, 31)), max_size=9)),
    )


def clock_is_inside(schedule: Schedule, instant: datetime) -> bool:
    """The same question asked of the wall clock alone, in minutes."""
    local = instant.astimezone(ZoneInfo(schedule.time_zone))
    minute = local.hour * 60 + local.minute
    return any(
        start.hour * 60 + start.minute <= minute < (end.hour * 60 + end.minute or 1440)
        for start, end in schedule.windows[local.weekday()]
    )


@given(schedules(), INSTANTS)
def test_an_opening_is_never_before_now_outside_a_window_or_on_a_closed_day(schedule, instant):
    opening = next_opening(schedule, instant)

    assert opening >= instant
    assert opening.tzinfo is UTC
    assert is_open(schedule, opening)
    assert clock_is_inside(schedule, opening)
    assert opening.astimezone(schedule.zone).date() not in schedule.blackout


@given(schedules(), INSTANTS, st.timedeltas(timedelta(0), timedelta(days=9)))
def test_a_later_instant_never_opens_earlier(schedule, instant, later):
    assert next_opening(schedule, instant) <= next_opening(schedule, instant + later)


@given(schedules(), INSTANTS)
def test_an_opening_opens_again_at_itself_and_closes_later(schedule, instant):
    opening = next_opening(schedule, instant)
    closing = closes_at(schedule, opening)

    assert next_opening(schedule, opening) == opening
    assert closing > opening
    assert not is_open(schedule, closing)
    assert is_open(schedule, closing - timedelta(microseconds=1))


@given(schedules(), INSTANTS, st.integers(0, 12))
def test_working_days_land_in_a_window_and_grow_with_their_number(schedule, instant, days):
    landing = add_working_days(schedule, instant, days)

    assert is_open(schedule, landing)
    assert landing >= instant
    assert landing <= add_working_days(schedule, instant, days + 1)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("clock", [["00:30", "02:30"], ["02:15", "02:45"], ["09:00", "10:00"]])
def test_every_day_of_three_years_opens_at_the_earliest_minute_the_clock_allows(zone, clock):
    schedule = Schedule.from_json(dict.fromkeys(ALWAYS, [clock]), time_zone=zone, country="")
    start, end = (time.fromisoformat(text) for text in clock)
    instant = datetime(2026, 1, 1, tzinfo=UTC)
    while instant.year < 2029:
        opening = next_opening(schedule, instant)
        before = (opening - timedelta(minutes=1)).astimezone(ZoneInfo(zone))
        at = opening.astimezone(ZoneInfo(zone))
        assert start <= at.time() < end
        assert opening == instant or not start <= before.time() < end
        assert opening - instant < timedelta(hours=48)
        instant = closes_at(schedule, opening)


@given(
    schedules(),
    st.sampled_from(
        [
            datetime(2026, 10, 24, 20),
            datetime(2027, 3, 27, 20),
            datetime(2026, 4, 4, 12),
            datetime(2026, 4, 23, 18),
        ]
    ),
)
@settings(max_examples=40)
def test_no_open_minute_is_passed_over_around_a_clock_change(schedule, start):
    instant = start.replace(tzinfo=UTC)
    minutes = (instant + timedelta(minutes=5 * step) for step in range(300))
    earliest = next((minute for minute in minutes if is_open(schedule, minute)), None)

    opening = next_opening(schedule, instant)

    assert earliest is None or opening == earliest


def test_a_window_in_the_hour_that_does_not_exist_opens_when_the_clock_has_jumped():
    schedule = Schedule.from_json({"sun": [["02:30", "04:00"]]}, country="")

    assert next_opening(schedule, paris(2027, 3, 28)) == datetime(2027, 3, 28, 1, tzinfo=UTC)


def test_a_window_wholly_inside_the_missing_hour_opens_a_day_later():
    schedule = Schedule.from_json(NIGHT, country="")

    assert next_opening(schedule, paris(2027, 3, 28)) == paris(2027, 3, 29, 2, 15)


def test_a_window_in_the_hour_that_comes_twice_opens_the_first_time():
    schedule = Schedule.from_json(NIGHT, country="")

    assert next_opening(schedule, paris(2026, 10, 25)) == datetime(2026, 10, 25, 0, 15, tzinfo=UTC)


def test_the_same_local_time_is_kept_over_a_clock_change():
    before, after = paris(2026, 10, 23, 9), paris(2026, 10, 26, 9)

    assert add_working_days(OFFICE, before, 1) == after
    assert after.astimezone(UTC) - before.astimezone(UTC) == timedelta(days=3, hours=1)


def test_a_local_time_that_does_not_exist_becomes_the_first_instant_after_the_gap():
    always = Schedule.from_json(ALWAYS, time_zone="Africa/Cairo", country="EG")
    start = datetime(2026, 4, 22, 0, 30, tzinfo=ZoneInfo("Africa/Cairo"))

    landing = add_working_days(always, start, 1)

    assert landing.astimezone(ZoneInfo("Africa/Cairo")).isoformat() == "2026-04-23T00:30:00+02:00"
    # Egypt's clock jumps from 00:00 to 01:00 on Friday 24 April 2026, which is a weekend day there.
    friday = Schedule.from_json(ALWAYS, time_zone="Africa/Cairo", country="")
    landing = add_working_days(friday, start, 2)
    assert landing.astimezone(ZoneInfo("Africa/Cairo")).isoformat() == "2026-04-24T01:00:00+03:00"


def test_public_holidays_are_neither_open_nor_counted():
    assert not is_open(OFFICE, paris(2026, 7, 14, 9))
    assert add_working_days(OFFICE, paris(2026, 7, 13, 9), 1) == paris(2026, 7, 15, 9)


def test_good_friday_is_closed_in_moselle_alone():
    moselle = Schedule.from_json(DEFAULT_WINDOWS, subdivision="57")

    assert is_open(OFFICE, paris(2027, 3, 26, 9))
    assert not is_open(moselle, paris(2027, 3, 26, 9))


def test_the_weekend_and_the_start_day_do_not_count():
    assert add_working_days(OFFICE, paris(2026, 11, 20, 9, 12), 3) == paris(2026, 11, 25, 9, 12)


def test_a_time_outside_the_windows_moves_to_the_next_opening():
    assert add_working_days(OFFICE, paris(2026, 11, 24, 12), 1) == paris(2026, 11, 25, 14)
    assert add_working_days(OFFICE, paris(2026, 11, 26, 22), 1) == paris(2026, 11, 30, 8, 30)


def test_a_blackout_day_is_closed_and_not_counted():
    closed = Schedule.from_json(DEFAULT_WINDOWS, blackout=["2026-11-24", date(2026, 11, 25)])

    assert next_opening(closed, paris(2026, 11, 24, 9)) == paris(2026, 11, 26, 8, 30)
    assert add_working_days(closed, paris(2026, 11, 23, 9), 1) == paris(2026, 11, 26, 9)


def test_working_days_follow_the_week_of_the_country():
    israel = Schedule.from_json(ALWAYS, time_zone="Asia/Jerusalem", country="IL")
    thursday = datetime(2026, 11, 19, 10, tzinfo=israel.zone)

    landing = add_working_days(israel, thursday, 1)

    assert landing.astimezone(israel.zone).date() == date(2026, 11, 22)


def test_a_schedule_without_windows_says_that_it_never_opens():
    empty = Schedule.from_json({})

    with pytest.raises(NeverOpen, match="No sending window opens within 400 days"):
        next_opening(empty, paris(2026, 1, 1))


def test_a_schedule_whose_every_day_is_blacked_out_never_finds_a_working_day():
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(900)]
    closed = Schedule.from_json(DEFAULT_WINDOWS, blackout=days)

    with pytest.raises(NeverOpen):
        add_working_days(closed, paris(2026, 1, 1), 2)


def test_a_schedule_that_is_always_open_closes_at_the_horizon():
    always = Schedule.from_json(ALWAYS, country="")
    instant = paris(2026, 12, 31, 23, 59)

    assert closes_at(always, instant) == instant + timedelta(days=400)


def test_the_local_day_starts_at_local_midnight_also_when_midnight_is_missing():
    noumea = Schedule.from_json(ALWAYS, time_zone="Pacific/Noumea", country="")
    cairo = Schedule.from_json(ALWAYS, time_zone="Africa/Cairo", country="")

    assert midnight_before(noumea, datetime(2026, 5, 1, 14, tzinfo=UTC)).hour == 13
    start = midnight_before(cairo, datetime(2026, 4, 24, 12, tzinfo=UTC))
    assert start.astimezone(cairo.zone).isoformat() == "2026-04-24T01:00:00+03:00"


@given(schedules(), INSTANTS)
def test_a_local_day_lies_between_two_midnights_whatever_its_length(schedule, instant):
    start, end = midnight_before(schedule, instant), midnight_after(schedule, instant)

    assert start <= instant < end
    assert midnight_before(schedule, end) == end
    assert timedelta(hours=22) < end - start < timedelta(hours=26)


@given(schedules(), schedules(), INSTANTS)
def test_hours_in_common_are_open_exactly_when_both_are(schedule, other, instant):
    both = hours_of(schedule, other.windows)
    alone = replace(schedule, windows=other.windows)

    assert is_open(both, instant) == (is_open(schedule, instant) and is_open(alone, instant))


@pytest.mark.parametrize(
    ("ours", "theirs", "common"),
    [
        (["08:30", "11:30"], ["10:00", "12:00"], [["10:00", "11:30"]]),
        (["08:30", "24:00"], ["22:00", "24:00"], [["22:00", "24:00"]]),
        (["00:00", "24:00"], ["09:00", "10:00"], [["09:00", "10:00"]]),
        (["08:30", "11:30"], ["11:30", "12:00"], []),
    ],
)
def test_the_common_part_of_two_windows_is_where_both_are(ours, theirs, common):
    schedule = Schedule.from_json({"mon": [ours], "tue": [ours]}, country="")

    assert hours_of(schedule, week_of({"mon": [theirs]})).windows == week_of({"mon": common})


def test_hours_without_a_common_one_never_open():
    with pytest.raises(NeverOpen):
        next_opening(hours_of(OFFICE, week_of({"sat": [["09:00", "10:00"]]})), paris(2026, 1, 1))


def test_a_schedule_that_opens_once_closes_at_the_end_of_its_window():
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(900)]
    once = Schedule.from_json(ALWAYS, country="", blackout=set(days) - {date(2026, 3, 2)})

    assert closes_at(once, paris(2026, 3, 2, 9)) == paris(2026, 3, 3)


def test_a_naive_instant_is_refused():
    with pytest.raises(ValueError, match="aware"):
        is_open(OFFICE, datetime(2026, 1, 1))


@given(st.text(), st.floats(0, 100), st.floats(0, 100))
def test_a_pace_stays_between_its_bounds_and_repeats_for_the_same_seed(seed, low, more):
    pause = pace(seed, low, low + more)

    assert timedelta(seconds=low) <= pause <= timedelta(seconds=low + more)
    assert pause == pace(seed, low, low + more)


def test_paces_of_many_seeds_spread_over_the_whole_range():
    pauses = [pace(f"message {n}", 60, 90).total_seconds() for n in range(500)]

    assert min(pauses) < 62
    assert max(pauses) > 88
    assert 73 < sum(pauses) / 500 < 77


@pytest.mark.parametrize(
    ("windows", "sentence"),
    [
        ([], "Windows are an object"),
        ({"mo": []}, '"mo" is no weekday'),
        ({"mon": "08:30-11:30"}, 'Windows of "mon" are a list'),
        ({"mon": [["08:30"]]}, 'A window of "mon" is a pair'),
        ({"mon": [["08:30", "25:00"]]}, '"25:00" on "mon" is no time of day'),
        ({"mon": [["08:30+02:00", "09:00"]]}, '"08:30\\+02:00" on "mon" is no time of day'),
        ({"tue": [["11:30", "08:30"]]}, 'A window of "tue" ends before it starts'),
        ({"fri": [["08:00", "12:00"], ["11:00", "13:00"]]}, 'Windows of "fri" overlap'),
        ({"fri": [["08:00", "24:00"], ["11:00", "13:00"]]}, 'Windows of "fri" overlap'),
    ],
)
def test_windows_that_cannot_be_read_are_refused_in_one_sentence(windows, sentence):
    with pytest.raises(ScheduleRefused, match=sentence):
        Schedule.from_json(windows)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"time_zone": "Europe/Marseille"}, '"Europe/Marseille" is no time zone'),
        ({"time_zone": ""}, '"" is no time zone'),
        ({"country": "XX"}, 'No public holidays are known for "XX"'),
        ({"subdivision": "99"}, 'No public holidays are known for "FR-99"'),
        ({"blackout": ["24/12/2026"]}, '"24/12/2026" is no date'),
    ],
)
def test_a_schedule_with_an_unknown_place_or_date_is_refused(options, sentence):
    with pytest.raises(ScheduleRefused, match=sentence):
        Schedule.from_json(DEFAULT_WINDOWS, **options)


def test_default_windows_are_a_fresh_value_each_time():
    first = default_windows()
    first["mon"][0][0] = "00:00"

    assert default_windows() == DEFAULT_WINDOWS
