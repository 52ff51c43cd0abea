"""Takes the people of an imported file into the campaign it was brought in for."""

from collections.abc import Callable
from datetime import datetime

from crm.importing.staging import ask
from crm.models import Position
from outreach.models import Campaign, ImportUpload
from outreach.services.campaigns import CampaignClosed, CampaignNotReady, take_in
from prospectflow.tenancy.context import tenant

AT_ONCE = 2_000  # positions that one transaction takes in

# Whom another campaign wrote to lately stays out, unless somebody let them in.
TO_ENROLL = """
SELECT p.row, p.id FROM pg_temp.placed AS p
WHERE p.row > %(after)s AND (%(everybody)s OR NOT EXISTS (
    SELECT FROM pg_temp.staged_problems AS w
    WHERE w.row = p.row AND w.code = 'recently_contacted'))
ORDER BY p.row LIMIT %(limit)s
"""


def enroll_imported(
    upload: ImportUpload, *, at: datetime, ends: Callable[[], None]
) -> dict[str, object]:
    """Enrol them, many at a time; what the report says of it. Those already in are passed by."""
    if upload.campaign is None:
        return {"enrolled": 0, "enrolling": ""}
    enrolled, after = 0, 0
    while True:
        ends()
        try:
            with tenant(upload.organisation_id):
                taken, last = _enroll_some(upload, upload.campaign, after, at)
        except (CampaignClosed, CampaignNotReady) as refusal:
            return {"enrolled": enrolled, "enrolling": str(refusal)}
        if last is None:
            return {"enrolled": enrolled, "enrolling": ""}
        enrolled, after = enrolled + taken, last


def _enroll_some(
    upload: ImportUpload, campaign: Campaign, after: int, at: datetime
) -> tuple[int, int | None]:
    """How many were taken in, and the row of the last one offered, if there was any."""
    everybody = upload.contacted_allowed_at is not None
    told = {"after": after, "everybody": everybody, "limit": AT_ONCE}
    rows = ask(TO_ENROLL, told)
    if not rows:
        return 0, None
    offered = Position.objects.filter(pk__in=[position for _, position in rows]).only("pk")
    return len(take_in(campaign, offered, at=at)[0]), rows[-1][0]
