"""A last look before a mail that was decided on some moments ago."""

from datetime import datetime
from uuid import UUID

from outreach.models import Message
from outreach.services.suppressing import marks_of
from prospectflow.statements import bound_by_server

LOOK = "SELECT outreach.may_still_leave(%s, %s, %s, %s, %s, %s)"


def may_still_leave(
    organisation_id: UUID, message: Message, *, now: datetime, pause: datetime
) -> bool:
    """Whether nobody has stopped the mail since it was decided on: mail, person or anything above.

    `pause` is until when the decision made the mailbox wait. Ask outside of every scope.
    """
    values = [organisation_id, message.task_id, now, pause, *marks_of(message.to_address)]
    with bound_by_server() as cursor:
        cursor.execute(LOOK, values)
        return bool(cursor.fetchone()[0])
