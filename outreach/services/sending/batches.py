"""One mailbox sends: takes what is due, group by group, and talks over one connection."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from socket import create_connection
from uuid import UUID

from outreach.models import Mailbox, Message, Task
from outreach.services.ledgers import ledgers_for
from outreach.services.mailbox_secrets import signature_of
from outreach.services.mailboxes import move_mailbox, smtp_account
from outreach.services.sending.deciding import Decision, Frozen, Group, Intention, decide
from outreach.services.sending.delivering import Clock, Round, deliver, ignored, never
from outreach.services.sending.held_back import may_send_anything
from outreach.services.sending.leasing import hand_back, lease
from outreach.smtp import Connection, SmtpAccount
from outreach.states import MailboxStatus
from prospectflow.deadlines import Dial
from prospectflow.errors import DomainError
from prospectflow.tenancy.context import tenant

# After so many mails, or so long, a mailbox is looked at anew, and others have their turn.
ROUND, ROUND_LASTS = 1_000, timedelta(minutes=1)
AHEAD = 100  # tasks looked through together for the one that may leave, where a pace is kept
FIRST, LARGEST = 25, 500  # tasks that are decided on together where none is
# A killed worker leaves a group in doubt: it grows or shrinks to what its server takes within this
# time, some mails for a provider far away, hundreds for a relay beside us.
GROUP_LASTS = timedelta(seconds=3)


def send_batch(  # noqa: PLR0913
    organisation_id: UUID,
    mailbox_id: UUID,
    *,
    clock: Clock,
    worker: str,
    frozen: Frozen = ignored,
    stopping: Callable[[], bool] = never,
    dial: Dial = create_connection,
    limit: int = ROUND,
) -> list[Message]:
    """Send up to `limit` mails that may leave now, over one connection; messages as they ended.

    Call it outside of a tenant scope: it opens one to take tasks, one for each group to commit
    what is meant to leave, none while it talks to the server, and others for the outcomes.
    A mailbox that keeps a pace sends one mail. `frozen` is told of each message before the
    commit. Once `stopping` says so, no further mail is begun; connections are made by `dial`.
    """
    return _sent(
        Round(organisation_id, mailbox_id, clock, worker, frozen, stopping, dial, at_most=limit)
    )


def send_next(
    organisation_id: UUID,
    mailbox_id: UUID,
    *,
    now: datetime,
    worker: str,
    frozen: Frozen = ignored,
) -> Message | None:
    """Send the one mail this mailbox may send at `now`; None when there is none."""
    given = Round(organisation_id, mailbox_id, lambda: now, worker, frozen, at_most=1)
    return next(iter(_sent(given)), None)


def intend(
    mailbox_id: UUID, *, now: datetime, worker: str, frozen: Frozen = ignored
) -> Intention | None:
    """What `send_next` commits before it talks to the server, in the scope that is open."""
    leased = lease(mailbox_id, now=now, worker=worker, limit=AHEAD)
    decision = Decision()
    for task in leased:
        decision = decide(Group(mailbox_id, [task], worker, now, frozen))
        if decision.intentions or not decision.goes_on:
            break
    hand_back(task.pk for task in leased)
    return next(iter(decision.intentions), None)


def _sent(given: Round) -> list[Message]:
    now = given.clock()
    with tenant(given.organisation_id):
        mailbox = Mailbox.objects.filter(pk=given.mailbox_id).first()
        ledger = ledgers_for([mailbox], now=now)[mailbox.pk] if mailbox else None
        if mailbox is None or ledger is None or not may_send_anything(ledger, now=now):
            return []
    account = _account(given, mailbox)
    if account is None:
        return []
    if ledger.pace_max:
        given.at_most = 1
    return _sent_through(account, given, _groups(given))


def _account(given: Round, mailbox: Mailbox) -> SmtpAccount | None:
    """How to reach the mailbox's server; a mailbox that cannot be used is broken, and says why."""
    try:
        signature_of(mailbox)
        return replace(smtp_account(mailbox), dial=given.dial)
    except DomainError as error:
        with tenant(given.organisation_id):
            move_mailbox(mailbox, MailboxStatus.BROKEN, reason=str(error))
        return None


def _groups(given: Round) -> Iterator[Sequence[Task]]:
    """The tasks that are decided on together: with a pace the first, then more."""
    paces, ends = given.at_most == 1, given.clock() + ROUND_LASTS
    size = 1 if paces else min(FIRST, given.left)
    while given.clock() < ends and (leased := _leased(given, size)):
        begun = given.clock()
        yield leased
        lasted = given.clock() - begun
        size = AHEAD if paces else min(_next_size(len(leased), lasted), given.left)


def _next_size(size: int, lasted: timedelta) -> int:
    """Of a group after one of this size; it grows at most fourfold at once."""
    factor = GROUP_LASTS / max(lasted, GROUP_LASTS / 4)
    return max(1, min(LARGEST, int(size * factor)))


def _leased(given: Round, size: int) -> list[Task]:
    now = given.clock()
    with tenant(given.organisation_id):
        leased = lease(given.mailbox_id, now=now, worker=given.worker, limit=size, but=given.leased)
    given.leased |= {task.pk for task in leased}
    return leased


def _sent_through(
    account: SmtpAccount, given: Round, groups: Iterator[Sequence[Task]]
) -> list[Message]:
    connection = Connection(account)
    try:
        for tasks in groups:
            if given.stopping() or not _group(given, tasks, connection):
                break
    finally:
        connection.close()
        _hand_back(given)
    return given.sent


def _hand_back(given: Round) -> None:
    """What was leased and not even decided on waits again."""
    if left := given.leased - {message.task_id for message in given.sent}:
        with tenant(given.organisation_id):
            hand_back(left)


def _group(given: Round, tasks: Sequence[Task], connection: Connection) -> bool:
    """Decide, send and settle; whether the mailbox may go on with another group."""
    with tenant(given.organisation_id):
        group = Group(
            given.mailbox_id, tasks, given.worker, given.clock(), given.frozen, given.left
        )
        decision = decide(group)
    goes_on = decision.goes_on
    if decision.intentions:
        goes_on &= deliver(given, decision, connection, decided=group.now)
    return goes_on and given.left > 0
