"""Virtual time in which a world's mailboxes really send."""

from datetime import datetime
from itertools import chain

from outreach.calendar import closes_at, next_opening
from outreach.models import Draft, Mailbox, Task
from outreach.services.approval import approve
from outreach.services.drafting import compose
from outreach.services.hours import sending_hours
from outreach.services.sending import send_batch
from outreach.tests.making import MORNING
from outreach.tests.postbox import World
from prospectflow.tenancy.context import tenant


def play_for_real(world: World, *, until: datetime) -> None:
    """Let every mailbox send whenever something could have changed, and approve all they need."""
    now: datetime | None = MORNING
    while now and now < until:
        with tenant(world.organisation_id):
            for task in Task.objects.open().filter(drafts__isnull=True):
                compose(task, at=now)
            for draft in Draft.objects.to_review():
                approve(draft, at=now, rule="test")
            Mailbox.objects.update(last_synced_at=now)
            senders = list(Mailbox.objects.values_list("pk", flat=True))
        for mailbox in senders:
            send_batch(world.organisation_id, mailbox, clock=lambda at=now: at, worker="test")
        with tenant(world.organisation_id):
            now = next_instant(now)


def next_instant(now: datetime) -> datetime | None:
    """When a pause ends, a mail is due, or some hours open; none once nothing waits."""
    tasks = Task.objects.open().select_related(
        "campaign", "enrollment__mailbox", "enrollment__position__company"
    )
    hours = {
        sending_hours(each.enrollment.mailbox, each.campaign, each.enrollment.position.company)
        for each in tasks
    }
    instants = chain(
        Mailbox.objects.filter(next_send_at__gt=now).values_list("next_send_at", flat=True),
        tasks.filter(scheduled_for__gt=now).values_list("scheduled_for", flat=True),
        (next_opening(each, closes_at(each, now)) for each in hours),
    )
    return min(instants, default=None) if hours else None
