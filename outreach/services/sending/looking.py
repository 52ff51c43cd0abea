"""A last look before a mail that was decided on some moments ago."""

from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.backends.utils import CursorWrapper

from outreach.models import Message
from outreach.services.suppressing import marks_of
from prospectflow.statements import bound_by_server

LOOK = "SELECT outreach.may_still_leave(%s, %s, %s, %s, %s, %s)"


class Look:
    """Asks before each mail, outside of every scope; its cursor lasts as long as the connection."""

    def __init__(self, organisation_id: UUID) -> None:
        self._organisation_id = organisation_id
        self._cursor: CursorWrapper | None = None

    def may_still_leave(self, message: Message, *, now: datetime, pause: datetime) -> bool:
        """Whether nobody has stopped the mail since it was decided on, or anything above it.

        `pause` is until when the decision made the mailbox wait.
        """
        hashes, domain = marks_of(message.to_address)
        cursor = self._live()
        cursor.execute(LOOK, [self._organisation_id, message.task_id, now, pause, hashes, domain])
        return bool(cursor.fetchone()[0])

    def _live(self) -> CursorWrapper:
        connection.ensure_connection()
        if self._cursor is None or self._cursor.connection is not connection.connection:
            self._cursor = bound_by_server()
        return self._cursor
