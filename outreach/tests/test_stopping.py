"""What ends an enrolment, what a stronger end replaces, and what waiting leaves alone."""

from datetime import timedelta

import pytest

from outreach.models import Enrollment, Suppression, Task
from outreach.services.stopping import (
    opt_out,
    pause_until,
    stop,
    stop_company,
    suppress_by_hand,
)
from outreach.services.suppressing import NothingToSuppress, suppression_of
from outreach.states import EnrollmentState, SuppressionReason, TaskStatus
from outreach.tests.conversing import LATER, make_sent, make_two_steps, open_tasks, state_of
from outreach.tests.making import MORNING, fresh, make_due
from prospectflow.testing.factories import make_company

pytestmark = pytest.mark.usefixtures("inside")

STRENGTH = ["active", "finished", "replied", "bounced", "unsubscribed"]


@pytest.fixture
def sent(inside):
    return make_sent()


def end(sent, state, reason="test"):
    return stop(Enrollment.objects.get(pk=sent.enrollment_id), state, reason=reason, at=LATER)


def test_stopping_says_why_and_when_and_cancels_what_was_to_come(sent):
    enrollment = end(sent, EnrollmentState.REPLIED, reason="x" * 900)

    assert (enrollment.state, enrollment.last_activity_at) == ("replied", LATER)
    assert enrollment.stopped_reason == "x" * 500
    assert open_tasks(sent) == []


def test_what_has_left_stays_as_it_is(sent):
    end(sent, EnrollmentState.BOUNCED)

    assert Task.objects.get(pk=sent.task_id).status == TaskStatus.SENT


@pytest.mark.parametrize("first", STRENGTH[1:])
@pytest.mark.parametrize("second", STRENGTH[1:])
def test_only_a_stronger_end_replaces_another(sent, first, second):
    end(sent, first, reason="first")
    enrollment = end(sent, second, reason="second")

    stronger = STRENGTH.index(second) > STRENGTH.index(first)
    assert enrollment.state == (second if stronger else first)
    assert enrollment.stopped_reason == ("second" if stronger else "first")


@pytest.mark.parametrize("state", STRENGTH[1:])
def test_an_ended_enrolment_keeps_nothing_to_send(sent, state):
    end(sent, state)
    Task.objects.filter(enrollment_id=sent.enrollment_id, status="cancelled").update(
        status="scheduled"
    )

    end(sent, EnrollmentState.FINISHED)

    assert open_tasks(sent) == []


def test_a_company_is_stopped_but_for_the_one_who_spoke_and_those_already_ended():
    campaign, company = make_two_steps(), make_company()
    speaker, ended, paused, going = (make_sent(campaign, company=company) for _ in range(4))
    end(ended, EnrollmentState.BOUNCED)
    Enrollment.objects.filter(pk=paused.enrollment_id).update(state="paused")

    stopped = stop_company(speaker.enrollment, reason="a colleague replied", at=LATER)

    assert stopped == 2
    assert [state_of(each) for each in (speaker, ended, paused, going)] == [
        "active",
        "bounced",
        "finished",
        "finished",
    ]


def test_opting_out_ends_every_enrolment_of_the_address_once(sent):
    elsewhere = make_sent(make_two_steps(sent.mailbox), email="other@shop.example.com")
    Enrollment.objects.filter(pk=elsewhere.enrollment_id).update(state="replied")
    elsewhere.position.email = sent.to_address
    elsewhere.position.save()
    source = {"reason": SuppressionReason.BY_HAND, "source": "test", "at": LATER}

    first = opt_out(f" {sent.to_address.upper()} ", **source)
    second = opt_out(sent.to_address, **source)

    assert (first, second) == (2, 0)
    assert (state_of(sent), state_of(elsewhere)) == ("unsubscribed", "unsubscribed")
    assert Suppression.objects.count() == 1


def test_waiting_moves_only_what_would_be_too_early(sent):
    (task,) = open_tasks(sent)
    until = task.scheduled_for + timedelta(days=1)

    pause_until(sent.enrollment, until, at=LATER)
    assert [each.scheduled_for for each in open_tasks(sent)] == [until]

    pause_until(sent.enrollment, until - timedelta(days=3), at=LATER)
    assert [each.scheduled_for for each in open_tasks(sent)] == [until]
    assert state_of(sent) == "active"


def test_a_no_noted_by_hand_ends_the_sequences_of_the_address(inside):
    task = make_due()
    email = task.enrollment.position.email

    entry = suppress_by_hand(f" {email.upper()}", reason="by_hand", source="telephone", at=MORNING)

    assert entry == suppression_of(email)
    assert fresh(task).status == "cancelled"
    assert fresh(task).enrollment.state == "unsubscribed"


@pytest.mark.parametrize("reason", ["bounced", "left_company"])
def test_an_address_that_nobody_reads_says_no_for_nobody(inside, reason):
    task = make_due()
    email = task.enrollment.position.email

    suppress_by_hand(email, reason=reason, source="telephone", at=MORNING)

    assert suppression_of(email).reason == reason
    assert fresh(task).enrollment.state == "active"


def test_the_first_reason_of_an_address_or_domain_stands(inside):
    for what in ("ada@example.com", "Example.org"):
        first = suppress_by_hand(what, reason="objection", source="letter", at=MORNING)
        second = suppress_by_hand(what, reason="by_hand", source="", at=MORNING)

        assert (second.pk, second.reason) == (first.pk, "objection")


@pytest.mark.parametrize("text", ["", "ada", "@example.com", "a b@example.com", "ada@example"])
def test_what_is_neither_address_nor_domain_is_refused(inside, text):
    with pytest.raises(NothingToSuppress, match="such as"):
        suppress_by_hand(text, reason="by_hand", source="", at=MORNING)
