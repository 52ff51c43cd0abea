"""Whether anything may leave at all: for the whole platform, for one organisation, for this copy
of the database.
"""

from typing import NamedTuple

from django.db import connection

CLOSED = """
SELECT p.sending_stopped_at IS NOT NULL, p.sending_stopped_reason,
    p.database_mark IS DISTINCT FROM outreach.database_mark(),
    o.sending_stopped_at IS NOT NULL, o.sending_stopped_reason
FROM outreach.platform AS p, iam.organisations AS o
WHERE o.id = iam.current_organisation_id()
"""
RESTORED = (
    "This database was restored, or copied: nothing is sent until an operator has confirmed it"
    " (manage.py confirm_restore)."
)


class Switch(NamedTuple):
    """Something that keeps every mail of the organisation from leaving."""

    code: str
    sentence: str


def closed_switches() -> list[Switch]:
    """What keeps every mail of the organisation that is served from leaving, in one query."""
    with connection.cursor() as cursor:
        cursor.execute(CLOSED)
        platform, why, elsewhere, organisation, because = cursor.fetchone()
    found = [
        (elsewhere, Switch("restored", RESTORED)),
        (platform, Switch("platform_stopped", f"All sending is stopped: {why}.")),
        (
            organisation,
            Switch("organisation_stopped", f"Your sending is stopped: {because}."),
        ),
    ]
    return [switch for closed, switch in found if closed]
