"""The tick: whatever is due becomes a job, unless a job of it waits or runs already.

The tables of the apps are the truth, so that a job which is lost is made again.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction

from prospectflow import tasks  # noqa: F401  (what is deferred must be declared)
from prospectflow.jobs import DRAFTS_AHEAD, READ_EVERY
from prospectflow.queue import defer_missing, hasten

OURS = "SELECT pg_try_advisory_xact_lock(hashtextextended('prospectflow tick', 0))"

DAILY = "prospectflow.begin_day"
WAIT_AT_MOST = timedelta(minutes=10)  # no task that is due leaves a job for later than half of it

# The doors: what needs no organisation, an instant in, ids out.
MAILBOXES_TO_SEND = "SELECT * FROM outreach.mailboxes_to_send(%s)"
MAILBOXES_TO_READ = "SELECT * FROM outreach.mailboxes_to_read(%s, %s)"
WITH_DUE_TASKS = "SELECT * FROM outreach.organisations_with_due_tasks(%s)"
WITH_STRANDED_TASKS = "SELECT * FROM outreach.organisations_with_stranded_tasks(%s)"
WITH_DUE_WEBHOOKS = "SELECT * FROM outreach.organisations_with_due_webhooks(%s)"

type Ids = Mapping[str, UUID]


def tick(*, now: datetime) -> dict[str, int] | None:
    """Defer what is due; returns of which task how many jobs, None while another tick runs.

    Call it outside of every scope: it learns ids alone, by narrow functions of the database's.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(OURS)
        if cursor.fetchone() != (True,):
            return None
        wanted = due(now=now)
        hasten(wanted.keys() - {DAILY}, beyond=WAIT_AT_MOST)
        deferred = {name: defer_missing(name, ids) for name, ids in wanted.items()}
    return {name: number for name, number in deferred.items() if number}


def due(*, now: datetime) -> dict[str, list[Ids]]:
    """Of which task there should be a job at this instant, and for which ids."""
    return {
        "prospectflow.send_mailbox": _named(MAILBOXES_TO_SEND, now),
        "prospectflow.read_mailbox": _named(MAILBOXES_TO_READ, now - READ_EVERY, now),
        "prospectflow.write_drafts": _named(WITH_DUE_TASKS, now + DRAFTS_AHEAD),
        "prospectflow.account_for_the_lost": _named(WITH_STRANDED_TASKS, now),
        "prospectflow.tell_programs": _named(WITH_DUE_WEBHOOKS, now),
        DAILY: [{}],
    }


def _named(query: str, *instants: datetime) -> list[Ids]:
    """What a door says, each row as the ids of a job."""
    names = ("organisation_id", "mailbox_id")
    with connection.cursor() as cursor:
        cursor.execute(query, instants)
        return [dict(zip(names, row, strict=False)) for row in cursor.fetchall()]
