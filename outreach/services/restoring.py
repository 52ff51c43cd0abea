"""After a restore: what may have left in the time the database forgot is in doubt, never repeated.

Until `reopen` says that this copy is the one that counts, nothing leaves from it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain
from typing import Any
from uuid import UUID

from django.db import connection, models
from django.db.models import Max, Q

from iam.models import AuditEvent, Organisation
from outreach.models import Enrollment, Mailbox, Message, Platform, Task
from outreach.services.planning import hold_enrollments, plan_after
from outreach.services.remembering import remember_as_approved
from outreach.services.sending import hand_back
from outreach.states import WAITING, TaskStatus
from prospectflow.choices import move
from prospectflow.tenancy.context import tenant

IN_DOUBT = "The database was restored: this mail may have left in the time it has forgotten."
AT_ONCE = 100
STRANDED = (TaskStatus.LEASED, TaskStatus.TRANSMITTING)


def everybody() -> list[Organisation]:
    """Every organisation, by its slug."""
    return list(Organisation.objects.order_by("slug"))


def last_sign_of_life(organisations: Iterable[Organisation], *, now: datetime) -> datetime | None:
    """When anything last changed in this copy, by PostgreSQL's clock; call it outside of a scope.

    Where people or workers were let onto the copy already, that is later than the backup.
    """
    signs = []
    for organisation in organisations:
        with tenant(organisation.pk):
            signs += [_last(model, "updated_at") for model in (Task, Message, Enrollment, Mailbox)]
            signs.append(_last(AuditEvent, "at"))
    return min(max(known), now) if (known := [sign for sign in signs if sign]) else None


def _last(model: type[models.Model], column: str) -> datetime | None:
    found: dict[str, Any] = model._default_manager.aggregate(last=Max(column))
    return found["last"]


def count_doubtful(organisation_id: UUID, *, now: datetime) -> int:
    """How many mails may have left in the time that was forgotten, follow-ups not counted."""
    with tenant(organisation_id):
        return _doubtful(now).count()


def _doubtful(now: datetime) -> models.QuerySet[Task]:
    """Whatever was due by now: also what waited for its turn, or for an approval given since."""
    due = Q(status__in=WAITING, scheduled_for__lte=now)
    return Task.objects.filter(due | Q(status__in=STRANDED)).order_by(
        "step_index", "scheduled_for", "id"
    )


def put_in_doubt(organisation_id: UUID, *, since: datetime | None, now: datetime) -> int:
    """Mark what may have left by `now` as unknown; how many mails that were.

    Each sequence goes on as if its mail had left when it was due, but not before `since`, the
    backup's own time, where somebody knows it: a guess that is late would take a follow-up that
    left for one that is still to come. A follow-up that would have been due by now is in doubt as
    well. A hundred a transaction: broken off, it is begun again.
    """
    total = 0
    while True:
        with tenant(organisation_id):
            marked = mark_in_doubt(list(_doubtful(now)[:AT_ONCE]), since=since, now=now)
        if not marked:
            return total
        total += marked


def mark_in_doubt(found: Sequence[Task], *, since: datetime | None, now: datetime) -> int:
    """The same for these tasks of the organisation that is served, in its transaction."""
    together: dict[datetime, list[Task]] = defaultdict(list)
    for task in _held(found):
        left_at = min(max(task.scheduled_for, since or task.scheduled_for), now)
        if not Message.objects.outbound().filter(task=task).exists():
            remember_as_approved(task, at=left_at)
        move(task, "status", TaskStatus.UNKNOWN, Task.MOVES)
        task.last_error = IN_DOUBT
        task.locked_at = task.locked_by = task.leased_until = None
        task.save()
        together[left_at].append(task)
    for left_at, tasks in together.items():
        plan_after(tasks, now=left_at)
    for task in chain(*together.values()):
        if task.last_error != IN_DOUBT:  # why nothing follows it
            task.save(update_fields=["last_error"])
    return sum(map(len, together.values()))


def _held(found: Sequence[Task]) -> list[Task]:
    """The tasks, locked after their enrolments as everywhere; no worker has one any more."""
    hold_enrollments(task.enrollment_id for task in found)
    hand_back(task.pk for task in found if task.status == TaskStatus.LEASED)
    waiting = Task.objects.filter(pk__in=[task.pk for task in found])
    waiting = waiting.filter(status__in=[*WAITING, TaskStatus.TRANSMITTING])
    return list(
        waiting.select_related("enrollment__mailbox")
        .select_for_update(of=["self"])
        .order_by("step_index", "scheduled_for", "id")
    )


def shut() -> None:
    """Let nothing leave until `reopen`, also where the copy looks like the database it was."""
    Platform.objects.update(database_mark="")


def reopen(*, now: datetime) -> None:
    """This copy is the one that counts: mails leave from it again, unless they are stopped."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE outreach.platform SET database_mark = outreach.database_mark(),"
            " epoch = epoch + 1, confirmed_at = %s",
            [now],
        )
