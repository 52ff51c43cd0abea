"""What a simulation begins with: who is in which campaign, what waits, and which mailboxes send."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from outreach.policy.facts import Case, Ledger

DAYS = 90


@dataclass(frozen=True, slots=True)
class Step:
    """One mail of a campaign: its place, its delay in working days, and what an answer does."""

    index: int
    delay_days: int
    ends_on_reply: bool = True
    is_active: bool = True


@dataclass(slots=True)
class Person:
    """One passage through one campaign; `key` is the enrolment, or the position not yet in it."""

    key: UUID
    campaign_id: UUID
    position_id: UUID
    company_id: UUID
    address: str
    has_ended: bool = False
    mails: int = 0


@dataclass(slots=True)
class Intention:
    """One mail that waits: for whom, for which hour it was planned, and when to look at it."""

    person: Person
    case: Case
    step: Step
    planned_for: datetime
    hour: datetime
    order: int
    held: set[str] = field(default_factory=set)

    @property
    def turn(self) -> tuple[int, datetime, int]:
        """Follow-ups before first mails, the earliest hour first; as the sender leases them."""
        return -self.step.index, self.hour, self.order


class Newcomers(NamedTuple):
    """The first mails of those who would be taken in, and how many are left out for what reason."""

    cases: Sequence[Case] = ()
    left_out: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class State:
    """A campaign and all that competes with it, at one instant."""

    campaign_id: UUID
    zone: ZoneInfo
    ledgers: Mapping[UUID, Ledger]
    steps: Mapping[UUID, Sequence[Step]]
    waiting: Sequence[Intention]
    left_out: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Options:
    """How long to look ahead, and which share of the mails is answered."""

    days: int = DAYS
    reply_rate: float = 0.0
    seed: int = 0
