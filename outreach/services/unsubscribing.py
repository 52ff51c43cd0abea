"""The one-click way out (RFC 8058): a token in, and nothing more is sent to that person."""

from datetime import datetime

from django.db import connection

from outreach.models import Message
from outreach.services.stopping import opt_out
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
    organisation_id, message_id = found
    with tenant(organisation_id):
        message = Message.objects.get(pk=message_id)
        opt_out(
            message.to_address,
            reason=SuppressionReason.UNSUBSCRIBED,
            source="one-click unsubscribe",
            at=at,
        )
    return True
