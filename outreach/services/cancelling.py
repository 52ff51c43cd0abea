"""Mails that are not to be sent at all, while their people's sequences go on."""

from collections.abc import Collection
from datetime import datetime
from itertools import batched
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from iam.services import record
from outreach.models import Draft, Message, Task
from outreach.services.planning import hold_enrollments, plan_after
from outreach.states import OPEN, DraftStatus, MessageStatus, TaskStatus
from prospectflow.errors import DomainError

if TYPE_CHECKING:
    from iam.models import User

AT_ONCE = 1_000


class TaskOver(DomainError):
    """This mail has left, or is not to be sent any more."""


@transaction.atomic
def cancel_task(task: Task, *, reason: str, at: datetime, user: "User | None") -> Task:
    """Do not send this one mail; its person goes on with what follows it, or has finished.

    Raises TaskOver for a mail that has left, may have left, or will not be sent anyway.
    """
    hold_enrollments([task.enrollment_id])
    task = Task.objects.select_for_update(no_key=True).get(pk=task.pk)
    if task.status not in OPEN:
        raise TaskOver(f"This mail is {task.get_status_display().lower()}: nothing can be kept.")
    _end([task.pk], TaskStatus.CANCELLED, reason, at)
    record("stopped", at=at, user=user, target=task, text=f"{task}: {reason}")
    task.refresh_from_db()
    return task


@transaction.atomic
def skip_all(tasks: QuerySet[Task], *, reason: str, at: datetime) -> None:
    """Do not send these mails that have not left; the sequences of their people go on, or end."""
    for some in batched(list(tasks.values_list("pk", flat=True)), AT_ONCE):
        _end(some, TaskStatus.SKIPPED, reason, at)


def _end(ids: Collection[UUID], status: TaskStatus, reason: str, at: datetime) -> None:
    """What the server only ever refused is withdrawn, and nobody is asked to review the rest."""
    Message.objects.outbound().filter(task__in=ids, status=MessageStatus.QUEUED).delete()
    Task.objects.filter(pk__in=ids).update(status=status, last_error=reason)
    Draft.objects.filter(task__in=ids).update(
        status=DraftStatus.SKIPPED,
        approved_hash=None,
        approved_at=None,
        approved_by=None,
        approved_rule="",
    )
    plan_after(list(Task.objects.filter(pk__in=ids)), now=at)
