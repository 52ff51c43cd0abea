"""When a mail may leave: windows in local time, holidays, clock changes and a human pace."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, cached_property, lru_cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

import holidays

from prospectflow.errors import DomainError

type Window = tuple[time, time]
type Week = tuple[tuple[Window, ...], ...]
type Span = tuple[datetime, datetime]  # UTC; the end is closed already

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
OFFICE_HOURS = [["08:30", "11:30"], ["14:00", "17:00"]]
DEFAULT_WINDOWS = dict.fromkeys(WEEKDAYS[:5], OFFICE_HOURS)
HORIZON = timedelta(days=400)
A_DAY = timedelta(days=1)
KEPT_DAYS = 2**16  # local days whose opening hours are remembered, over all schedules


class ScheduleRefused(DomainError):
    """The sending windows cannot be read."""

    def __init__(self, sentence: str = "", *, field: str = "windows") -> None:
        """`field` is what a mailbox calls the part that is wrong."""
        super().__init__(sentence)
        self.field = field


class NeverOpen(DomainError):
    """No sending window opens within 400 days; add a window or remove closed days."""


def default_windows() -> dict[str, list[list[str]]]:
    """The default windows as a fresh JSON value: Monday to Friday, office hours."""
    return {day: [list(window) for window in windows] for day, windows in DEFAULT_WINDOWS.items()}


class Place(NamedTuple):
    """Where windows and holidays are counted: an IANA zone, a country and a part of it."""

    time_zone: str
    country: str = ""
    subdivision: str = ""


@dataclass(frozen=True)
class Schedule:
    """Windows of local time per weekday (Monday first), and the days that stay closed."""

    time_zone: str
    windows: Week
    country: str = "FR"
    subdivision: str = ""
    blackout: frozenset[date] = frozenset()

    @classmethod
    def from_json(
        cls,
        windows: object,
        *,
        time_zone: str = "Europe/Paris",
        country: str = "FR",
        subdivision: str = "",
        blackout: Iterable[date | str] = (),
    ) -> "Schedule":
        """Read windows such as {"mon": [["08:30", "11:30"]]}, or say what is wrong with them."""
        zone_named(time_zone)
        _public_holidays(country, subdivision)
        return cls(time_zone, week_of(windows), country, subdivision, _dates(blackout))

    @cached_property
    def zone(self) -> ZoneInfo:
        """The zone in which the windows are read."""
        return ZoneInfo(self.time_zone)

    @cached_property
    def _hash(self) -> int:
        return hash((self.time_zone, self.windows, self.country, self.subdivision, self.blackout))

    def __hash__(self) -> int:
        return self._hash  # it is a key of what is remembered, a million times over


@lru_cache(maxsize=KEPT_DAYS)
def hours_of(
    schedule: Schedule, windows: Week | None = None, place: Place | None = None
) -> Schedule:
    """The hours in which both the schedule's windows and these are open, counted in this place.

    No windows leave the schedule's as they are; no place leaves them in the schedule's own.
    """
    if place is not None:
        schedule = replace(schedule, **place._asdict())
    if windows is None:
        return schedule
    return with_windows(schedule, tuple(map(_common, schedule.windows, windows)))


@lru_cache(maxsize=KEPT_DAYS)
def with_windows(schedule: Schedule, windows: Week) -> Schedule:
    """The same days and the same clock, with other windows."""
    return replace(schedule, windows=windows)


def _common(ours: tuple[Window, ...], theirs: tuple[Window, ...]) -> tuple[Window, ...]:
    both = ((max(a[0], b[0]), min(a[1], b[1], key=_end)) for a in ours for b in theirs)
    return tuple(window for window in both if (False, window[0]) < _end(window[1]))


def _end(clock: time) -> tuple[bool, time]:
    """What sorts the end of a window: midnight is the end of the day."""
    return clock == time.min, clock


def is_open(schedule: Schedule, instant: datetime) -> bool:
    """Whether the local clock stands inside a window of a day that is not closed."""
    local = _local(schedule, instant)
    return not _is_closed_day(schedule, local.date()) and any(
        start <= local.time() and (local.time() < end or end == time.min)
        for start, end in schedule.windows[local.weekday()]
    )


def next_opening(schedule: Schedule, instant: datetime) -> datetime:
    """The first open instant at or after this one, in UTC."""
    for start, _ in _spans_after(schedule, instant):
        return max(start, instant.astimezone(UTC))
    raise NeverOpen


def closes_at(schedule: Schedule, instant: datetime) -> datetime:
    """The first closed instant at or after this one, in UTC; 400 days on if it never closes."""
    closing = instant.astimezone(UTC)
    for start, end in _spans_after(schedule, instant):
        if start > closing:
            return closing
        closing = end
    return instant.astimezone(UTC) + HORIZON if is_open(schedule, closing) else closing


def add_working_days(schedule: Schedule, instant: datetime, days: int) -> datetime:
    """The same local time `days` working days later, or the next opening after it, in UTC.

    Neither the start day counts nor the country's weekends, public holidays and blackout days.
    """
    local = _local(schedule, instant)
    day, last = local.date(), local.date() + HORIZON + timedelta(days=2 * days)
    while days > 0:
        if day > last:
            raise NeverOpen
        day += timedelta(days=1)
        days -= _is_working_day(schedule, day)
    same_time = _first_valid(schedule.zone, datetime.combine(day, local.time()))
    return next_opening(schedule, max(same_time, instant))


def local_day(schedule: Schedule, instant: datetime) -> date:
    """The day on the schedule's wall calendar."""
    return _local(schedule, instant).date()


def midnight_before(schedule: Schedule, instant: datetime) -> datetime:
    """The start of the local day, from which a daily limit counts, in UTC."""
    return _day_start(schedule.zone, local_day(schedule, instant))


def midnight_after(schedule: Schedule, instant: datetime) -> datetime:
    """The end of the local day, at which a daily limit begins anew, in UTC."""
    return _day_start(schedule.zone, local_day(schedule, instant) + A_DAY)


def pace(seed: str, low: float, high: float) -> timedelta:
    """A pause of `low` to `high` seconds that is always the same for the same seed."""
    share = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8]) / 2**64
    return timedelta(seconds=low + (high - low) * share)


def _local(schedule: Schedule, instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("The calendar takes aware datetimes only.")
    return instant.astimezone(schedule.zone)


@lru_cache(maxsize=KEPT_DAYS)
def _is_closed_day(schedule: Schedule, day: date) -> bool:
    return day in schedule.blackout or day in _public_holidays(
        schedule.country, schedule.subdivision
    )


@lru_cache(maxsize=KEPT_DAYS)
def _is_working_day(schedule: Schedule, day: date) -> bool:
    calendar = _public_holidays(schedule.country, schedule.subdivision)
    return day not in schedule.blackout and calendar.is_working_day(day)


def _spans_after(schedule: Schedule, instant: datetime) -> Iterator[Span]:
    """The open spans that end after this instant, in order, up to the horizon."""
    today = local_day(schedule, instant)
    for offset in range(-1, HORIZON.days if any(schedule.windows) else -1):
        for span in _spans_of(schedule, today + timedelta(days=offset)):
            if span[1] > instant:
                yield span


@lru_cache(maxsize=KEPT_DAYS)
def _spans_of(schedule: Schedule, day: date) -> tuple[Span, ...]:
    """The open spans of one local day, as the wall clock tells them, in order."""
    start, end = (_day_start(schedule.zone, each) for each in (day, day + A_DAY))
    inner = {change for change in _changes_of(schedule, day) if start < change < end}
    edges = [start, *sorted(inner), end]
    return tuple((left, right) for left, right in pairwise(edges) if is_open(schedule, left))


@lru_cache(maxsize=KEPT_DAYS)
def _day_start(zone: ZoneInfo, day: date) -> datetime:
    return _first_valid(zone, datetime.combine(day, time.min))


def _changes_of(schedule: Schedule, day: date) -> set[datetime]:
    midnight = datetime.combine(day, time.min)
    starts = {midnight.astimezone(UTC) for midnight in _both_folds(schedule.zone, midnight)}
    edges = {
        edge.astimezone(UTC)
        for window in schedule.windows[day.weekday()]
        for clock in window
        for edge in _both_folds(schedule.zone, datetime.combine(day, clock))
    }
    return starts | edges | _clock_changes(schedule.zone, day)


def _both_folds(zone: ZoneInfo, wall: datetime) -> tuple[datetime, datetime]:
    return wall.replace(tzinfo=zone), wall.replace(tzinfo=zone, fold=1)


@cache
def _clock_changes(zone: ZoneInfo, day: date) -> set[datetime]:
    """The instant on this day at which the zone's clock is put forward or back, if there is one."""
    start = datetime.combine(day, time.min, zone).astimezone(UTC) - timedelta(seconds=1)
    end = datetime.combine(day + timedelta(days=1), time.min, zone).astimezone(UTC)
    if start.astimezone(zone).utcoffset() == end.astimezone(zone).utcoffset():
        return set()
    while end - start > timedelta(seconds=1):
        middle = start + timedelta(seconds=(end - start) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == start.astimezone(zone).utcoffset():
            start = middle
        else:
            end = middle
    return {end}


def _first_valid(zone: ZoneInfo, wall: datetime) -> datetime:
    """This local time in UTC: the first of two, or the end of the gap in which it is missing."""
    instant = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == wall.replace(fold=0):
        return instant
    gap_ends = (end for end in _clock_changes(zone, wall.date()) if end <= instant)
    return max(gap_ends, default=instant)


@cache
def _public_holidays(country: str, subdivision: str) -> holidays.HolidayBase:
    """The public holidays of a country, kept between calls; none for a blank country."""
    if not country:
        return holidays.HolidayBase()
    try:
        return holidays.country_holidays(country, subdiv=subdivision or None)
    except NotImplementedError:
        place = f"{country}-{subdivision}" if subdivision else country
        known = bool(subdivision) and country in holidays.list_supported_countries()
        raise ScheduleRefused(
            f'No public holidays are known for "{place}"; use codes such as FR, or FR and 57.',
            field="subdivision" if known else "country",
        ) from None


def zone_named(name: str) -> ZoneInfo:
    """The time zone of this IANA name. Raises ScheduleRefused where there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ScheduleRefused(
            f'"{name}" is no time zone; use a name such as Europe/Paris.', field="time_zone"
        ) from None


def week_of(windows: object) -> Week:
    """Windows such as {"mon": [["08:30", "11:30"]]}, or ScheduleRefused with what is wrong."""
    if not isinstance(windows, Mapping):
        raise ScheduleRefused('Windows are an object such as {"mon": [["08:30", "11:30"]]}.')
    for key in windows:
        if key not in WEEKDAYS:
            raise ScheduleRefused(f'"{key}" is no weekday; use {", ".join(WEEKDAYS)}.')
    return tuple(_day(weekday, windows.get(weekday, ())) for weekday in WEEKDAYS)


def _day(weekday: str, windows: object) -> tuple[Window, ...]:
    if not isinstance(windows, list | tuple):
        raise ScheduleRefused(f'Windows of "{weekday}" are a list such as [["08:30", "11:30"]].')
    day = tuple(sorted(_window(weekday, window) for window in windows))
    for (_, end), (start, _) in pairwise(day):
        if end == time.min or start < end:
            raise ScheduleRefused(f'Windows of "{weekday}" overlap; keep them apart.')
    return day


def _window(weekday: str, window: object) -> Window:
    if not isinstance(window, list | tuple) or len(window) != 2:  # noqa: PLR2004
        raise ScheduleRefused(f'A window of "{weekday}" is a pair such as ["08:30", "11:30"].')
    start = _time(weekday, window[0])
    end = time.min if window[1] == "24:00" else _time(weekday, window[1])
    if end <= start and window[1] != "24:00":
        raise ScheduleRefused(f'A window of "{weekday}" ends before it starts: {start} to {end}.')
    return start, end


def _time(weekday: str, text: object) -> time:
    try:
        moment = time.fromisoformat(str(text))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is not None:
        raise ScheduleRefused(f'"{text}" on "{weekday}" is no time of day; write it as 08:30.')
    return moment


def _dates(days: object) -> frozenset[date]:
    if not isinstance(days, Iterable) or isinstance(days, str | Mapping):
        raise ScheduleRefused(
            'Closed days are a list such as ["2026-12-24"].', field="blackout_dates"
        )
    return frozenset(map(_date, days))


def _date(day: object) -> date:
    try:
        return day if isinstance(day, date) else date.fromisoformat(str(day))
    except ValueError:
        raise ScheduleRefused(
            f'"{day}" is no date; write it as 2026-12-24.', field="blackout_dates"
        ) from None
