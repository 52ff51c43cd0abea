"""Whether a person agreed to be measured (CNIL, deliberation 2026-042): off unless they did."""

from crm.models import Consent, ConsentPurpose, ConsentState
from outreach.models import Task


def may_track_opens(task: Task) -> bool:
    """The campaign asks for it and the person's newest word is yes."""
    if not task.campaign.track_opens:
        return False
    newest = (
        Consent.objects.filter(
            person_id=task.enrollment.position.person_id, purpose=ConsentPurpose.OPEN_TRACKING
        )
        .order_by("-at", "-id")
        .first()
    )
    return newest is not None and newest.state == ConsentState.GIVEN
