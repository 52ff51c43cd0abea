"""How a mailbox fares: the share of its mails that bounced for good, or were called spam."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from outreach.models import Message
from outreach.states import Direction, EnrollmentState, MessageKind, MessageStatus

PERIOD = timedelta(days=30)
FEWEST = 300  # mails below which a share says nothing
OK, WARN, STOP = "ok", "warn", "stop"
BOUNCES = {WARN: 0.02, STOP: 0.05}
COMPLAINTS = {WARN: 0.001, STOP: 0.003}
ENOUGH_TO_STOP = (
    "Nothing leaves until the share falls: clean the list, look at who complains, and wait."
)
# What was taken over, and what was refused at once because the address does not exist.
COUNTED = Q(status__in=[MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.BOUNCED]) | Q(
    status=MessageStatus.FAILED, enrollment__state=EnrollmentState.BOUNCED
)


@dataclass(frozen=True)
class Health:
    """What became of a mailbox's mails in the last 30 days."""

    sent: int = 0
    bounced: int = 0
    complaints: int = 0

    @property
    def level(self) -> str:
        """`ok`, `warn` or `stop`; `ok` while there are too few mails to tell."""
        levels = [level for level, _ in self._worries()]
        return STOP if STOP in levels else WARN if levels else OK

    @property
    def sentence(self) -> str:
        """What is wrong; nothing where nothing is."""
        worries = [sentence for _, sentence in self._worries()]
        return " ".join(worries + [ENOUGH_TO_STOP] * (self.level == STOP))

    def _worries(self) -> Iterator[tuple[str, str]]:
        if self.sent < FEWEST:
            return
        for what, count, limits in (
            ("bounced for good", self.bounced, BOUNCES),
            ("were reported as spam", self.complaints, COMPLAINTS),
        ):
            reached = [level for level, share in limits.items() if count >= share * self.sent]
            if reached:
                level = reached[-1]
                share = count / self.sent
                yield (
                    level,
                    f"{share:.1%} of {self.sent:,} mails of the last 30 days {what}"
                    f" ({limits[level]:.1%} is the limit).",
                )


def health_of(mailbox_ids: Collection[UUID], *, now: datetime) -> dict[UUID, str]:
    """For each mailbox the sentence that stops it, or nothing; three queries at most."""
    found = _Found(mailbox_ids, now)
    # Asked before every mail: where nothing went wrong, all that left need not be counted.
    troubled = {key for key in mailbox_ids if found.bounced[key] or found.complaints[key]}
    healths = found.healths(troubled)
    return {
        key: healths[key].sentence if key in troubled and healths[key].level == STOP else ""
        for key in mailbox_ids
    }


def measured(mailbox_ids: Collection[UUID], *, now: datetime) -> dict[UUID, Health]:
    """What became of the mails of each mailbox in the last 30 days."""
    return _Found(mailbox_ids, now).healths(mailbox_ids)


class _Found:
    """What went wrong with the mails of these mailboxes."""

    def __init__(self, mailbox_ids: Collection[UUID], now: datetime) -> None:
        lately = now - PERIOD, now
        self._left = Message.objects.outbound().filter(sent_at__range=lately)
        wrong = self._left.filter(gone_wrong=True)
        self.bounced = _counted(wrong.filter(COUNTED, mailbox__in=mailbox_ids), "mailbox", "pk")
        complained = Message.objects.filter(
            direction=Direction.INBOUND,
            verdict=MessageKind.COMPLAINT,
            received_at__range=lately,
            enrollment__mailbox__in=mailbox_ids,  # which wrote; another may hear of it
        )
        self.complaints = _counted(complained, "enrollment__mailbox", "enrollment")

    def healths(self, mailbox_ids: Collection[UUID]) -> dict[UUID, Health]:
        if not mailbox_ids:
            return {}
        sent = _counted(self._left.filter(COUNTED, mailbox__in=mailbox_ids), "mailbox", "pk")
        return {
            key: Health(sent[key], self.bounced[key], self.complaints[key]) for key in mailbox_ids
        }


def _counted(messages: QuerySet[Message], mailbox: str, what: str) -> Counter[UUID]:
    """How many different ones each mailbox has."""
    rows = messages.order_by().values_list(mailbox).annotate(Count(what, distinct=True))
    return Counter(dict(rows))
