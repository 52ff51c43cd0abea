"""What workers do by themselves, each task for one mailbox or one organisation.

A task that finds what is due but cannot be done yet leaves a job that waits for its hour, so that
no tick makes another before. What goes wrong is told in the log, and tried again likewise.
"""

import os
import socket
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from outreach.services.domain_checks import check_domain
from prospectflow import jobs
from prospectflow.deadlines import Grace
from prospectflow.jobs import DRAFTS_AHEAD, DRAFTS_AT_ONCE, READ_EVERY, Shift, told
from prospectflow.queue import Stopping, defer, task

SENDING_GRACE_SECONDS = 7.0  # for the mail in the air; its worker ends within 10, however busy
READING_GRACE_SECONDS = 2.0
COUNT_AFTER = DRAFT_AGAIN = timedelta(minutes=1)
LOOK_AFTER = timedelta(minutes=10)
A_DAY = timedelta(days=1)


@task(queue="sending", lock="send", per="mailbox_id", once=True)
def send_mailbox(organisation_id: UUID, mailbox_id: UUID, *, stopping: Stopping) -> None:
    """Send what may leave from the mailbox now, one mail after the other."""
    again_at, name = None, f"{socket.gethostname()}:{os.getpid()}"
    with (
        Grace(SENDING_GRACE_SECONDS, stopping) as grace,
        told(f"Mailbox {mailbox_id} did not send"),
    ):
        shift = Shift(name, timezone.now, stopping, grace.dial)
        again_at = jobs.send_from(organisation_id, mailbox_id, shift)
    if again_at is not None and not stopping():
        _later("prospectflow.send_mailbox", again_at, organisation_id, mailbox_id)


@task(queue="reading", lock="read", per="mailbox_id", once=True)
def read_mailbox(organisation_id: UUID, mailbox_id: UUID, *, stopping: Stopping) -> None:
    """Read the mailbox and obey what came; the numbers follow in a while."""
    now, was_read = timezone.now(), False
    with Grace(READING_GRACE_SECONDS, stopping) as grace:
        was_read = jobs.read_one(organisation_id, mailbox_id, now=now, dial=grace.dial)
    if stopping():
        return
    _later("prospectflow.count_statistics", now + COUNT_AFTER, organisation_id)
    if jobs.is_in_doubt(organisation_id, now=now):
        _later("prospectflow.look_for_doubtful", now + LOOK_AFTER, organisation_id)
    if not was_read:
        _later("prospectflow.read_mailbox", now + READ_EVERY, organisation_id, mailbox_id)


@task(queue="upkeep", lock="write_drafts", once=True)
def write_drafts(organisation_id: UUID, *, stopping: Stopping) -> None:
    """Write the drafts of what is due within two days; look again while something is."""
    with told(f"Organisation {organisation_id}: no drafts were written"):
        while jobs.write_due_drafts(
            organisation_id, now=timezone.now(), ahead=DRAFTS_AHEAD, limit=DRAFTS_AT_ONCE
        ):
            if stopping():
                return
    if jobs.expects_drafts(organisation_id, now=timezone.now()):
        _later("prospectflow.write_drafts", timezone.now() + DRAFT_AGAIN, organisation_id)


@task(queue="upkeep", lock="account_for_the_lost", once=True)
def account_for_the_lost(organisation_id: UUID, *, stopping: Stopping) -> None:
    """Mark the mails of workers that died while sending; nobody sends them again."""
    with told(f"Organisation {organisation_id}: lost mails were not accounted for"):
        jobs.account_for_the_lost(organisation_id, now=timezone.now())


@task(queue="upkeep", lock="look_for_doubtful", once=True)
def look_for_doubtful(organisation_id: UUID, *, stopping: Stopping) -> None:
    """Look for mails in doubt among the sent ones; reading has it done again while any is."""
    with told(f"Organisation {organisation_id}: mails in doubt were not looked for"):
        jobs.look_for_doubtful(organisation_id, now=timezone.now())


@task(queue="upkeep", lock="count_statistics", once=True)
def count_statistics(organisation_id: UUID, *, stopping: Stopping) -> None:
    """Bring the daily numbers up to date."""
    with told(f"Organisation {organisation_id}: nothing was counted"):
        jobs.count(organisation_id, now=timezone.now())


@task(queue="upkeep", lock="tell_programs", once=True)
def tell_programs(organisation_id: UUID, *, stopping: Stopping) -> None:
    """Tell the organisation's webhooks what is due."""
    with told(f"Organisation {organisation_id}'s webhooks were not told"):
        jobs.tell_programs(organisation_id, now=timezone.now(), stopping=stopping)


@task(queue="upkeep", lock="begin_day", per="", once=True)
def begin_day(*, stopping: Stopping) -> None:
    """Forget what was kept long enough, have every organisation do the same; tomorrow again."""
    now = timezone.now()
    with told("Nothing was forgotten"):
        jobs.forget(now=now)
    with transaction.atomic():
        for organisation_id in jobs.everybody():
            defer("prospectflow.look_after", organisation_id=organisation_id)
        defer("prospectflow.begin_day", at=now + A_DAY)


@task(queue="upkeep", lock="look_after", once=True)
def look_after(organisation_id: UUID, *, stopping: Stopping) -> None:
    """What an organisation needs once a day: forget, and look at its mailboxes' domains."""
    with told(f"Nothing of organisation {organisation_id} was forgotten"):
        jobs.forget_within(organisation_id, now=timezone.now())
    for mailbox_id in jobs.mailboxes_to_check(organisation_id, now=timezone.now()):
        if stopping():
            return
        with told(f"The domain of mailbox {mailbox_id} was not looked at"):
            check_domain(organisation_id, mailbox_id, now=timezone.now())


def _later(name: str, at: datetime, organisation_id: UUID, mailbox_id: UUID | None = None) -> None:
    """Have the task run at an hour of its own; one that waits already does for this one too."""
    mailbox = {"mailbox_id": mailbox_id} if mailbox_id else {}
    with transaction.atomic():
        defer(name, at=at, organisation_id=organisation_id, **mailbox)
