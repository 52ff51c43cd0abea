"""Why mails wait and when they may leave: for one, and for all that wait in a campaign."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count

from outreach.models import Campaign, Task
from outreach.policy.rules import Reason, earliest, reasons
from outreach.services.policy import gather
from outreach.states import WAITING

MOST = 1_000  # mails that are looked at for one answer, the next to leave first
NEVER = frozenset(
    {"suppressed", "company_opposed", "company_answered", "mailbox_gone", "not_waiting"}
    | {"enrollment_replied", "enrollment_bounced", "enrollment_unsubscribed"}
    | {"enrollment_finished"}
)
"""What does not lift any more (docs/sending-rules.md)."""
BY_THE_WORKER = {
    "no_draft": "once it is written",
    "inbox_stale": "once the inbox is read",
    "mailbox_unhealthy": "once its share has fallen",
}
"""What lifts without anybody, though nobody knows when."""


def lifts(code: str) -> str:
    """When a reason without an instant lifts, in a few words."""
    return "never" if code in NEVER else BY_THE_WORKER.get(code, "once somebody acts")


@dataclass(frozen=True)
class Explanation:
    """Every reason that holds a mail back, and the next instant at which it may leave.

    `earliest` is None while something holds it that no instant lifts.
    """

    reasons: list[Reason]
    earliest: datetime | None


@dataclass(frozen=True)
class Held:
    """How many mails one reason holds back, in its commonest words, and when it first lifts."""

    code: str
    sentence: str
    mails: int
    until: datetime | None

    @property
    def lifts(self) -> str:
        """When, in a few words, where no instant is told."""
        return lifts(self.code)


@dataclass(frozen=True)
class Waiting:
    """What waits in a campaign: mails by state, and what holds back those that were looked at."""

    states: dict[str, int]
    looked_at: int
    free: int
    earliest: datetime | None
    held: list[Held]

    @property
    def waiting(self) -> int:
        """How many mails wait in all, also those that were not looked at."""
        return sum(self.states.get(state, 0) for state in WAITING)


def explain(task: Task, *, now: datetime) -> Explanation:
    """Why this mail may not leave at `now`, completely, and when at the earliest it may."""
    (case,) = gather([task], now=now)
    return Explanation(list(reasons(case, now=now)), earliest(case, now=now))


def waiting_in(campaign: Campaign, *, now: datetime, most: int = MOST) -> Waiting:
    """What waits in this campaign and why, in a number of queries that does not grow with it."""
    tasks = Task.objects.filter(campaign=campaign)
    counted = tasks.order_by().values_list("status").annotate(n=Count("pk"))
    next_ones = list(tasks.filter(status__in=WAITING).order_by("scheduled_for", "id")[:most])
    found: dict[str, list[Reason]] = defaultdict(list)
    free, instants = 0, list[datetime]()
    for case in gather(next_ones, now=now):
        held = list(reasons(case, now=now))
        free += not held
        instant = earliest(case, now=now)
        instants += [instant] if instant else []
        for reason in held:
            found[reason.code].append(reason)
    return Waiting(
        states=dict(counted),
        looked_at=len(next_ones),
        free=free,
        earliest=min(instants, default=None),
        held=sorted((_held(each) for each in found.values()), key=lambda held: -held.mails),
    )


def _held(same: list[Reason]) -> Held:
    """Reasons of one code as one line."""
    (sentence, _), *_ = Counter(reason.sentence for reason in same).most_common(1)
    until = min((reason.until for reason in same if reason.until), default=None)
    return Held(same[0].code, sentence, len(same), until)
