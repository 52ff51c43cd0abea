"""A last look before a mail that was decided on some moments ago."""

from datetime import datetime
from uuid import UUID

from django.db import connection

from outreach.models import Task
from outreach.services.suppressing import marks_of

# One round trip and one implicit transaction: the setting is forgotten with it.
LOOK = """
SELECT set_config('app.organisation_id', %(organisation)s, true);
SELECT (SELECT t.status = 'transmitting' FROM outreach.tasks t WHERE t.id = %(task)s)
    AND (SELECT e.state = 'active' AND coalesce(e.paused_until <= %(now)s, true)
        FROM outreach.campaign_enrollments e WHERE e.id = %(enrollment)s)
    AND (SELECT c.status = 'running' FROM outreach.campaigns c WHERE c.id = %(campaign)s)
    AND (SELECT m.status = 'active' AND coalesce(m.next_send_at <= %(now)s, true)
        FROM outreach.mailboxes m WHERE m.id = %(mailbox)s)
    AND (SELECT p.sending_stopped_at IS NULL FROM outreach.platform p)
    AND (SELECT o.sending_stopped_at IS NULL FROM iam.organisations o
        WHERE o.id = %(organisation)s)
    AND NOT EXISTS (SELECT FROM outreach.suppressions s WHERE s.address_hash = ANY(%(hashes)s))
    AND NOT EXISTS (SELECT FROM outreach.suppressions s WHERE s.domain = %(domain)s)
"""


def may_still_leave(
    organisation_id: UUID, mailbox_id: UUID, task: Task, address: str, *, now: datetime
) -> bool:
    """Whether nobody has stopped the mail since it was decided on: mail, person or anything above.

    Ask outside of every scope, since it opens its own.
    """
    hashes, domain = marks_of(address)
    values = {
        "organisation": str(organisation_id), "mailbox": mailbox_id, "now": now,
        "task": task.pk, "enrollment": task.enrollment_id, "campaign": task.campaign_id,
        "hashes": hashes, "domain": domain,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(LOOK, values)
        cursor.nextset()
        return bool(cursor.fetchone()[0])
