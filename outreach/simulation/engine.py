"""A campaign over virtual time: from event to event, by the rules that the sender obeys."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from uuid import UUID

from outreach.calendar import NeverOpen
from outreach.planning import hour_of_next
from outreach.policy.facts import Ledger
from outreach.policy.rules import Reason, reasons
from outreach.simulation.outcome import Outcome
from outreach.simulation.queue import Queue
from outreach.simulation.replies import answer_after
from outreach.simulation.state import Intention, Options, Person, State
from outreach.simulation.tally import Tally

REPLIED = Reason("enrollment_replied", "The person answers.")
COLLEAGUE_REPLIED = Reason("company_answered", "A colleague answers.")

type Act = Callable[[datetime], None]


def play(state: State, options: Options, *, now: datetime) -> Outcome:
    """Let every mail leave that would until the time is up; the state is used up by it."""
    return _Play(state, options, now).run(now)


class _Play:
    """One run. What is to happen stands in the agenda, the earliest first."""

    def __init__(self, state: State, options: Options, now: datetime) -> None:
        self.state, self.options = state, options
        self.tally = Tally(state, Outcome(now, now + timedelta(days=options.days), state.zone))
        self.agenda: list[tuple[datetime, int, Act]] = []
        self.tickets, self.order = count(), count(len(state.waiting))
        self.queues: dict[UUID | None, Queue] = defaultdict(Queue)
        self.colleagues: dict[UUID, list[Person]] = defaultdict(list)
        self.last_mail: dict[str, tuple[UUID, datetime]] = {}  # address -> whose passage, when

    def run(self, now: datetime) -> Outcome:
        for intention in self.state.waiting:
            self.colleagues[intention.person.company_id].append(intention.person)
            self._queue_of(intention).put(intention)
        for mailbox in self.queues:
            self._look_at(now, mailbox)
        while self.agenda and self.agenda[0][0] < self.tally.outcome.until:
            instant, _, act = heappop(self.agenda)
            act(instant)
        return self.tally.closed(self.queues.values())

    def _plan(self, instant: datetime, act: Act) -> None:
        heappush(self.agenda, (instant, next(self.tickets), act))

    def _queue_of(self, intention: Intention) -> Queue:
        ledger = intention.case.ledger
        return self.queues[ledger.mailbox_id if ledger else None]

    def _look_at(self, instant: datetime, mailbox: UUID | None) -> None:
        self._plan(instant, lambda now: self._look(mailbox, now))

    def _look(self, mailbox: UUID | None, now: datetime) -> None:
        """Send what may leave; look again when a reason lifts, or when something else is due."""
        queue, ledger = self.queues[mailbox], self.state.ledgers.get(mailbox) if mailbox else None
        if ledger is not None:
            ledger.read_at = now  # a simulation trusts that answers are heard
        queue.admit(now)
        while intention := queue.first():
            reason = self._reason(intention, now)
            if reason is None:
                self._send(queue.take(), queue, ledger, now)
            elif reason.until is None:
                self._end(queue.take().person, reason)
            else:
                self.tally.hold(intention, reason, now)
                if until := queue.hold(intention, reason, reason.until, now):
                    return self._look_at(until, mailbox)
        if (instant := queue.next_look()) is not None:
            self._look_at(instant, mailbox)
        return None

    def _reason(self, intention: Intention, now: datetime) -> Reason | None:
        """The first that holds the mail back; mails of this run to the same address count."""
        case, last = intention.case, self.last_mail.get(intention.person.address)
        if last is not None and last[0] != intention.person.key:
            case = replace(case, last_contact=last[1])
        return next(reasons(case, now=now), None)

    def _send(
        self, intention: Intention, queue: Queue, ledger: Ledger | None, now: datetime
    ) -> None:
        person, case = intention.person, intention.case
        if ledger is not None:
            ledger.note_sent(person.address, at=now, seed=case.seed)
        person.mails += 1
        self.last_mail[person.address] = (person.key, now)
        self.tally.mail(intention, queue, now)
        self._plan_next(intention, queue, now)
        delay = answer_after(f"{self.options.seed}:{case.seed}", self.options.reply_rate)
        if delay is not None:
            self._plan(now + delay, lambda at: self._answer(intention))

    def _plan_next(self, intention: Intention, queue: Queue, now: datetime) -> None:
        """The step that follows, at the hour that the planner gives it."""
        steps = self.state.steps[intention.person.campaign_id]
        step = next((each for each in steps if each.index > intention.step.index), None)
        if step is None:
            return None
        try:
            hour = hour_of_next(intention.case.hours, now, step.delay_days)
        except NeverOpen as error:
            return self._end(intention.person, Reason("no_window", str(error)))
        case = replace(intention.case, step_index=step.index, scheduled_for=hour, has_written=True)
        return queue.put(Intention(intention.person, case, step, hour, hour, next(self.order)))

    def _answer(self, intention: Intention) -> None:
        """One answer speaks for the company: the passages of its people end."""
        person = intention.person
        self.tally.answer(person)
        if intention.step.ends_on_reply:
            for each in self.colleagues[person.company_id]:
                self._end(each, REPLIED if each is person else COLLEAGUE_REPLIED)

    def _end(self, person: Person, reason: Reason) -> None:
        if not person.has_ended:
            person.has_ended = True
            self.tally.end(person, reason)
