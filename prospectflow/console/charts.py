"""Bars by day, as SVG draws them."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from django.utils.formats import date_format

HEIGHT, PER_DAY, GAP = 100, 12, 2  # in the chart's own units
WIDEST_DAY = 40  # pixels


class Bar(NamedTuple):
    """One number of one day; numbers as SVG writes them."""

    series: int
    x: str
    y: str
    width: str
    height: str
    title: str


class Chart(NamedTuple):
    """Bars side by side, the days from left to right; `most` is what the highest stands for."""

    bars: list[Bar]
    names: Sequence[str]
    width: int
    widest: int
    most: int
    first: date
    last: date


def by_day(series: Mapping[str, Mapping[date, int]]) -> Chart | None:
    """A bar for each day of each series that has any, named by it; None without any bar."""
    shown = {name: days for name, days in series.items() if any(days.values())}
    days = sorted({day for numbers in shown.values() for day, number in numbers.items() if number})
    if not days:
        return None
    most = max(max(numbers.values()) for numbers in shown.values())
    width = (PER_DAY - GAP) / len(shown)
    bars = [
        _bar(place, name, day, number, (day - days[0]).days * PER_DAY + place * width, width, most)
        for place, (name, numbers) in enumerate(shown.items())
        for day, number in sorted(numbers.items())
        if number
    ]
    length = (days[-1] - days[0]).days + 1
    return Chart(bars, list(shown), length * PER_DAY, length * WIDEST_DAY, most, days[0], days[-1])


def _bar(  # noqa: PLR0913 - each is one side of it
    series: int, name: str, day: date, number: int, x: float, width: float, most: int
) -> Bar:
    height = HEIGHT * number / most
    title = f"{date_format(day, 'D j M Y')}: {number:,} {name}"
    return Bar(series, f"{x:g}", f"{HEIGHT - height:g}", f"{width:g}", f"{height:g}", title)
