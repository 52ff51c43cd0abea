"""Whether a person agreed to be measured (CNIL, deliberation 2026-042): off unless they did."""

from collections.abc import Iterable
from uuid import UUID

from crm.choices import ConsentPurpose, ConsentState
from crm.models import Consent
from outreach.models import Task


def may_track_opens(task: Task) -> bool:
    """The campaign asks for it and the person's newest word is yes."""
    return task.pk in tracked_among([task])


def tracked_among(tasks: Iterable[Task]) -> set[UUID]:
    """Those of the tasks whose mails may carry a pixel, in one query; none while nobody asks."""
    asking = {
        task.pk: task.enrollment.position.person_id for task in tasks if task.campaign.track_opens
    }
    newest = (
        Consent.objects.filter(
            person__in=set(asking.values()), purpose=ConsentPurpose.OPEN_TRACKING
        )
        .order_by("person_id", "-at", "-id")
        .distinct("person_id")
    )
    agreed = {each.person_id for each in newest if each.state == ConsentState.GIVEN}
    return {task_id for task_id, person_id in asking.items() if person_id in agreed}
