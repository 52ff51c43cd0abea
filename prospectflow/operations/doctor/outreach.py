"""The work: the queue, the switches, mails in doubt, mailboxes and their inboxes."""

from collections.abc import Iterator
from datetime import datetime

from iam.models import Organisation
from outreach.models import Mailbox
from outreach.services.switches import closed_everywhere
from prospectflow.monitoring import readings
from prospectflow.tenancy.context import tenant

from .findings import Finding, ago

DUE_AT_MOST = 1_000
OLDEST_AT_MOST_SECONDS = 15 * 60
LAG_AT_MOST_SECONDS = 30 * 60
NAMED_AT_MOST = 20
BEHIND = "More workers are needed, or those there are hang: look at their log."
UNREAD = "No follow-up leaves without a fresh inbox: see that a worker reads (queue `reading`)."
DOUBTFUL = "Decide on them under “In doubt” among the tasks; `reconcile_sent` looks once more."


def queue(now: datetime) -> Iterator[Finding]:
    """What waits, and for how long."""
    for each in readings.queues(now=now):
        late = each.due > DUE_AT_MOST or each.oldest_seconds > OLDEST_AT_MOST_SECONDS
        told = f"{each.due} due, the oldest for {ago(each.oldest_seconds)}" if each.due else "idle"
        told += f", {each.running} running" if each.running else ""
        told += f", {each.failed} failed within 30 days" if each.failed else ""
        yield Finding(each.name, told, BEHIND if late else "")
    alive, heard = readings.workers(now=now)
    told = "" if heard is None else f", the last heard {ago(heard)} ago"
    yield Finding("workers", f"{alive} alive{told}")


def sending(now: datetime) -> Iterator[Finding]:
    """Whether mails may leave at all, and whether any is in doubt."""
    closed = closed_everywhere()
    for switch in closed:
        since = f", since {switch.since:%Y-%m-%d %H:%M} UTC" if switch.since else ""
        yield Finding("mails", f"none leaves{since}", switch.sentence)
    if not closed:
        yield Finding("mails", "may leave")
    doubtful = readings.monitored(now=now).mails.get("unknown", 0)
    yield Finding("in doubt", str(doubtful), DOUBTFUL if doubtful else "")


def mailboxes(now: datetime) -> Iterator[Finding]:
    """All organisations' mailboxes by status, where some are broken, how fresh inboxes are."""
    found = readings.monitored(now=now)
    told = ", ".join(f"{number} {status}" for status, number in sorted(found.mailboxes.items()))
    yield Finding("all", told or "none yet")
    if found.mailboxes.get(Mailbox.Status.BROKEN):
        yield from _broken()
    if (lag := found.inbox_lag_seconds) is not None:
        late = lag > LAG_AT_MOST_SECONDS
        yield Finding("inboxes", f"the stalest was read {ago(lag)} ago", UNREAD if late else "")


def _broken() -> Iterator[Finding]:
    """Each organisation with broken mailboxes, up to NAMED_AT_MOST; addresses stay inside it."""
    named = 0
    for organisation in Organisation.objects.order_by("slug"):
        with tenant(organisation.pk):
            number = Mailbox.objects.filter(status=Mailbox.Status.BROKEN).count()
        if number:
            advice = f"{organisation.slug}: its pages say why; `check_mailbox` tries the servers."
            yield Finding("broken", f"{number} of {organisation.slug}", advice)
            named += 1
        if named == NAMED_AT_MOST:
            return
