"""Stopping: what an answer, a bounce or an objection does to what was still to come."""

from datetime import datetime

from django.db import transaction

from crm.models import Position
from outreach.models import Enrollment, Task
from outreach.services.suppressing import suppress_address
from outreach.states import EnrollmentState, SuppressionReason, TaskStatus
from prospectflow.choices import move


@transaction.atomic
def stop(enrollment: Enrollment, state: str, *, reason: str, at: datetime) -> Enrollment:
    """End an enrolment and cancel what it was still to be sent; a stronger end replaces another."""
    enrollment = Enrollment.objects.select_for_update().get(pk=enrollment.pk)
    if state in Enrollment.MOVES[enrollment.state]:
        move(enrollment, "state", state, Enrollment.MOVES)
        enrollment.stopped_reason, enrollment.last_activity_at = reason[:500], at
        enrollment.save(update_fields=["state", "stopped_reason", "last_activity_at"])
    Task.objects.open().filter(enrollment=enrollment).update(status=TaskStatus.CANCELLED)
    return enrollment


@transaction.atomic
def stop_company(enrollment: Enrollment, *, reason: str, at: datetime) -> int:
    """One answer speaks for the company (a SIREN is one): nobody there is written to any more.

    Returns how many other enrolments this ended, in whatever campaign.
    """
    company_id = enrollment.position.company_id
    going = Enrollment.objects.going().filter(position__company_id=company_id)
    colleagues = list(going.exclude(pk=enrollment.pk))
    for colleague in colleagues:
        stop(colleague, EnrollmentState.FINISHED, reason=reason, at=at)
    return len(colleagues)


@transaction.atomic
def opt_out(address: str, *, reason: SuppressionReason, source: str, at: datetime) -> int:
    """Never write to this address again, in any campaign; returns the enrolments this ended."""
    suppress_address(address, reason=reason, source=source, at=at)
    positions = Position.objects.filter(email=address.strip().lower())
    enrollments = Enrollment.objects.filter(position__in=positions).exclude(
        state=EnrollmentState.UNSUBSCRIBED
    )
    for enrollment in enrollments:
        stop(enrollment, EnrollmentState.UNSUBSCRIBED, reason=source, at=at)
    return len(enrollments)


@transaction.atomic
def pause_until(enrollment: Enrollment, until: datetime, *, at: datetime) -> Enrollment:
    """Hold an enrolment back while the person is away; no step is lost."""
    enrollment = Enrollment.objects.select_for_update().get(pk=enrollment.pk)
    enrollment.paused_until, enrollment.last_activity_at = until, at
    enrollment.save(update_fields=["paused_until", "last_activity_at"])
    Task.objects.open().filter(enrollment=enrollment, scheduled_for__lt=until).update(
        scheduled_for=until
    )
    return enrollment
