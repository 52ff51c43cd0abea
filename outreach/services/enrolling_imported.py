"""Takes the people of an imported file into the campaign it was brought in for."""

from collections.abc import Callable
from datetime import datetime

from crm.importing.staging import ask
from crm.models import Position
from outreach.models import ImportUpload
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
    after: int | None = 0 if upload.campaign else None
    refusal = ""
    while after is not None:
        ends()
        try:
            with tenant(upload.organisation_id):
                after = _enroll_some(upload, after, at)
        except (CampaignClosed, CampaignNotReady) as error:
            after, refusal = None, str(error)
    return {"enrolled": upload.report.get("enrolled", 0), "enrolling": refusal}


def _enroll_some(upload: ImportUpload, after: int, at: datetime) -> int | None:
    """The row of the last one offered, if there was any.

    Whoever is taken in is counted in that transaction, so that a killed worker's count, and with
    the moment, by which an undo knows them again. Who may be taken in, is asked each time.
    """
    upload.refresh_from_db(fields=["contacted_allowed_at"])
    everybody = upload.contacted_allowed_at is not None
    told = {"after": after, "everybody": everybody, "limit": AT_ONCE}
    rows = ask(TO_ENROLL, told)
    if upload.campaign is None or not rows:
        return None
    offered = Position.objects.filter(pk__in=[position for _, position in rows]).only("pk")
    taken = len(take_in(upload.campaign, offered, at=at)[0])
    moments = {*upload.report.get("enrolled_at", []), *([at.isoformat()] if taken else [])}
    upload.report = upload.report | {
        "enrolled": upload.report.get("enrolled", 0) + taken,
        "enrolled_at": sorted(moments),
    }
    upload.save(update_fields=["report"])
    return int(rows[-1][0])
