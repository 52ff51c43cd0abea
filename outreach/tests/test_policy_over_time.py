"""Weeks of virtual time under random hours and limits: what leaves, leaves within all of them.

What is asserted is counted from wall clocks and calendars anew, not by the code that decided.
"""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import holidays
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.calendar import Place, Schedule, add_working_days, week_of
from outreach.places import place_of
from outreach.policy.facts import Ramp
from outreach.policy.rules import earliest, reasons
from outreach.tests.supposing import suppose_case, suppose_ledger

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ZONES = ("Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo",
         "America/Santiago", "Pacific/Auckland", "Atlantic/Azores", "Asia/Kolkata")  # fmt: skip
PLACES = (None, None, place_of("FR", "75"), place_of("FR", "57"), place_of("FR", "974"),
          place_of("FR", "988"), place_of("US", None), Place("Africa/Cairo", "EG"))  # fmt: skip
# The evenings before clocks change, in Europe, America, Australia, Egypt and Chile.
CHANGES = [
    *(datetime(2026, 3, 28, 18), datetime(2026, 10, 24, 18), datetime(2027, 3, 27, 18)),
    *(datetime(2027, 10, 30, 18), datetime(2028, 3, 25, 18), datetime(2028, 10, 28, 18)),
    *(datetime(2026, 3, 7, 18), datetime(2026, 4, 4, 6), datetime(2026, 4, 23, 12)),
    *(datetime(2026, 9, 5, 18), datetime(2027, 4, 3, 18)),
]
STARTS = st.sampled_from(CHANGES) | st.datetimes(datetime(2026, 1, 1), datetime(2028, 10, 1))
STEPS = (0, 2, 1)  # working days after the mail before
TWO_MONTHS = timedelta(days=62)


@st.composite
def weeks(draw):
    """Windows on at least one day, two a day at most, of five minutes at least."""
    windows = {}
    for weekday in draw(st.sets(st.sampled_from(DAYS), min_size=1)):
        marks = sorted(draw(st.sets(st.integers(0, 288), min_size=2, max_size=4)))
        clocks = [f"{mark * 5 // 60:02}:{mark * 5 % 60:02}" for mark in marks]
        windows[weekday] = [list(pair) for pair in zip(clocks[::2], clocks[1::2], strict=False)]
    return week_of(windows)


@st.composite
def schedules(draw, start):
    days = [start.date() + timedelta(days=draw(st.integers(0, 60))) for _ in range(3)]
    country = draw(st.sampled_from(["", "FR", "US"]))
    return Schedule(draw(st.sampled_from(ZONES)), draw(weeks()), country, blackout=frozenset(days))


@st.composite
def campaigns(draw):
    """A start, a mailbox, and a few people of a few domains who are each to get three mails."""
    start = draw(STARTS).replace(tzinfo=UTC)
    low = draw(st.sampled_from([0, 60, 900]))
    ledger = suppose_ledger(
        schedule=draw(schedules(start)),
        most_a_day=draw(st.integers(1, 6)),
        ramp=draw(st.none() | st.builds(Ramp, st.integers(0, 3), st.integers(0, 2))),
        domain_limit=draw(st.none() | st.integers(1, 3)),
        pace_min=low,
        pace_max=low + draw(st.sampled_from([0, 30])),
    )
    windows = draw(st.none() | weeks())
    people = [
        suppose_case(
            start,
            number=number,
            address=f"ada{number}@{draw(st.sampled_from(['gmail.com', 'shop.example']))}",
            ledger=ledger,
            windows=windows,
            place=draw(st.sampled_from(PLACES)),
        )
        for number in range(1, draw(st.integers(2, 9)))
    ]
    return start, ledger, people


def lived(start, ledger, people):
    """Each mail that left within two months: its case, its instant, the limit of its day."""
    waiting, now, left = list(people), start, []
    while waiting and now < start + TWO_MONTHS:
        ledger.read_at = now
        instants = [(earliest(case, now=now), case) for case in waiting]
        possible = [(at, -case.step_index, case) for at, case in instants if at is not None]
        if not possible:
            break
        now, _, case = min(possible, key=lambda one: one[:2])
        ledger.read_at = now
        assert list(reasons(case, now=now)) == []
        left.append((case, now, ledger.limit_at(now)))
        ledger.note_sent(case.address, at=now, seed=case.seed)
        waiting.remove(case)
        if case.step_index + 1 < len(STEPS):
            index = case.step_index + 1
            hour = add_working_days(case.hours, now, STEPS[index])
            waiting.append(replace(case, step_index=index, scheduled_for=hour))
    return left


def minute_is_inside(week, local):
    minute = local.hour * 60 + local.minute
    return any(
        start.hour * 60 + start.minute <= minute < (end.hour * 60 + end.minute or 1440)
        for start, end in week[local.weekday()]
    )


def public_holidays(country, subdivision):
    if not country:
        return ()
    return holidays.country_holidays(country, subdiv=subdivision or None, years=range(2026, 2030))


@given(campaigns())
@settings(max_examples=100, deadline=None)
def test_no_mail_leaves_outside_its_hours_on_a_closed_day_or_above_a_limit(campaign):
    start, ledger, people = campaign
    schedule = ledger.schedule
    of_day, of_domain, before = Counter(), Counter(), None
    for case, at, limit in lived(start, ledger, people):
        clock = ZoneInfo(case.place.time_zone if case.place else schedule.time_zone)
        local, own = at.astimezone(clock), at.astimezone(ZoneInfo(schedule.time_zone)).date()
        country, subdivision = case.place[1:] if case.place else (schedule.country, "")
        assert minute_is_inside(schedule.windows, local)
        assert case.windows is None or minute_is_inside(case.windows, local)
        assert local.date() not in schedule.blackout
        assert local.date() not in public_holidays(country, subdivision)
        assert at >= case.scheduled_for
        assert before is None or at - before >= timedelta(seconds=ledger.pace_min)
        of_day[own] += 1
        of_domain[own, case.address.rpartition("@")[2]] += 1
        assert of_day[own] <= limit <= ledger.most_a_day
        assert ledger.domain_limit is None or max(of_domain.values()) <= ledger.domain_limit
        before = at


@given(campaigns())
@settings(max_examples=100, deadline=None)
def test_mails_to_one_person_leave_in_order_and_each_once(campaign):
    last = {}
    for case, at, _ in lived(*campaign):
        index, before = last.get(case.position_id, (-1, None))
        assert case.step_index == index + 1
        if before is not None:
            assert at >= add_working_days(case.hours, before, STEPS[case.step_index])
        last[case.position_id] = case.step_index, at


@given(campaigns(), st.integers(0, 40 * 24 * 60))
@settings(max_examples=100, deadline=None)
def test_nothing_may_leave_before_the_earliest_instant_and_it_may_then(campaign, minutes):
    start, ledger, people = campaign
    now, case = start + timedelta(minutes=minutes), people[0]
    for number in range(3):
        ledger.note_sent(case.address, at=start, seed=str(number))

    at = earliest(case, now=now)

    if at is None:
        codes = {reason.code for reason in reasons(case, now=now)}
        assert "no_window" in codes or not any(case.hours.windows) or _never_opens(case, now)
        return
    assert list(reasons(case, now=at)) == []
    for share in (0.0, 0.25, 0.5, 0.75, 0.999999):
        earlier = now + (at - now) * share
        assert earlier == at or list(reasons(case, now=earlier)) != []


def _never_opens(case, now):
    """Whether the clock stands inside no common window on any open day of 400, by the hour."""
    hours = case.hours
    zone = ZoneInfo(hours.time_zone)
    closed = public_holidays(hours.country, hours.subdivision)
    instants = (now + timedelta(minutes=5 * step) for step in range(400 * 288))
    locals_ = (instant.astimezone(zone) for instant in instants)
    return not any(
        minute_is_inside(hours.windows, local)
        for local in locals_
        if local.date() not in hours.blackout and local.date() not in closed
    )


@given(campaigns(), st.integers(0, 40 * 24 * 60))
@settings(max_examples=100, deadline=None)
def test_a_reason_is_gone_at_the_instant_it_names_and_nothing_leaves_before(campaign, minutes):
    start, ledger, people = campaign
    now, case = start + timedelta(minutes=minutes), people[-1]
    ledger.note_sent(case.address, at=now, seed="a")

    for reason in reasons(case, now=now):
        if reason.until is not None:
            assert reason.until > now
            assert list(reasons(case, now=reason.until - timedelta(microseconds=1))) != []
            assert reason.code not in {each.code for each in reasons(case, now=reason.until)}
