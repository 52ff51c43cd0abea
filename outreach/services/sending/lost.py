"""What workers that died have left: leases that ended, and mails in mid-air."""

import logging
from datetime import datetime
from uuid import UUID

from django.db import transaction

from outreach.models import Enrollment, Task
from outreach.services.planning import plan_next
from outreach.services.sending.leasing import hand_back
from outreach.states import TaskStatus
from prospectflow.choices import move
from prospectflow.errors import DomainError

IN_MID_AIR = "The worker stopped while this mail was leaving."

logger = logging.getLogger(__name__)


@transaction.atomic
def declare_unknown(*, before: datetime) -> int:
    """Tasks left in mid-air by a worker that died: nobody knows, so they are never sent again.

    Their sequences go on as if they had left. Those only leased never reached a connection and
    go back to be sent. Returns how many of the others there were.
    """
    stranded = Task.objects.filter(locked_at__lt=before)
    hand_back(stranded.filter(status=TaskStatus.LEASED).values_list("pk", flat=True))
    leaving = stranded.filter(status=TaskStatus.TRANSMITTING).order_by("id")
    found = list(leaving.values_list("pk", "enrollment_id"))
    return sum(_given_up(task_id, enrollment_id, before) for task_id, enrollment_id in found)


def _given_up(task_id: UUID, enrollment_id: UUID, before: datetime) -> bool:
    """Whether this one was still in mid-air; one that cannot be marked keeps back no other."""
    try:
        with transaction.atomic():
            Enrollment.objects.select_for_update(no_key=True).filter(pk=enrollment_id).first()
            stranded = Task.objects.filter(locked_at__lt=before, status=TaskStatus.TRANSMITTING)
            task = stranded.select_for_update().filter(pk=task_id).first()
            if task is None:
                return False
            move(task, "status", TaskStatus.UNKNOWN, Task.MOVES)
            task.last_error = IN_MID_AIR
            plan_next(task, now=task.locked_at or before)
            task.locked_at = task.locked_by = task.leased_until = None
            task.save(
                update_fields=["status", "last_error", "locked_at", "locked_by", "leased_until"]
            )
            return True
    except DomainError:
        logger.exception("The outcome of task %s could not be written down.", task_id)
        return False
