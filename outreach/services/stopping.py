"""Stopping: what an answer, a bounce or an objection does to what was still to come."""

from datetime import UTC, datetime

from django.db import transaction

from crm.models import Position
from iam.models import User
from iam.services import record
from outreach.models import Enrollment, Message, Suppression, Task
from outreach.services.suppressing import (
    address_or_domain,
    entry_of,
    suppress_address,
    suppress_domain,
)
from outreach.services.webhooks import announce_end
from outreach.states import EnrollmentState, SuppressionReason, TaskStatus
from prospectflow.choices import move
from prospectflow.errors import DomainError

WORDLESS = frozenset({SuppressionReason.BOUNCED, SuppressionReason.LEFT_COMPANY})
GOING = frozenset({EnrollmentState.ACTIVE, EnrollmentState.PAUSED})


class EnrollmentOver(DomainError):
    """The enrolment has ended: nothing more is sent in it."""


@transaction.atomic
def stop(enrollment: Enrollment, state: str, *, reason: str, at: datetime) -> Enrollment:
    """End an enrolment and cancel what it was still to be sent; a stronger end replaces another."""
    enrollment = Enrollment.objects.select_for_update(no_key=True).get(pk=enrollment.pk)
    if state in Enrollment.MOVES[enrollment.state]:
        move(enrollment, "state", state, Enrollment.MOVES)
        enrollment.stopped_reason, enrollment.last_activity_at = reason[:500], at
        enrollment.save(update_fields=["state", "stopped_reason", "last_activity_at"])
        announce_end(enrollment, at=at)
    Task.objects.open().filter(enrollment=enrollment).update(status=TaskStatus.CANCELLED)
    return enrollment


@transaction.atomic
def stop_by_hand(
    enrollment: Enrollment, *, reason: str, at: datetime, user: User | None = None
) -> Enrollment:
    """End an enrolment because somebody says so; EnrollmentOver where there is nothing to end."""
    enrollment = _going(enrollment)
    record("stopped", at=at, user=user, target=enrollment, text=f"{enrollment}: {reason}")
    return stop(enrollment, EnrollmentState.FINISHED, reason=reason, at=at)


@transaction.atomic
def pause_by_hand(
    enrollment: Enrollment,
    *,
    until: datetime,
    at: datetime,
    reason: str = "",
    user: User | None = None,
) -> Enrollment:
    """Hold an enrolment back because somebody says so; EnrollmentOver when it has ended."""
    enrollment = _going(enrollment)
    text = f"{enrollment}: until {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    text = f"{text}: {reason}" if reason else text
    record("paused", at=at, user=user, target=enrollment, text=text)
    return pause_until(enrollment, until, at=at)


def _going(enrollment: Enrollment) -> Enrollment:
    enrollment = Enrollment.objects.select_for_update(no_key=True).get(pk=enrollment.pk)
    if enrollment.state not in GOING:
        raise EnrollmentOver(f"This enrolment is {enrollment.state}: nothing more is sent in it.")
    return enrollment


@transaction.atomic
def stop_company(enrollment: Enrollment, *, reason: str, at: datetime) -> int:
    """One answer speaks for the company (a SIREN is one): its people's sequences end.

    Returns how many other enrolments this ended, in whatever campaign.
    """
    colleagues = [
        each
        for each in hold_company(enrollment)
        if each.pk != enrollment.pk and each.state in GOING
    ]
    for colleague in colleagues:
        stop(colleague, EnrollmentState.FINISHED, reason=reason, at=at)
    return len(colleagues)


def hold_company(enrollment: Enrollment) -> list[Enrollment]:
    """Lock the company's enrolments, always in one order, so that two answers never block."""
    company_id = enrollment.position.company_id
    return list(
        Enrollment.objects.filter(position__company_id=company_id)
        .select_for_update(no_key=True, of=("self",))
        .order_by("id")
    )


@transaction.atomic
def opt_out_recipient(
    message: Message, *, reason: SuppressionReason, source: str, at: datetime
) -> None:
    """The person this mail was to is never written to again, whatever their address is by now."""
    addresses = {message.to_address}
    if message.position is not None:
        same_person = Position.objects.filter(person_id=message.position.person_id)
        addresses |= {each.email for each in same_person if each.email}
        enrolled = Enrollment.objects.filter(position__in=same_person).order_by("id")
        for enrollment in enrolled.select_for_update(no_key=True, of=("self",)):
            stop(enrollment, EnrollmentState.UNSUBSCRIBED, reason=source, at=at)
    for address in sorted(addresses - {""}):
        opt_out(address, reason=reason, source=source, at=at)


@transaction.atomic
def opt_out(address: str, *, reason: SuppressionReason, source: str, at: datetime) -> int:
    """Never write to this address again, in any campaign; returns the enrolments this ended."""
    suppress_address(address, reason=reason, source=source, at=at)
    positions = Position.objects.filter(email=address.strip().lower())
    enrollments = Enrollment.objects.filter(position__in=positions).exclude(
        state=EnrollmentState.UNSUBSCRIBED
    )
    held = list(enrollments.select_for_update(no_key=True, of=("self",)).order_by("id"))
    for enrollment in held:
        stop(enrollment, EnrollmentState.UNSUBSCRIBED, reason=source, at=at)
    return len(held)


@transaction.atomic
def suppress_by_hand(
    what: str, *, reason: SuppressionReason, source: str, at: datetime
) -> Suppression:
    """Never write to this address, or to anyone at this domain, again; the first reason stands.

    Whose address it is has said no, unless the reason is that nobody reads it: their sequences
    end. Raises NothingToSuppress.
    """
    what = address_or_domain(what)
    if "@" not in what:
        suppress_domain(what, reason=reason, source=source, at=at)
    elif reason in WORDLESS:
        suppress_address(what, reason=reason, source=source, at=at)
    else:
        opt_out(what, reason=reason, source=source, at=at)
    entry = entry_of(what)
    assert entry is not None, "it was written just now"  # noqa: S101
    return entry


@transaction.atomic
def pause_until(enrollment: Enrollment, until: datetime, *, at: datetime) -> Enrollment:
    """Hold an enrolment back while the person is away; no step is lost."""
    enrollment = Enrollment.objects.select_for_update(no_key=True).get(pk=enrollment.pk)
    enrollment.paused_until, enrollment.last_activity_at = until, at
    enrollment.save(update_fields=["paused_until", "last_activity_at"])
    Task.objects.open().filter(enrollment=enrollment, scheduled_for__lt=until).update(
        scheduled_for=until
    )
    return enrollment
