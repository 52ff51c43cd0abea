"""What a simulation found: when each mail leaves, what held mails back, and who is left out."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo


class Mail(NamedTuple):
    """One mail of the campaign that would leave at this instant (UTC)."""

    at: datetime
    mailbox: str
    step_index: int
    position_id: UUID
    address: str


@dataclass(slots=True)
class Hold:
    """How often one reason held the campaign's mails back at one mailbox."""

    mailbox: str
    code: str
    sentence: str
    mails: int = 0
    hours: float = 0.0
    days: set[date] = field(default_factory=set)

    def count(self, day: date, hours: float) -> None:
        """Add a time in which it held something back, by the day on which that began."""
        self.hours += hours
        self.days.add(day)


class Ended(NamedTuple):
    """Somebody to whom no further mail would leave after so many, and why."""

    position_id: UUID
    address: str
    mails: int
    code: str
    sentence: str


@dataclass(slots=True)
class Outcome:
    """A campaign over virtual time. Days are those of `zone`; nothing of this is stored."""

    began_at: datetime
    until: datetime
    zone: ZoneInfo
    mails: list[Mail] = field(default_factory=list)
    others: Counter[date] = field(default_factory=Counter)
    holds: dict[tuple[str, str], Hold] = field(default_factory=dict)
    ended: list[Ended] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    people: int = 0
    waiting: int = 0
    replies: int = 0

    @property
    def ends_at(self) -> datetime | None:
        """When the last mail leaves; None while some still wait when the time is up."""
        return self.mails[-1].at if self.mails and not self.waiting else None

    def never_written(self) -> list[Ended]:
        """To whom no mail would ever leave."""
        return [each for each in self.ended if not each.mails]

    def by_day(self) -> dict[date, int]:
        """The campaign's mails on each day that has any, in order."""
        return dict(Counter(self.day_of(mail.at) for mail in self.mails))

    def by_mailbox(self) -> Counter[str]:
        """The campaign's mails from each mailbox."""
        return Counter(mail.mailbox for mail in self.mails)

    def by_step(self) -> Counter[int]:
        """The campaign's mails of each step."""
        return Counter(mail.step_index for mail in self.mails)

    def binding(self) -> list[Hold]:
        """What held mails back, the longest first."""
        return sorted(self.holds.values(), key=lambda hold: (-hold.hours, hold.mailbox, hold.code))

    def day_of(self, instant: datetime) -> date:
        """The local day of an instant."""
        return instant.astimezone(self.zone).date()
