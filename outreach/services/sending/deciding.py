"""Which mails of a group leave: judged, written down and marked as leaving in one transaction."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.models import F

from outreach.calendar import pace
from outreach.models import Draft, Mailbox, Message, Task
from outreach.services.approval import rendered
from outreach.services.policy import Reason, reasons
from outreach.services.sending.freezing import Approved, existing, frozen, store, threads
from outreach.services.sending.held_back import OF_THE_MAILBOX, put_aside
from outreach.services.sending.leasing import LEASE
from outreach.services.switches import closed_switches
from outreach.states import TaskStatus
from prospectflow.errors import DomainError

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
WHERE t.id = ANY(%(tasks)s) AND t.status = 'leased' AND t.locked_by = %(worker)s
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


@dataclass(frozen=True)
class Group:
    """Leased tasks that are decided on together."""

    mailbox_id: UUID
    tasks: Sequence[Task]
    worker: str
    now: datetime
    frozen: Frozen


def decide(group: Group) -> Decision:
    """Mark as leaving what the policy lets go, with its bytes; put the others aside.

    What another worker holds stays leased. A mail that breaks what nobody foresaw keeps back
    no other.
    """
    try:
        with transaction.atomic():
            return _decided(group)
    except OperationalError:
        raise  # the database's trouble is everybody's
    except (DatabaseError, ArithmeticError, LookupError, TypeError, ValueError):
        if len(group.tasks) > 1:
            return _one_by_one(group)
        logger.exception("The mail of task %s could not be prepared.", group.tasks[0].pk)
        put_aside(group.tasks[0], Reason("unforeseen", UNFORESEEN), group.now)
        return Decision()


def _one_by_one(group: Group) -> Decision:
    whole = Decision()
    for task in group.tasks:
        alone = decide(Group(group.mailbox_id, [task], group.worker, group.now, group.frozen))
        whole.intentions += alone.intentions
        if not alone.goes_on:
            whole.goes_on = False
            break
    return whole


def _decided(group: Group) -> Decision:
    locked = Mailbox.objects.select_for_update(skip_locked=True)
    mailbox = locked.filter(pk=group.mailbox_id).first()
    if mailbox is None or closed_switches():
        return Decision(goes_on=False)  # another worker is sending from it, or nothing may leave
    identifiers = _held(group)
    tasks = [task for task in group.tasks if task.pk in identifiers]
    approved, goes_on = _judged(tasks, identifiers, mailbox, group.now)
    decision = Decision(_intentions(approved, mailbox, group), goes_on)
    _mark_leaving(decision.intentions, mailbox, group)
    return decision


def _held(group: Group) -> dict[UUID, UUID]:
    """The tasks that are ours until the commit, each with the id its message gets.

    Of two to one address only the first: what left is a reason against the other.
    """
    values = {
        "tasks": [task.pk for task in group.tasks],
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


def _judged(
    tasks: Sequence[Task], identifiers: dict[UUID, UUID], mailbox: Mailbox, now: datetime
) -> tuple[list[Approved], bool]:
    """Those that nothing holds back; False once the whole mailbox waits."""
    approved: list[Approved] = []
    for task in tasks:
        task.status = TaskStatus.SCHEDULED  # held by us, it waits for nobody else
        task.enrollment.mailbox = task.campaign.from_mailbox = mailbox
        reason = next(reasons(task, now=now), None)
        if reason is None:
            draft = Draft.objects.select_related("variant").get(task=task)
            draft.task = task
            approved.append(Approved(task, draft, rendered(draft), identifiers[task.pk]))
            continue
        if reason.code in OF_THE_MAILBOX:
            return approved, False
        put_aside(task, reason, now)
    return approved, True


def _intentions(approved: Sequence[Approved], mailbox: Mailbox, group: Group) -> list[Intention]:
    """Each with its message: the same bytes again where the server had refused them for now."""
    tasks = [each.task for each in approved]
    known, before = existing(tasks), threads(tasks)
    found, new = [], []
    for each in approved:
        message = known.get(each.task.pk)
        tried = message.sent_at if message else None
        if message is None:
            try:
                message = frozen(
                    each, mailbox, before.get(each.task.enrollment_id, ()), now=group.now
                )
            except DomainError as error:
                put_aside(each.task, Reason("cannot_be_built", str(error)), group.now)
                continue
            new.append(message)
        found.append(Intention(each.task, message, tried))
    store(new)
    for intention in found:
        group.frozen(intention.message)
    return found


def _mark_leaving(intentions: Sequence[Intention], mailbox: Mailbox, group: Group) -> None:
    if not intentions:
        return
    again = [each.message.pk for each in intentions if each.before is not None]
    if again:
        Message.objects.filter(pk__in=again).update(sent_at=group.now)
    Task.objects.filter(pk__in=[each.task.pk for each in intentions]).update(
        status=TaskStatus.TRANSMITTING,
        attempts=F("attempts") + 1,
        locked_at=group.now,
        leased_until=group.now + LEASE,
    )
    mailbox.next_send_at = group.now + pace(
        str(intentions[-1].message.pk), mailbox.pace_min_seconds, mailbox.pace_max_seconds
    )
    mailbox.save(update_fields=["next_send_at"])
