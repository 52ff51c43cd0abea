"""From one step to the next."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from outreach.calendar import Place, Schedule, hours_of
from outreach.models import Campaign, Enrollment, Mailbox, Task, WorkflowStep
from outreach.places import place_of
from outreach.planning import hour_of_next
from outreach.services.hours import windows_of
from outreach.services.mailboxes import schedule_of
from outreach.states import CampaignStatus, EnrollmentState, TaskStatus
from prospectflow.errors import DomainError
from prospectflow.statements import bound_by_server
from prospectflow.tenancy.among import Ids

GOING = frozenset({EnrollmentState.ACTIVE, EnrollmentState.PAUSED})
OVER = frozenset(
    {TaskStatus.CANCELLED, TaskStatus.SKIPPED, TaskStatus.FAILED}
    | {TaskStatus.SENT, TaskStatus.UNKNOWN}  # steps can be moved: it may have left long ago
)

PLAN = """
INSERT INTO outreach.tasks (id, campaign_id, enrollment_id, workflow_step_id, scheduled_for)
SELECT * FROM unnest(
    %s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %b::timestamptz[]
)
ON CONFLICT DO NOTHING
"""
HOLD = """
SELECT e.id, e.campaign_id, e.mailbox_id, e.state FROM outreach.campaign_enrollments e
WHERE e.id = ANY(%s::uuid[]) ORDER BY e.id FOR NO KEY UPDATE
"""
WRITE_DOWN = """
UPDATE outreach.campaign_enrollments e
SET last_activity_at = %(now)s, state = told.state,
    stopped_reason = coalesce(told.reason, e.stopped_reason)
FROM unnest(%(ids)s::uuid[], %(states)s::text[], %(reasons)s::text[]) AS told (id, state, reason)
WHERE e.organisation_id = iam.current_organisation_id() AND e.id = told.id
"""


class Held(NamedTuple):
    """An enrolment as it was when it was locked."""

    pk: UUID
    campaign_id: UUID
    mailbox_id: UUID | None
    state: str


class Follower(NamedTuple):
    """The task of a next step."""

    pk: UUID
    campaign_id: UUID
    enrollment_id: UUID
    workflow_step_id: UUID
    scheduled_for: datetime


def plan_next(task: Task, *, now: datetime) -> int:
    """What `plan_after` does, for one task."""
    return plan_after([task], now=now)


def plan_after(tasks: Sequence[Task], *, now: datetime) -> int:
    """After these tasks' mails left: schedule the next steps, or finish the enrolments.

    The delay counts working days from the mail before, in the hours of mailbox and campaign. An
    enrolment that has stopped meanwhile gets nothing. Where no day can be found it ends and says
    why, also in its task's `last_error` (in memory): what follows never costs us the knowledge
    that it left. Returns how many steps were scheduled, in a number of queries that does not
    grow with the tasks.
    """
    return plan_held(tasks, hold_enrollments([task.enrollment_id for task in tasks]), now=now)


def id_of_next(enrollment: UUID, step: UUID) -> UUID:
    """The id of a follow-up's task: the same at any time, after the ids of older enrolments.

    The shape is UUIDv7's (RFC 9562, 5.7), with the enrolment's own time in front.
    """
    told = sha256(enrollment.bytes + step.bytes).digest()
    rest = bytes([0x70 | told[0] & 0x0F, told[1], 0x80 | told[2] & 0x3F])
    return UUID(bytes=enrollment.bytes[:6] + rest + told[3:10])


def plan_held(tasks: Sequence[Task], enrollments: Mapping[UUID, Held], *, now: datetime) -> int:
    """What `plan_after` does, for enrolments that are locked."""
    plan = _Plan([task for task in tasks if task.enrollment_id in enrollments], enrollments, now)
    planned = plan.followers()
    if planned:
        with bound_by_server() as cursor:
            *keys, hours = zip(*planned, strict=True)
            cursor.execute(PLAN, [*(Ids(each).array for each in keys), list(hours)])
    plan.write_down()
    return len(planned)


def hold_enrollments(wanted: Iterable[UUID]) -> dict[UUID, Held]:
    """These enrolments as they are now, locked before their tasks as everywhere, in one order."""
    with connection.cursor() as cursor:
        cursor.execute(HOLD, [Ids(set(wanted)).array])
        return {row[0]: Held(*row) for row in cursor.fetchall()}


class _Plan:
    """The next steps of mails that left at the same instant."""

    def __init__(
        self, tasks: Sequence[Task], enrollments: Mapping[UUID, Held], now: datetime
    ) -> None:
        self.tasks, self.enrollments, self.now = tasks, enrollments, now
        self.campaigns = Campaign.objects.in_bulk({task.campaign_id for task in tasks})
        self.steps = _steps_of(self.campaigns.values())
        senders = {each.mailbox_id for each in enrollments.values() if each.mailbox_id}
        self.mailboxes = Mailbox.objects.in_bulk(senders)
        self.places = self._places()
        self.planned = self._planned()
        self.states: dict[UUID, tuple[str, str | None]] = {}
        self.hours: dict[_Key, datetime | str] = {}

    def followers(self) -> list[Follower]:
        """The tasks of the next steps, in memory."""
        return [each for task in self.tasks if (each := self._after(task)) is not None]

    def write_down(self) -> None:
        """What became of the enrolments."""
        values: dict[str, Any] = {
            "now": self.now,
            "ids": Ids(self.states).array,
            "states": [state for state, _ in self.states.values()],
            "reasons": [reason for _, reason in self.states.values()],
        }
        with connection.cursor() as cursor:
            cursor.execute(WRITE_DOWN, values)

    def _after(self, task: Task) -> Follower | None:
        """The next step's task; its id, and so its Message-ID, would be the same another time."""
        enrollment = self.enrollments[task.enrollment_id]
        step, state = self._step_after(task), enrollment.state
        self.states[enrollment.pk] = state, None
        if step is None:
            if state in GOING:
                self.states[enrollment.pk] = EnrollmentState.FINISHED, None
            return None
        hour = self._hour(enrollment, step.delay_days) if state in GOING else None
        if isinstance(hour, str):
            task.last_error = hour
            self.states[enrollment.pk] = EnrollmentState.FINISHED, hour
        if not isinstance(hour, datetime):
            return None
        identifier = id_of_next(enrollment.pk, step.pk)
        return Follower(identifier, task.campaign_id, enrollment.pk, step.pk, hour)

    def _step_after(self, task: Task) -> WorkflowStep | None:
        """The next step, but for those whose mail has left or is not to be sent."""
        steps = self.steps.get(task.campaign_id, [])
        place = bisect_right(steps, task.step_index, key=lambda step: step.step_index)
        going = (
            s for s in steps[place:] if self.planned.get((task.enrollment_id, s.pk)) not in OVER
        )
        return next(going, None)

    def _planned(self) -> dict[tuple[UUID, UUID], str]:
        """The state of every task there is, by enrolment and step: none is ever made twice."""
        known = Task.objects.filter(enrollment__among=Ids(self.enrollments))
        rows = known.values_list("enrollment_id", "workflow_step_id", "status")
        return {(enrollment_id, step_id): status for enrollment_id, step_id, status in rows}

    def _hour(self, enrollment: Held, delay: int) -> datetime | str:
        """The hour, or the sentence why there is none; the same for many."""
        place = self.places.get(enrollment.pk)
        key = _Key(enrollment.mailbox_id, enrollment.campaign_id, place, delay)
        if key not in self.hours:
            try:
                self.hours[key] = hour_of_next(self._schedule(key), self.now, delay)
            except (DomainError, OverflowError, ValueError) as error:
                self.hours[key] = f"The next step could not be planned: {error}"[:500]
        return self.hours[key]

    def _schedule(self, key: "_Key") -> Schedule | None:
        mailbox = self.mailboxes.get(key.mailbox_id) if key.mailbox_id else None
        if mailbox is None:
            return None
        return hours_of(
            schedule_of(mailbox), windows_of(self.campaigns[key.campaign_id]), key.place
        )

    def _places(self) -> dict[UUID, Place | None]:
        """Where the hours count, for those whose campaign follows its recipients."""
        following = [each.pk for each in self.campaigns.values() if each.follows_recipient]
        if not following:
            return {}
        enrolled = Enrollment.objects.filter(
            pk__among=Ids(self.enrollments), campaign__in=following
        )
        rows = enrolled.values_list(
            "pk", "position__company__country", "position__company__department"
        )
        return {pk: place_of(country, department) for pk, country, department in rows}


class _Key(NamedTuple):
    """What the hour of a next step depends on."""

    mailbox_id: UUID | None
    campaign_id: UUID
    place: Place | None
    delay: int


def _steps_of(campaigns: Iterable[Campaign]) -> dict[UUID, list[WorkflowStep]]:
    """The steps in their order, by campaign; none of an archived one."""
    open_ = [each.pk for each in campaigns if each.status != CampaignStatus.ARCHIVED]
    found: dict[UUID, list[WorkflowStep]] = defaultdict(list)
    steps = WorkflowStep.objects.filter(campaign__in=open_, is_active=True)
    for step in steps.order_by("step_index"):
        found[step.campaign_id].append(step)
    return found
