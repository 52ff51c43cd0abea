"""What the rules look at: a task with all that speaks for it or against it, and a mailbox's day.

Nothing here reads a database: `outreach.services.policy.gather` does, and a simulation makes
the same facts in memory.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from outreach.calendar import (
    Place,
    Schedule,
    Week,
    hours_of,
    local_day,
    midnight_after,
    pace,
    with_windows,
)
from outreach.states import CampaignStatus, EnrollmentState, MailboxStatus, TaskStatus

LONGEST_TROUBLE = timedelta(days=1)
"""How long a server that refuses may make a mailbox wait, at the most."""


class Ramp(NamedTuple):
    """How a new mailbox warms up: mails on its first day, and how many more with each day."""

    start: int
    step: int


@dataclass
class Ledger:
    """One mailbox's day: what it may send, and what it has sent.

    All cases of a mailbox share one, and it is changed in place. Days are those of the mailbox's
    own wall clock; `next_send_at` and `read_at` (when its inbox was read) are instants.
    """

    mailbox_id: UUID
    address: str
    schedule: Schedule | None
    schedule_fault: str = ""
    status: str = MailboxStatus.ACTIVE
    status_reason: str = ""
    health: str = ""
    most_a_day: int = 40
    ramp: Ramp | None = None
    first_day: date | None = None
    domain_limit: int | None = None
    pace_min: float = 60
    pace_max: float = 90
    day: date | None = None
    sent_today: int = 0
    to_domain: Counter[str] = field(default_factory=Counter)  # told where domain_limit is
    next_send_at: datetime | None = None
    read_at: datetime | None = None

    @property
    def limit(self) -> int:
        """How many mails may leave on the day that the numbers are of."""
        return self._limit_on(self.day)

    def limit_at(self, now: datetime) -> int:
        """How many mails may leave on the local day of `now`, under the ramp."""
        return self._limit_on(self._day_of(now))

    def sent_at(self, now: datetime) -> int:
        """How many mails left since the midnight before `now`."""
        return self.sent_today if self._is_of_the_day(now) else 0

    def sent_to(self, domain: str, now: datetime) -> int:
        """How many of them went to this domain."""
        return self.to_domain[domain] if self._is_of_the_day(now) else 0

    def next_day(self, now: datetime) -> datetime:
        """The midnight at which the numbers begin anew, in UTC."""
        return midnight_after(self.schedule, now) if self.schedule else now + timedelta(days=1)

    def pauses_until(self, now: datetime) -> datetime | None:
        """When the pause that is kept at `now` ends.

        One that is longer than any mail or trouble makes comes from a clock that was ahead.
        """
        longest = max(LONGEST_TROUBLE, timedelta(seconds=self.pace_max))
        until = self.next_send_at
        return until if until is not None and now < until <= now + longest else None

    def note_sent(self, recipient: str, *, at: datetime, seed: str) -> None:
        """Count a mail that leaves at this instant, and pause for the pace that the seed gives."""
        if not self._is_of_the_day(at):
            self.day, self.sent_today, self.to_domain = self._day_of(at), 0, Counter()
        self.first_day = self.first_day or self.day
        self.sent_today += 1
        self.to_domain[domain_of(recipient)] += 1
        self.next_send_at = at + pace(seed, self.pace_min, self.pace_max)

    def _limit_on(self, day: date | None) -> int:
        if self.ramp is None:
            return self.most_a_day
        before = (day - self.first_day).days if day and self.first_day else 0
        return max(1, min(self.most_a_day, self.ramp.start + self.ramp.step * max(0, before)))

    def _day_of(self, now: datetime) -> date | None:
        return local_day(self.schedule, now) if self.schedule else self.day

    def _is_of_the_day(self, now: datetime) -> bool:
        """Whether the numbers count; a clock that was set back does not begin another day."""
        day = self._day_of(now)
        return day is None or (self.day is not None and day <= self.day)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One task with all that the rules look at.

    Sentences (`changed`, `…_fault`) are blank where there is nothing to say. `windows` are the
    campaign's own; `place` is the recipient's where the campaign follows it, else None.
    """

    task_id: UUID
    enrollment_id: UUID
    campaign_id: UUID
    position_id: UUID
    company_id: UUID
    address: str
    scheduled_for: datetime
    ledger: Ledger | None
    status: str = TaskStatus.SCHEDULED
    step_index: int = 0
    step_is_active: bool = True
    campaign_status: str = CampaignStatus.RUNNING
    windows: Week | None = None
    windows_fault: str = ""
    place: Place | None = None
    enrollment_state: str = EnrollmentState.ACTIVE
    paused_until: datetime | None = None
    email_status: str = "valid"
    is_opposed: bool = False
    suppression: str = ""
    suppressions_fault: str = ""
    company_answered: bool = False
    last_contact: datetime | None = None  # of this address, by another enrolment
    draft_status: str | None = "approved"  # None: nothing is written
    changed: str = ""
    has_written: bool = False
    other_inboxes: tuple[datetime | None, ...] = ()  # when those were read that it wrote from
    switches: tuple[tuple[str, str], ...] = ()  # code and sentence of each that is closed
    # What was judged, for whoever sends it: the draft's row, and the mail made from it.
    draft: Any = field(default=None, compare=False, repr=False)
    mail: Any = field(default=None, compare=False, repr=False)

    @property
    def seed(self) -> str:
        """What this mail's pause is drawn from: known before any row of it exists."""
        return f"{self.campaign_id}:{self.position_id}:{self.step_index}"

    @property
    def mailbox_hours(self) -> Schedule | None:
        """The mailbox's windows, counted where they are to be counted."""
        schedule = self.ledger and self.ledger.schedule
        return hours_of(schedule, place=self.place) if schedule else None

    @property
    def campaign_hours(self) -> Schedule | None:
        """The campaign's own windows, on the same wall clock and calendar; None: it has none."""
        hours = self.mailbox_hours
        if hours is None or self.windows is None:
            return None
        return with_windows(hours, self.windows)

    @property
    def hours(self) -> Schedule | None:
        """When both are open."""
        schedule = self.ledger and self.ledger.schedule
        return hours_of(schedule, self.windows, self.place) if schedule else None


def domain_of(address: str) -> str:
    """The domain that an address is received at, in lower case."""
    return address.rpartition("@")[2].lower()
