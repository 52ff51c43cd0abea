"""A worker's hold on tasks: taken in one statement, given back, or ended by itself."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Case, Exists, OuterRef, Value, When

from outreach.models import Message, Task
from outreach.states import TaskStatus
from prospectflow.tenancy.among import Ids

LEASE = timedelta(minutes=20)  # longer than any SMTP conversation (RFC 5321, 4.5.3.2)

# One short walk of the index tasks_to_send for each step that has something waiting, the highest
# first: neither the walk to the steps nor the one in them depends on how many tasks wait. Its order
# begins with the step, since no other index can serve that: one by hour alone would pass through
# what other mailboxes have waiting. Its limit is a subquery, so that PostgreSQL plans for a tenth
# of the tasks it foresees. It takes mailboxes for spread over all organisations and foresees few
# where thousands wait; below a limit that it knows it would read and sort them all.
TAKE = """
WITH RECURSIVE steps AS (
    SELECT max(t.step_index) AS step_index FROM outreach.tasks t
    WHERE t.mailbox_id = %(mailbox)s AND t.is_approved
        AND t.status IN ('scheduled', 'deferred')
    UNION ALL
    SELECT (
        SELECT max(t.step_index) FROM outreach.tasks t
        WHERE t.mailbox_id = %(mailbox)s AND t.is_approved
            AND t.status IN ('scheduled', 'deferred') AND t.step_index < steps.step_index
    ) FROM steps WHERE steps.step_index IS NOT NULL
), found AS (
    SELECT due.id FROM steps CROSS JOIN LATERAL (
        SELECT t.id FROM outreach.tasks t
        WHERE t.mailbox_id = %(mailbox)s AND t.step_index >= steps.step_index
            AND (t.step_index, t.scheduled_for) <= (steps.step_index, %(now)s)
            AND t.is_approved AND t.status IN ('scheduled', 'deferred')
            AND t.id <> ALL(%(but)s::uuid[])
            AND (
                SELECT c.status = 'running' FROM outreach.campaigns c
                WHERE c.organisation_id = t.organisation_id AND c.id = t.campaign_id
            )
            AND (
                SELECT e.state = 'active' FROM outreach.campaign_enrollments e
                WHERE e.organisation_id = t.organisation_id AND e.id = t.enrollment_id
            )
        ORDER BY t.step_index, t.scheduled_for, t.id
        LIMIT (SELECT %(limit)s)
        FOR UPDATE SKIP LOCKED
    ) due
    LIMIT %(limit)s
)
UPDATE outreach.tasks t
SET status = 'leased', locked_at = %(now)s, locked_by = %(worker)s, leased_until = %(until)s
WHERE t.organisation_id = iam.current_organisation_id() AND t.id = ANY(ARRAY(SELECT id FROM found))
RETURNING t.*
"""


def lease(
    mailbox_id: UUID, *, now: datetime, worker: str, limit: int = 50, but: Iterable[UUID] = ()
) -> list[Task]:
    """Take what this mailbox may send, in the order in which it is sent; nobody else gets it.

    Tasks of campaigns or enrolments that do not run keep their hour. What is not sent within
    LEASE goes back to waiting (`declare_unknown`).
    """
    values = {
        "mailbox": mailbox_id, "now": now, "worker": worker, "until": now + LEASE,
        "limit": limit, "but": Ids(but).array,
    }  # fmt: skip
    taken = Task.objects.raw(TAKE, values)
    return sorted(taken, key=lambda t: sending_order(t.step_index, t.scheduled_for, t.pk))


def sending_order(
    step_index: int, scheduled_for: datetime, task_id: UUID
) -> tuple[int, datetime, UUID]:
    """What leaves first: the later step, then the earlier hour, then the smaller id."""
    return (-step_index, scheduled_for, task_id)


def hand_back(tasks: Iterable[UUID], **fields: object) -> int:
    """Let leased tasks wait again as they did before; `fields` are written with it.

    A mail that exists already was refused for now: its task waits as deferred.
    """
    written = Message.objects.outbound().filter(task=OuterRef("pk"))
    before = Case(
        When(Exists(written), then=Value(TaskStatus.DEFERRED)), default=Value(TaskStatus.SCHEDULED)
    )
    leased = Task.objects.filter(pk__among=Ids(tasks), status=TaskStatus.LEASED)
    return leased.update(status=before, locked_at=None, locked_by=None, leased_until=None, **fields)


def mailboxes_with_work(*, now: datetime) -> list[UUID]:
    """The mailboxes of this organisation that have something due, by id."""
    due = Task.objects.due(now).filter(campaign__status="running").exclude(mailbox=None)
    return list(due.order_by("mailbox_id").values_list("mailbox_id", flat=True).distinct())
