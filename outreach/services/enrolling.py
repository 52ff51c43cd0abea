"""Many positions at once: those of a list, or everyone who may be written to."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from django.contrib.postgres.expressions import ArraySubquery
from django.db import transaction
from django.db.models import OuterRef, QuerySet

from crm.models import Position
from iam.models import User
from iam.services import record
from outreach.models import Campaign, Enrollment
from outreach.services.campaigns import LeftOut, take_in
from prospectflow.errors import DomainError

AT_ONCE = 20_000  # what a web request can carry


class TooManyAtOnce(DomainError):
    """More than 20,000 positions at once: narrow the list by a filter or a search."""


class PositionLeftOut(DomainError):
    """This position is not taken in."""


class Intake(NamedTuple):
    """What became of the positions that were offered to a campaign."""

    enrolled: int
    reasons: Mapping[LeftOut, int]

    @property
    def left_out(self) -> int:
        """How many were not taken in."""
        return sum(self.reasons.values())

    def __str__(self) -> str:
        """How many were enrolled, how many left out and why, as two sentences."""
        people = "position was" if self.enrolled == 1 else "positions were"
        said = f"{self.enrolled} {people} enrolled."
        if not self.left_out:
            return said
        found = [f"{self.reasons[each]} {each.label}" for each in LeftOut if each in self.reasons]
        return f"{said} {self.left_out} left out: {', '.join(found)}."


@transaction.atomic
def enroll_list(
    campaign: Campaign, positions: QuerySet[Position], *, at: datetime, user: User | None = None
) -> Intake:
    """Offer the campaign these positions; raises as enroll does, or TooManyAtOnce."""
    rows = positions.order_by().select_related(None).only("pk")
    offered = list(rows[: AT_ONCE + 1])
    if len(offered) > AT_ONCE:
        raise TooManyAtOnce
    return _take_in(campaign, offered, at, user)


@transaction.atomic
def enroll_one(
    campaign: Campaign, position: Position, *, at: datetime, user: User | None = None
) -> Enrollment:
    """Take one position in; raises as enroll does, or PositionLeftOut with the reason."""
    for reason in _take_in(campaign, [position], at, user).reasons:
        raise PositionLeftOut(f"{position} is not taken in: {reason.label}.")
    return Enrollment.objects.get(campaign=campaign, position=position)


@transaction.atomic
def enroll_everyone(campaign: Campaign, *, at: datetime, user: User | None = None) -> Intake:
    """Offer the campaign all who may be written to and are not in it, 20,000 at a time."""
    return _take_in(campaign, list(not_yet_in(campaign).only("pk")[:AT_ONCE]), at, user)


def _take_in(
    campaign: Campaign, offered: list[Position], at: datetime, user: User | None
) -> Intake:
    """Many people are one entry in the trail."""
    enrollments, left_out = take_in(campaign, offered, at=at)
    intake = Intake(len(enrollments), left_out)
    if enrollments:
        record("enrolled", at=at, user=user, target=campaign, text=f"{campaign}: {intake}")
    return intake


def not_yet_in(campaign: Campaign) -> QuerySet[Position]:
    """The positions that may be written to and that the campaign has not taken in, oldest first.

    Each is looked up by itself: before tables have statistics, PostgreSQL would compare every
    position with everybody in the campaign.
    """
    campaigns = ArraySubquery(Enrollment.objects.filter(position=OuterRef("pk")).values("campaign"))
    sendable = Position.objects.sendable().alias(campaigns=campaigns)
    return sendable.exclude(campaigns__contains=[campaign.pk]).order_by("id")
