"""The one-click way out (RFC 8058): a token in, and nothing more is sent to that person."""

from datetime import datetime
from uuid import UUID

from django.db import OperationalError, connection

from outreach.models import Message
from outreach.services.stopping import opt_out_recipient
from outreach.states import SuppressionReason
from outreach.tokens import digest
from prospectflow.tenancy.context import tenant


def unsubscribe(candidate: str, *, at: datetime) -> bool:
    """Suppress the recipient of the mail this token came in, for the whole organisation.

    Takes effect before it returns; a second time changes nothing. False: no such token. Call it
    outside of a tenant scope, since the token alone says which organisation it is.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM outreach.unsubscribe_target(%s)", [digest(candidate)])
        found = cursor.fetchone()
    if found is None:
        return False
    for last in (False, False, True):
        try:
            _opt_out(*found, at=at)
        except OperationalError:  # two transactions met; the next try finds the way free
            if last:
                raise
        else:
            break
    return True


def _opt_out(organisation_id: UUID, message_id: UUID, *, at: datetime) -> None:
    with tenant(organisation_id):
        opt_out_recipient(
            Message.objects.get(pk=message_id),
            reason=SuppressionReason.UNSUBSCRIBED,
            source="one-click unsubscribe",
            at=at,
        )
