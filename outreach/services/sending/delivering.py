"""The mails of a group, one after another over one connection, and what became of each."""

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from socket import create_connection
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection

from outreach.answers import BEFORE_RECIPIENT
from outreach.models import Mailbox, Message
from outreach.services.sending.deciding import Decision, Frozen, Intention
from outreach.services.sending.looking import Look
from outreach.services.settling import Settled, settle, settle_accepted, take_back
from outreach.smtp import (
    Accepted,
    Connection,
    Envelope,
    MailboxUnreachable,
    Outcome,
    Refused,
    ServerLeft,
    Unknown,
)
from prospectflow.deadlines import Dial
from prospectflow.tenancy.context import tenant

BEGUN_WITHIN = timedelta(minutes=3)  # so that the lease outlives the longest conversation
LOOK_HOLDS = timedelta(seconds=1)  # a server may take half a minute to want the content
PAUSES = (0.2, 0.5, 1.0, 2.0)  # seconds between tries to write an outcome down

type Clock = Callable[[], datetime]


def ignored(message: Message) -> None:
    """Nobody is told."""


def never() -> bool:
    """Nobody asks us to stop."""
    return False


@dataclass
class Round:
    """One round of one worker for one mailbox."""

    organisation_id: UUID
    mailbox_id: UUID
    clock: Clock
    worker: str
    frozen: Frozen = ignored
    stopping: Callable[[], bool] = never
    dial: Dial = create_connection
    at_most: int = 1
    leased: set[UUID] = field(default_factory=set)
    sent: list[Message] = field(default_factory=list)

    @property
    def left(self) -> int:
        """How many mails it may still send."""
        return self.at_most - len(self.sent)


def deliver(given: Round, decision: Decision, server: Connection, *, decided: datetime) -> bool:
    """Send what was decided on; whether the server takes more. Messages end in `given.sent`.

    Whatever breaks meanwhile, the outcomes that are known are written down, and mails that were
    never begun wait again.
    """
    delivery = _Delivery(given, decision, server, decided)
    try:
        return delivery.run()
    finally:
        delivery.write_down()


def transmit(
    intention: Intention,
    server: Connection,
    following: Intention | None,
    still: Callable[[], bool],
) -> Outcome | None:
    """Hand the very bytes that were committed to the server, and announce the following mail.

    That one is still looked at before it begins: it is announced, and no content of it leaves.
    """
    raw = bytes(intention.message.raw or b"")
    then = _envelope(following) if following else None
    return server.transmit(_envelope(intention), raw, then, still=still)


def _envelope(intention: Intention) -> Envelope:
    return Envelope(intention.message.from_address, intention.message.to_address)


class _Delivery:
    def __init__(
        self, given: Round, decision: Decision, server: Connection, decided: datetime
    ) -> None:
        self.given, self.server, self.decided = given, server, decided
        self.look, self.looked = Look(given.organisation_id), decided
        self.pause = decision.pause or decided
        self.ends = min(
            decision.closes or datetime.max.replace(tzinfo=decided.tzinfo), decided + BEGUN_WITHIN
        )
        self.left = deque(decision.intentions)
        self.stopped: list[Intention] = []
        self.taken: list[Settled] = []

    def run(self) -> bool:
        """Mail after mail, until one is refused for a reason that the others share."""
        while self.left:
            if not self._is_time() or not self._is_connected():
                return False
            intention = self.left[0]
            may_leave = self._may_still_leave(intention)
            if not self._is_time():  # asked after the look: it saw our decision, and no later one
                return False
            self.left.popleft()  # from here on it is begun, or it is stopped
            if not may_leave:
                self.server.withdraw()
                self.stopped.append(intention)
            elif not self._sent(intention):
                return False
        return True

    def write_down(self) -> None:
        """What was taken is settled together; what was never begun waits again."""
        unbegun = [*self.stopped, *self.left]

        def act() -> list[Message]:
            with tenant(self.given.organisation_id):
                settled = settle_accepted(self.taken, now=self.given.clock()) if self.taken else []
                if unbegun:
                    take_back(unbegun)
                self._keep_the_pause()
                return settled

        self.given.sent += _patiently(act)

    def _keep_the_pause(self) -> None:
        """The mailbox's pause begins with the end of a mail, not with the decision on it."""
        lasted = self.given.clock() - self.decided
        if self.pause > self.decided and lasted > timedelta(0):
            ours = Mailbox.objects.filter(pk=self.given.mailbox_id, next_send_at=self.pause)
            ours.update(next_send_at=self.pause + lasted)

    def _is_time(self) -> bool:
        """Whether another mail may be begun: nobody stops us, and what was decided still holds."""
        return not self.given.stopping() and self.decided <= self.given.clock() < self.ends

    def _is_connected(self) -> bool:
        """Whether the server listens; finding out takes half a minute at worst."""
        try:
            self.server.ready()
        except MailboxUnreachable as error:
            refused = Refused(error.failure, str(error))
            if not self._was_cut(refused):
                self._settle(self.left.popleft(), refused)
            return False
        return True

    def _may_still_leave(self, intention: Intention) -> bool:
        self.looked = now = self.given.clock()
        return self.look.may_still_leave(intention.message, now=now, pause=self.pause)

    def _still(self, intention: Intention) -> bool:
        """Whether the look is fresh when the server wants the content, or a new one says yes."""
        if self.given.clock() - self.looked < LOOK_HOLDS:
            return True
        with suppress(OperationalError, InterfaceError):  # nobody knows, so it does not leave
            return self._may_still_leave(intention) and self._is_time()
        return False

    def _sent(self, intention: Intention) -> bool:
        """Send one; False where the next would fare no better, or must not be put in doubt."""
        following = self.left[0] if self.left else None
        try:
            outcome = transmit(intention, self.server, following, partial(self._still, intention))
        except ServerLeft:
            self.left.appendleft(intention)  # the server is called first, and then looked again
            return True
        if outcome is None:
            self.stopped.append(intention)
            return True
        if isinstance(outcome, Accepted):
            self.taken.append(Settled(intention.task, intention.message, outcome))
            return True
        if self._was_cut(outcome):
            self.stopped.append(intention)
            return False
        self._settle(intention, outcome)
        return not isinstance(outcome, Unknown) and outcome.failure.stage not in BEFORE_RECIPIENT

    def _was_cut(self, outcome: Outcome) -> bool:
        """Whether we hung up before any content, since the worker ends: nobody is to blame."""
        unanswered = isinstance(outcome, Refused) and not outcome.failure.code
        return unanswered and self.given.stopping()

    def _settle(self, intention: Intention, outcome: Outcome) -> None:
        def act() -> Message | None:
            with tenant(self.given.organisation_id):
                now = self.given.clock()
                return settle(intention.task, intention.message.pk, outcome, now=now)

        if (message := _patiently(act)) is not None:
            self.given.sent.append(message)


def _patiently[Told](act: Callable[[], Told]) -> Told:
    """Do it again, on a new connection, while the database is away for a moment."""
    for seconds in PAUSES:
        try:
            return act()
        except (OperationalError, InterfaceError):
            connection.close()
            time.sleep(seconds)
    return act()
