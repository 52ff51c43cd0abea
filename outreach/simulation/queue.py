"""What one mailbox still has to send, in the order in which its sender would take it."""

from collections import defaultdict
from collections.abc import Hashable, Iterator
from datetime import datetime
from heapq import heappop, heappush
from itertools import chain

from outreach.policy.facts import domain_of
from outreach.policy.rules import Reason
from outreach.simulation.state import Intention

OF_THE_MAILBOX = frozenset({"pace", "daily_limit"})
OF_THE_HOURS = frozenset({"outside_window", "outside_campaign_window"})
EVERYTHING, PLAIN = "everything", ("hours", None, None)


class Queue:
    """Mails whose hour has yet to come, mails that are due, and mails parked until an instant.

    A park is what one reason holds back alike: those that keep the same hours, and of these those
    to one domain. So nobody asks for each mail what was found out for one of them.
    """

    def __init__(self) -> None:
        self.coming: list[tuple[datetime, int, Intention]] = []
        self.due: list[tuple[tuple[int, datetime, int], Intention]] = []
        self.parked: dict[Hashable, list[Intention]] = {}
        self.releases: list[tuple[datetime, str, Hashable]] = []
        self.held_until: dict[Hashable, dict[str, datetime]] = defaultdict(dict)
        self.hours: set[Hashable] = set()

    def put(self, intention: Intention) -> None:
        """Let a mail wait for its hour."""
        self.hours.add(_hours(intention))
        heappush(self.coming, (intention.hour, intention.order, intention))

    def admit(self, now: datetime) -> None:
        """Let in what has become due, and what is no longer held back."""
        while self.releases and self.releases[0][0] <= now:
            until, _, park = heappop(self.releases)
            for intention in self.parked.pop(park):
                intention.hour = until
                self.put(intention)
        while self.coming and self.coming[0][0] <= now:
            intention = heappop(self.coming)[2]
            heappush(self.due, (intention.turn, intention))

    def first(self) -> Intention | None:
        """Whose turn it is, of those that nothing known holds back."""
        while self.due:
            intention = self.due[0][1]
            park = self._park_of(intention)
            if park is None and not intention.person.has_ended:
                return intention
            heappop(self.due)
            if park is not None:
                park.append(intention)
        return None

    def take(self) -> Intention:
        """Whose turn it is, taken out."""
        return heappop(self.due)[1]

    def hold(
        self, intention: Intention, reason: Reason, until: datetime, now: datetime
    ) -> datetime | None:
        """Hold back what this reason holds back with this mail; how long, if that is everything."""
        if reason.code in OF_THE_MAILBOX or (reason.code in OF_THE_HOURS and self._is_plain()):
            self.held_until[EVERYTHING][reason.code] = until
            return until if self._is_plain() else min(until, _midnight(intention, until, now))
        if reason.code in OF_THE_HOURS:
            self._park(_hours(intention), reason.code, until)
        elif reason.code == "domain_limit":
            self._park(_domain(intention), reason.code, until)
        else:
            intention.held.add(reason.code)
            intention.hour = until
            self.put(self.take())
        return None

    def next_look(self) -> datetime | None:
        """When something becomes due, or is no longer held back."""
        return min((heap[0][0] for heap in (self.coming, self.releases) if heap), default=None)

    def left(self) -> Iterator[Intention]:
        """What waits still."""
        waiting = chain(
            (each[-1] for each in self.due),
            (each[-1] for each in self.coming),
            chain.from_iterable(self.parked.values()),
        )
        return (each for each in waiting if not each.person.has_ended)

    def holds_on(self, intention: Intention) -> set[str]:
        """What held this mail back: whatever ended after the hour it was planned for."""
        parks = (EVERYTHING, _hours(intention), _domain(intention))
        ends = (self.held_until[park].items() for park in parks if park in self.held_until)
        late = {code for code, end in chain.from_iterable(ends) if end > intention.planned_for}
        return intention.held | late

    def _is_plain(self) -> bool:
        """Whether everybody here keeps the mailbox's own hours."""
        return self.hours <= {PLAIN}

    def _park_of(self, intention: Intention) -> list[Intention] | None:
        if not self.parked:
            return None
        parks = (_hours(intention), _domain(intention))
        return next((self.parked[park] for park in parks if park in self.parked), None)

    def _park(self, park: Hashable, code: str, until: datetime) -> None:
        self.held_until[park][code] = until
        self.parked[park] = []
        heappush(self.releases, (until, str(park), park))


def _midnight(intention: Intention, until: datetime, now: datetime) -> datetime:
    """When the numbers of the day begin anew: others may open earlier than this one."""
    ledger = intention.case.ledger
    return ledger.next_day(now) if ledger else until


def _hours(intention: Intention) -> tuple[Hashable, ...]:
    return ("hours", intention.case.windows, intention.case.place)


def _domain(intention: Intention) -> Hashable:
    """Of one domain; the day after, each is held until its own hours open."""
    return (domain_of(intention.person.address), *_hours(intention))
