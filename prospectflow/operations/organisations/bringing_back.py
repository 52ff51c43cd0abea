"""One organisation in again: its rows of the archive take the place of those that are there.

All of it is one transaction. What is known here since is kept where it forbids something: who must
not be written to, who was shut out, and which mails have left.
"""

from datetime import datetime
from typing import Any, NamedTuple

from django.db import DatabaseError, DataError, IntegrityError, OperationalError, connection
from psycopg.errors import DeadlockDetected, UniqueViolation

from iam.models import Organisation
from iam.services import record
from outreach.models import Task
from outreach.services.restoring import AT_ONCE, mark_in_doubt
from outreach.states import WAITING, TaskStatus
from prospectflow.errors import DomainError
from prospectflow.operations.organisations.archives import Archive, ArchiveRefused
from prospectflow.operations.organisations.people import find_people
from prospectflow.operations.organisations.tables import (
    JOINED,
    ORGANISATIONS,
    STAYING,
    TASKS,
    USERS,
    Table,
    ask,
    run,
    tables,
    take_your_time,
)
from prospectflow.tenancy.context import tenant

LEFT = [TaskStatus.TRANSMITTING.value, TaskStatus.SENT.value, TaskStatus.UNKNOWN.value]
MAY_LEAVE = [status.value for status in (*WAITING, TaskStatus.LEASED)]
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('organisation ' || %s, 0))"
KNOWN = (
    "CREATE TEMPORARY TABLE known_tasks (enrollment uuid, step uuid, status text) ON COMMIT DROP"
)
# By deleting: a worker that lets a mail leave at this moment is waited for, and its word counts.
TAKE_TASKS = f"""
WITH taken AS (DELETE FROM {TASKS.name} RETURNING enrollment_id, workflow_step_id, status)
INSERT INTO pg_temp.known_tasks SELECT * FROM taken
"""
MINE = "SELECT FROM iam.organisations WHERE id = iam.current_organisation_id()"
HOLD = f"{MINE} FOR UPDATE"
FORGET = "DELETE FROM iam.organisations WHERE id = iam.current_organisation_id()"
# It left since, or nobody knows any more whether it did.
IN_MID_AIR = f"""
UPDATE {TASKS.brought} t
SET status = 'transmitting', locked_at = %(now)s, locked_by = 'restore', leased_until = %(now)s
FROM {TASKS.brought} was LEFT JOIN pg_temp.known_tasks k
    ON k.enrollment = was.enrollment_id AND k.step = was.workflow_step_id
WHERE was.id = t.id AND was.status <> ALL (%(left)s) AND (
    k.status = ANY (%(left)s)
    OR k.status IS NULL AND was.status = ANY (%(may_leave)s) AND was.scheduled_for <= %(now)s
)
"""
STOPPED = f"UPDATE {ORGANISATIONS.brought} SET sending_stopped_at = %s, sending_stopped_reason = %s"
# Events of programs that have been deleted since.
NAMELESS = """
UPDATE pg_temp."brought_iam.audit_events" e SET service_account_id = NULL
WHERE NOT EXISTS (
    SELECT FROM pg_temp."brought_iam.service_accounts" s WHERE s.id = e.service_account_id
)
"""
TAKEN = {
    "organisations_slug": "Another organisation has the slug here: give that one another first.",
    "service_accounts_client_id": "A program of the archive acts for another organisation here:"
    " delete it there first.",
}


class TakenHere(DomainError):
    """What must be the organisation's alone is another one's here."""


class WrittenTo(DomainError):
    """Somebody wrote to the organisation at the same moment; nothing was changed: try again."""


class Brought(NamedTuple):
    """What came of it: how many rows the archive held, and how many mails are in doubt."""

    rows: int
    doubtful: int


def bring_back(archive: Archive, *, now: datetime) -> Brought:
    """Put the organisation back as it was archived; its sending stays stopped until it is resumed.

    Either all of it or nothing; call it outside of a scope. Raises TakenHere, PeopleMerged,
    WrittenTo and ArchiveRefused.
    """
    try:
        with tenant(archive.contents.organisation_id):
            take_your_time()
            run(ONE_AT_A_TIME, [str(archive.contents.organisation_id)])
            return _replace(archive, now)
    except (DataError, IntegrityError) as error:
        raise _refusal(error) from error
    except OperationalError as error:
        if not isinstance(error.__cause__, DeadlockDetected):
            raise
        raise WrittenTo from error


def _replace(archive: Archive, now: datetime) -> Brought:
    every, is_there = tables(), bool(ask(MINE))
    for table in [*every, USERS, ORGANISATIONS]:
        _bring(table, archive)
    for table in [*every, ORGANISATIONS]:
        _refuse_others(table)
    find_people(every)
    if is_there:
        _keep(every)
    _forget()
    run(IN_MID_AIR, {"now": now, "left": LEFT, "may_leave": MAY_LEAVE})
    run(NAMELESS)
    made_at = archive.contents.made_at
    reason = f"It was brought back from a backup of {made_at:%Y-%m-%d %H:%M} UTC"
    run(STOPPED, [now, reason])
    for table in [*every, ORGANISATIONS]:  # itself last: until then nothing is new to the trail
        run(_insert(table))
    organisation = Organisation.objects.get(pk=archive.contents.organisation_id)
    record("restored", at=now, target=organisation, text=f"{organisation}: {reason}")
    return Brought(archive.contents.rows, _put_in_doubt(made_at, now))


def _bring(table: Table, archive: Archive) -> None:
    """The archive's rows of the table, as they stood."""
    made = f"CREATE TEMPORARY TABLE {table.brought} ON COMMIT DROP AS"
    run(f"{made} SELECT {table.listed} FROM {table.name} LIMIT 0")
    statement = f"COPY {table.brought} ({table.listed}) FROM STDIN (FORMAT csv, HEADER MATCH)"
    with connection.cursor() as cursor:
        with connection.wrap_database_errors, cursor.copy(statement) as copy:
            for block in archive.blocks(table.name):
                copy.write(block)
        if cursor.rowcount != archive.contents.parts[table.name].rows:
            raise ArchiveRefused(f"The archive holds other rows of {table.name} than it says.")


def _refuse_others(table: Table) -> None:
    """Row-level security would stop their rows as well, but in no words for people."""
    whose = "id" if table == ORGANISATIONS else "organisation_id"
    others = f"SELECT FROM {table.brought} WHERE {whose} <> iam.current_organisation_id() LIMIT 1"
    if ask(others):
        raise ArchiveRefused(
            f"The archive holds rows of another organisation in {table.name}: nothing was changed."
            " Take another."
        )


def _keep(every: list[Table]) -> None:
    """What holds here now, whatever held then."""
    for table in every:
        if table.name in STAYING:
            run(f"TRUNCATE {table.brought}")
        if table.name in STAYING | JOINED:
            run(f"INSERT INTO {table.brought} SELECT {table.listed} FROM {table.name}")


def _forget() -> None:
    """Delete what is there; which mails have left is known until the end."""
    run(KNOWN)
    run(TAKE_TASKS)
    run(HOLD)  # from here on nobody adds to it
    run(TAKE_TASKS)
    run(FORGET)


def _insert(table: Table) -> str:
    twice = " ON CONFLICT DO NOTHING" if table.name in JOINED else ""
    rows = f"SELECT {table.listed} FROM {table.brought}"
    return f"INSERT INTO {table.name} ({table.listed}) {rows}{twice}"


def _put_in_doubt(since: datetime, now: datetime) -> int:
    """What may have left is never sent again by itself; its sequences go on as if it had."""
    total = 0
    flying = Task.objects.filter(status=TaskStatus.TRANSMITTING).order_by("step_index", "id")
    while marked := mark_in_doubt(list(flying[:AT_ONCE]), since=since, now=now):
        total += marked
    return total


def _refusal(error: DatabaseError) -> DomainError:
    """What to tell of rows that PostgreSQL did not take; nothing was changed."""
    cause: Any = error.__cause__
    name = cause.diag.constraint_name or cause.sqlstate
    if not isinstance(cause, UniqueViolation):
        return ArchiveRefused(
            f"The archive's rows do not fit this database ({name}): nothing was changed. Take"
            " another archive, or bring this one back into the database that it was made from."
        )
    if cause.diag.table_name == "users":  # somebody signed up since their address was looked for
        return WrittenTo()
    known = (sentence for begin, sentence in TAKEN.items() if name.startswith(begin))
    return TakenHere(next(known, f"A row of the archive is another organisation's here ({name})."))
