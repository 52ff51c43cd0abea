"""What happens in a simulation, written down."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from outreach.policy.rules import Reason
from outreach.simulation.outcome import Ended, Hold, Mail, Outcome
from outreach.simulation.queue import Queue
from outreach.simulation.state import Intention, Person, State

HOUR = timedelta(hours=1)


class Tally:
    """The outcome while it comes about; only the campaign's own mails are told one by one."""

    def __init__(self, state: State, outcome: Outcome) -> None:
        self.state, self.outcome = state, outcome
        outcome.left_out.update(state.left_out)
        outcome.people = sum(self._is_ours(each.person) for each in state.waiting)

    def mail(self, intention: Intention, queue: Queue, now: datetime) -> None:
        """A mail left."""
        person, ledger = intention.person, intention.case.ledger
        if not self._is_ours(person):
            self.outcome.others[self.outcome.day_of(now)] += 1
            return
        self._held(intention, queue)
        sender = ledger.address if ledger else ""
        step = intention.step.index
        self.outcome.mails.append(Mail(now, sender, step, person.position_id, person.address))

    def hold(self, intention: Intention, reason: Reason, now: datetime) -> None:
        """A reason keeps mails of a mailbox back from now on."""
        until = min(reason.until or now, self.outcome.until)
        self._at(intention, reason).count(self.outcome.day_of(now), (until - now) / HOUR)

    def end(self, person: Person, reason: Reason) -> None:
        """No further mail leaves to this person."""
        if self._is_ours(person):
            self.outcome.ended.append(
                Ended(
                    person.position_id, person.address, person.mails, reason.code, reason.sentence
                )
            )

    def answer(self, person: Person) -> None:
        """Somebody answered."""
        self.outcome.replies += self._is_ours(person)

    def closed(self, queues: Iterable[Queue]) -> Outcome:
        """The time is up: what still waits is counted, with what holds it."""
        for queue in queues:
            for intention in queue.left():
                if self._is_ours(intention.person):
                    self.outcome.waiting += 1
                    self._held(intention, queue)
        self.outcome.holds = {key: hold for key, hold in self.outcome.holds.items() if hold.mails}
        return self.outcome

    def _held(self, intention: Intention, queue: Queue) -> None:
        for code in queue.holds_on(intention):
            self.outcome.holds[_key(intention, code)].mails += 1

    def _at(self, intention: Intention, reason: Reason) -> Hold:
        ledger, key = intention.case.ledger, _key(intention, reason.code)
        if key not in self.outcome.holds:
            address = ledger.address if ledger else ""
            self.outcome.holds[key] = Hold(address, reason.code, reason.sentence)
        return self.outcome.holds[key]

    def _is_ours(self, person: Person) -> bool:
        return person.campaign_id == self.state.campaign_id


def _key(intention: Intention, code: str) -> tuple[str, str]:
    ledger = intention.case.ledger
    return (ledger.address if ledger else "", code)
