"""Which mails of a group leave: judged, written down and marked as leaving in one transaction."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F

from outreach.calendar import Schedule, closes_at
from outreach.models import Mailbox, Message, Task
from outreach.policy.rules import Reason, reasons
from outreach.services.policy import gather
from outreach.services.sending.freezing import (
    Approved,
    Maker,
    experiments_of,
    store,
    written_before,
)
from outreach.services.sending.held_back import is_of_the_mailbox, put_aside
from outreach.services.sending.leasing import LEASE
from outreach.states import TaskStatus
from prospectflow.errors import DomainError
from prospectflow.tenancy.among import Ids

type Frozen = Callable[[Message], None]

# Held until the commit: the task; its enrolment and campaign, as whoever stops them would; its
# address, which another mailbox may be choosing. Nothing is waited for.
HOLD = """
SELECT t.id, p.email, uuidv7(),
    pg_try_advisory_xact_lock(hashtextextended(concat(t.organisation_id, p.email), 0))
FROM outreach.tasks t
JOIN outreach.campaign_enrollments e
    ON e.organisation_id = t.organisation_id AND e.id = t.enrollment_id
JOIN outreach.campaigns c ON c.organisation_id = t.organisation_id AND c.id = t.campaign_id
JOIN crm.positions p ON p.organisation_id = e.organisation_id AND p.id = e.position_id
WHERE t.id = ANY(%(tasks)s::uuid[]) AND t.status = 'leased' AND t.locked_by = %(worker)s
    AND t.mailbox_id = %(mailbox)s AND e.mailbox_id = %(mailbox)s
FOR UPDATE OF t SKIP LOCKED FOR NO KEY UPDATE OF e, c SKIP LOCKED
"""
UNFORESEEN = "This mail could not be prepared; the worker's log says why."

logger = logging.getLogger(__name__)


class Intention(NamedTuple):
    """A mail that is committed to leave: from here on it leaves once, or is accounted for."""

    task: Task
    message: Message
    before: datetime | None
    """When it was tried before; None for the first time."""


@dataclass
class Decision:
    """What leaves now, and whether the mailbox may go on with another group."""

    intentions: list[Intention] = field(default_factory=list)
    goes_on: bool = True
    pause: datetime | None = None
    """Until when the mailbox waits because of these mails."""
    closes: datetime | None = None
    """When hours or numbers that they were judged by end."""


@dataclass
class Judged:
    """What the policy lets go, and whether it may be asked for more of this mailbox."""

    approved: list[Approved]
    goes_on: bool
    next_send_at: datetime | None = None
    ends: set[datetime] = field(default_factory=set)


@dataclass(frozen=True)
class Group:
    """Leased tasks that are decided on together."""

    mailbox_id: UUID
    tasks: Sequence[Task]
    worker: str
    now: datetime
    frozen: Frozen
    at_most: int = 1


def decide(group: Group) -> Decision:
    """Mark as leaving what the policy lets go, with its bytes; put the others aside.

    What another worker holds stays leased. A mail that breaks what nobody foresaw keeps back
    no other.
    """
    try:
        with transaction.atomic():
            return _decided(group)
    except (OperationalError, InterfaceError):
        raise  # the database's trouble is everybody's
    except Exception:
        if len(group.tasks) > 1:
            return _one_by_one(group)
        logger.exception("The mail of task %s could not be prepared.", group.tasks[0].pk)
        put_aside(group.tasks[0], Reason("unforeseen", UNFORESEEN), group.now)
        return Decision()


def _one_by_one(group: Group) -> Decision:
    whole = Decision()
    for task in group.tasks:
        alone = decide(replace(group, tasks=[task]))
        whole.intentions += alone.intentions
        whole.pause = alone.pause or whole.pause
        ends = [each for each in (alone.closes, whole.closes) if each is not None]
        whole.closes = min(ends, default=None)
        if not alone.goes_on or len(whole.intentions) >= group.at_most:
            whole.goes_on = alone.goes_on
            break
    return whole


def _decided(group: Group) -> Decision:
    locked = Mailbox.objects.select_for_update(skip_locked=True)
    mailbox = locked.filter(pk=group.mailbox_id).first()
    if mailbox is None:
        return Decision(goes_on=False)  # another worker is sending from it
    identifiers = _held(group)
    if not identifiers and len(group.tasks) > 1:
        return Decision(goes_on=False)  # whoever holds all of these may hold thousands more
    tasks = [task for task in group.tasks if task.pk in identifiers]
    judged = _judged(tasks, identifiers, group)
    intentions = _intentions(judged.approved, mailbox, group)
    closes = min(judged.ends, default=None)
    decision = Decision(intentions, judged.goes_on, judged.next_send_at, closes)
    if intentions:
        _mark_leaving(intentions, group)
    was_ahead = mailbox.next_send_at is not None and mailbox.next_send_at > group.now
    if intentions and (was_ahead or judged.next_send_at != group.now):
        Mailbox.objects.filter(pk=mailbox.pk).update(next_send_at=judged.next_send_at)
    return decision


def _held(group: Group) -> dict[UUID, UUID]:
    """The tasks that are ours until the commit, each with the id its message gets.

    Of two to one address only the first: what left is a reason against the other.
    """
    values: dict[str, Any] = {
        "tasks": Ids(task.pk for task in group.tasks).array,
        "worker": group.worker,
        "mailbox": group.mailbox_id,
    }
    with connection.cursor() as cursor:
        cursor.execute(HOLD, values)
        rows = {row[0]: row for row in cursor.fetchall()}
    addresses: set[str] = set()
    held = {}
    for task in group.tasks:
        _, address, identifier, ours = rows.get(task.pk, (None, None, None, False))
        if ours and address not in addresses:
            held[task.pk] = identifier
            addresses.add(address)
    return held


def _judged(tasks: Sequence[Task], identifiers: Mapping[UUID, UUID], group: Group) -> Judged:
    """Those that nothing holds back, each counted before the next is judged."""
    now = group.now
    judged = Judged([], goes_on=True)
    of_id = {task.pk: task for task in tasks}
    closings: dict[Schedule, set[datetime]] = {}
    for case in gather(tasks, now=now, leased=True):
        if len(judged.approved) >= group.at_most:
            break
        task = of_id[case.task_id]
        reason = next(reasons(case, now=now), None)
        if reason is None and case.ledger is not None:
            case.ledger.note_sent(case.address, at=now, seed=case.seed)
            judged.approved.append(Approved(task, case.draft, case.mail, identifiers[task.pk]))
            judged.next_send_at = case.ledger.next_send_at
            judged.ends |= {case.ledger.next_day(now)} | _closing(case.hours, now, closings)
        elif reason is None or is_of_the_mailbox(reason, case):
            judged.goes_on = False
            break
        else:
            put_aside(task, reason, now)
    return judged


def _closing(
    hours: Schedule | None, now: datetime, known: dict[Schedule, set[datetime]]
) -> set[datetime]:
    """When these hours end, asked of the calendar once for many mails."""
    if hours is None:
        return set()
    if hours not in known:
        known[hours] = {closes_at(hours, now)}
    return known[hours]


def _intentions(approved: Sequence[Approved], mailbox: Mailbox, group: Group) -> list[Intention]:
    """Each with its message: the same bytes again where the server had refused them for now."""
    if not approved:
        return []
    refused, threads = written_before([each.task for each in approved])
    maker = Maker(mailbox, threads, experiments_of(approved), group.now)
    found: list[Intention] = []
    for each in approved:
        message = refused.get(each.task.pk)
        tried = message.sent_at if message else None
        if message is None:
            message = _frozen(each, maker)
        else:
            message.mailbox = mailbox
        if message is not None:
            found.append(Intention(each.task, message, tried))
    store([each.message for each in found if each.before is None])
    for intention in found:
        group.frozen(intention.message)
    return found


def _frozen(approved: Approved, maker: Maker) -> Message | None:
    """The message in memory; none, and no approval, where it cannot be built."""
    try:
        return maker.message(approved)
    except DomainError as error:
        put_aside(approved.task, Reason("cannot_be_built", str(error)), maker.now)
        return None


def _mark_leaving(intentions: Sequence[Intention], group: Group) -> None:
    again = [each.message.pk for each in intentions if each.before is not None]
    if again:
        Message.objects.filter(pk__in=again).update(sent_at=group.now)
    for each in intentions:  # by which their outcomes are told from those of other decisions
        each.task.locked_by, each.task.locked_at = group.worker, group.now
    Task.objects.filter(pk__among=Ids(each.task.pk for each in intentions)).update(
        status=TaskStatus.TRANSMITTING,
        attempts=F("attempts") + 1,
        locked_by=group.worker,
        locked_at=group.now,
        leased_until=group.now + LEASE,
    )
