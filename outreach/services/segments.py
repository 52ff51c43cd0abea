"""Segments: filters as data, and the positions they leave when they are used."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef

from crm.choices import EmailStatus
from crm.models import Position
from crm.narrowing import (
    DEPARTMENT,
    active_in,
    departments_of,
    employing,
    headcounts,
    naf_prefix,
    seated_in,
)
from crm.querysets import PositionQuerySet
from iam.models import User
from outreach.models import Campaign, Message, Segment
from outreach.services import enrolling
from outreach.services.enrolling import Intake, enroll_list
from prospectflow.errors import DomainError

LONGEST_TEXT = 255  # characters
MOST_DAYS = 3650
COUNTED = 1_000  # positions; more of them are “more than 1,000”
KINDS = {
    "role": "addresses of a role, such as contact@",
    "free": "addresses at a mail provider",
    "disposable": "throw-away addresses",
}

type Positions = PositionQuerySet


class FilterRefused(DomainError):
    """A segment cannot be narrowed like this."""


class Filter(NamedTuple):
    """How a value is read, and how it narrows positions at a moment."""

    read: Callable[[Any], Any]  # the value as it is kept; ValueError says what to send
    narrow: Callable[[Positions, Any, datetime], Positions]


class Batch(NamedTuple):
    """What became of some positions of a segment, and after which one the others come."""

    intake: Intake
    last: UUID | None  # None when nobody is left


# Reading a value ------------------------------------------------------------------------------
def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_TEXT:
        raise ValueError(f"send a text of at most {LONGEST_TEXT} characters")
    if "\0" in value:
        raise ValueError("send no NUL characters")
    return value.strip()


def _naf(value: Any) -> str:
    prefix = naf_prefix(_text(value))
    if prefix is None:
        raise ValueError("send a NAF code or its beginning, such as 62 or 62.01Z")
    return prefix


def _departments(value: Any) -> list[str]:
    codes = departments_of(value) if isinstance(value, str) else value
    if not _are_texts(codes) or not all(map(DEPARTMENT.fullmatch, codes)):
        raise ValueError("send codes of French departments, such as 13, 2A or 974")
    return list(dict.fromkeys(codes))


def _some_of(known: Collection[str]) -> Callable[[Any], list[str]]:
    def read(value: Any) -> list[str]:
        if not _are_texts(value) or not all(each in known for each in value):
            raise ValueError(f"send a list with some of: {', '.join(known)}")
        return list(dict.fromkeys(value))

    return read


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, str) for each in value)


def _days(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= MOST_DAYS:
        raise ValueError(f"send a whole number of days from 1 to {MOST_DAYS}")
    return value


def _yes(value: Any) -> bool:
    if value is not True:
        raise ValueError("send true, or leave it out")
    return True


# Narrowing positions --------------------------------------------------------------------------
def _mailed(since: datetime | None = None) -> Exists:
    """Whether a mail left to the position, then or at any time."""
    sent = Message.objects.outbound().filter(position=OuterRef("pk"), sent_at__isnull=False)
    return Exists(sent.filter(sent_at__gte=since) if since else sent)


def _without(positions: Positions, kinds: list[str], now: datetime) -> Positions:
    return positions.filter(**{f"email_is_{kind}": False for kind in kinds})


FILTERS: Mapping[str, Filter] = {
    "naf": Filter(_naf, lambda rows, prefix, now: rows.filter(active_in(prefix, "company__"))),
    "departments": Filter(
        _departments, lambda rows, codes, now: rows.filter(seated_in(codes, "company__"))
    ),
    "headcounts": Filter(
        _some_of(headcounts()), lambda rows, codes, now: rows.filter(employing(codes, "company__"))
    ),
    "list": Filter(_text, lambda rows, name, now: rows.filter(list_name=name)),
    "email_statuses": Filter(
        _some_of(EmailStatus.values), lambda rows, some, now: rows.filter(email_status__in=some)
    ),
    "without": Filter(_some_of(KINDS), _without),
    "never_contacted": Filter(_yes, lambda rows, yes, now: rows.filter(~_mailed())),
    "not_contacted_for_days": Filter(
        _days, lambda rows, days, now: rows.filter(~_mailed(now - timedelta(days=days)))
    ),
    "contacted_within_days": Filter(
        _days, lambda rows, days, now: rows.filter(_mailed(now - timedelta(days=days)))
    ),
    "search": Filter(_text, lambda rows, text, now: rows.searched(text)),
}


def checked(filters: Any) -> dict[str, Any]:
    """The filters as a segment keeps them; FilterRefused names the one that cannot be used."""
    if not isinstance(filters, Mapping):
        raise FilterRefused("A segment's filters are an object: the name of each and its value.")
    kept = {}
    for name, value in filters.items():
        if name not in FILTERS:
            known = ", ".join(FILTERS)
            raise FilterRefused(f"There is no filter “{str(name)[:64]}”: use some of {known}.")
        try:
            kept[name] = FILTERS[name].read(value)
        except ValueError as refusal:
            raise FilterRefused(f"The filter “{name}”: {refusal}.") from refusal
    return kept


def positions_of(segment: Segment, now: datetime) -> Positions:
    """The positions that the segment's filters leave at that moment, the oldest first."""
    positions: Positions = Position.objects.all()
    for name, value in checked(segment.filters).items():
        positions = FILTERS[name].narrow(positions, value, now)
    return positions.order_by("id")


def size_of(segment: Segment, now: datetime) -> str:
    """How many positions these are; above a thousand nobody counts on."""
    found = len(positions_of(segment, now).order_by().values_list("pk")[: COUNTED + 1])
    if found > COUNTED:
        return f"more than {COUNTED:,} positions"
    return "1 position" if found == 1 else f"{found:,} positions"


@transaction.atomic
def enroll_some(
    campaign: Campaign,
    segment: Segment,
    *,
    at: datetime,
    after: UUID | None = None,
    user: User | None = None,
) -> Batch:
    """Offer the campaign the next 20,000 positions of the segment; raises as enroll does."""
    positions = positions_of(segment, at)
    if after:
        positions = positions.filter(pk__gt=after)
    ids = list(positions.values_list("pk", flat=True)[: enrolling.AT_ONCE + 1])
    more = len(ids) > enrolling.AT_ONCE
    last = ids[: enrolling.AT_ONCE][-1] if ids else None
    some = positions.filter(pk__lte=last) if last else positions.none()
    return Batch(enroll_list(campaign, some, at=at, user=user), last if more else None)
