"""Why a mail may not leave now: each reason, just before and just beyond it."""

from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.choices import Diffusion
from crm.models import Company, Position
from outreach.models import (
    Campaign,
    Draft,
    Enrollment,
    Mailbox,
    Message,
    Platform,
    Task,
    WorkflowStep,
)
from outreach.services.approval import approve, unapprove
from outreach.services.drafting import compose
from outreach.services.policy import may_send
from outreach.services.suppressing import suppress_address, suppress_domain
from outreach.services.switches import stop_organisation, stop_platform
from outreach.states import WAITING
from outreach.tests.holding import MINUTE, SECOND, held, intend, leave
from outreach.tests.making import MORNING, draft_of, fresh, make_due, make_open_campaign, make_ready
from prospectflow.testing.factories import make_company, make_position, make_step

inside = pytest.mark.usefixtures("inside")


@inside
def test_nothing_holds_back_a_mail_that_is_due_approved_and_inside_the_window():
    assert held(make_ready()) == {}


@inside
@pytest.mark.parametrize("status", [each for each in Task.Status if each not in WAITING])
def test_a_task_that_does_not_wait_is_held_back(status):
    task = make_ready()
    Task.objects.update(status=status, leased_until=MORNING)

    assert held(task) == {"not_waiting": None}


@inside
def test_a_step_is_held_back_until_its_hour_and_no_longer():
    hour = MORNING + MINUTE
    task = make_ready()
    Task.objects.update(scheduled_for=hour)

    assert held(task, hour - SECOND) == {"too_early": hour}
    assert held(task, hour) == {}


@inside
@pytest.mark.parametrize("status", [each for each in Campaign.Status if each != "running"])
def test_a_campaign_that_does_not_run_sends_nothing(status):
    task = make_ready()
    Campaign.objects.update(status=status)

    assert held(task) == {"campaign_not_running": None}


@inside
@pytest.mark.parametrize("state", [each for each in Enrollment.State if each != "active"])
def test_an_enrolment_that_is_not_active_gets_nothing(state):
    task = make_ready()
    Enrollment.objects.update(state=state)

    assert held(task) == {f"enrollment_{state}": None}


@inside
def test_a_person_who_is_away_gets_nothing_until_they_are_back():
    back, task = MORNING + timedelta(days=2), make_ready()
    Enrollment.objects.update(paused_until=back)

    assert held(task, back - SECOND) == {"away": back}
    assert held(task, back) == {}


@inside
@pytest.mark.parametrize("fields", [{"email": None}, {"email_status": "invalid"}])
def test_an_address_that_cannot_be_used_gets_nothing(fields):
    task = make_ready()
    Position.objects.update(**fields)

    assert "address_unusable" in held(task)


@inside
def test_a_company_that_opposes_prospecting_gets_nothing():
    task = make_ready()
    Company.objects.update(diffusion=Diffusion.OPPOSED)

    assert held(task) == {"company_opposed": None}


@inside
def test_a_suppressed_address_gets_nothing_and_its_neighbour_does():
    ada, eve = (make_ready(position=make_position(email=f"{n}@shop.example")) for n in ("a", "e"))
    suppress_address("A@Shop.example", reason="objection", source="test", at=MORNING)

    assert held(ada) == {"suppressed": None}
    assert held(eve) == {}


@inside
def test_a_suppressed_domain_gets_nothing_and_a_longer_one_does():
    task, other = (
        make_ready(position=make_position(email=f"ada@{domain}"))
        for domain in ("shop.example", "my-shop.example")
    )
    suppress_domain("shop.example", reason="by_hand", source="test", at=MORNING)

    assert held(task) == {"suppressed": None}
    assert held(other) == {}


@inside
def test_suppression_outlives_a_change_of_key(settings):
    task = make_ready(position=make_position(email="ada@shop.example"))
    suppress_address("ada@shop.example", reason="objection", source="test", at=MORNING)
    settings.TOKEN_KEYS = ["bm90LWEtc2VjcmV0LWJ1dC1leGFjdGx5LTMyLWJ5dGU=", *settings.TOKEN_KEYS]

    assert "suppressed" in held(task)


@inside
@pytest.mark.parametrize("state", ["replied", "unsubscribed"])
def test_one_answer_speaks_for_the_company_in_this_campaign(state):
    company, campaign = make_company(), make_open_campaign()
    task = make_ready(campaign, position=make_position(company=company))
    colleague = make_due(campaign, position=make_position(company=company))
    stranger = make_ready(campaign)

    Enrollment.objects.filter(pk=colleague.enrollment_id).update(state=state)

    assert held(task) == {"company_answered": None}
    assert held(stranger) == {}


@inside
@pytest.mark.parametrize("state", ["bounced", "finished", "paused", "active"])
def test_a_colleague_who_did_not_answer_holds_nobody_back(state):
    company, campaign = make_company(), make_open_campaign()
    task = make_ready(campaign, position=make_position(company=company))
    colleague = make_due(campaign, position=make_position(company=company))

    Enrollment.objects.filter(pk=colleague.enrollment_id).update(state=state)

    assert held(task) == {}


@inside
def test_two_campaigns_do_not_write_to_one_address_within_90_days():
    position = make_position()
    leave(make_ready(position=position), MORNING)
    later = MORNING + timedelta(days=90)
    task = make_ready(position=position)
    lifted = held(task, later)

    assert held(task, later - SECOND)["contacted_recently"] == later
    assert "contacted_recently" not in lifted


@inside
def test_the_90_days_do_not_hold_back_the_next_step_of_the_same_campaign():
    campaign = make_open_campaign()
    first, second = make_step(campaign), make_step(campaign)
    task = make_ready(campaign, workflow_step=first)
    leave(task, MORNING)
    follow_up = Task.objects.create(
        enrollment=task.enrollment,
        campaign=campaign,
        workflow_step=second,
        scheduled_for=MORNING,
    )
    approve(compose(follow_up, at=MORNING), at=MORNING, rule="test")
    Mailbox.objects.update(last_synced_at=MORNING)

    assert held(follow_up) == {}


@inside
def test_a_step_that_was_taken_out_sends_nothing():
    task = make_ready()
    WorkflowStep.objects.update(is_active=False)

    assert held(task) == {"step_inactive": None}


@inside
def test_a_mail_that_is_not_written_or_not_approved_is_held_back():
    unwritten = make_due()
    assert held(unwritten) == {"no_draft": None}

    compose(unwritten, at=MORNING)
    assert held(unwritten) == {"not_approved": None}

    approve(draft_of(unwritten), at=MORNING, rule="test")
    assert held(unwritten) == {}


@inside
def test_every_reason_is_told_at_once():
    task = make_ready()
    Campaign.objects.update(status="paused")
    Mailbox.objects.update(status="paused", next_send_at=MORNING + MINUTE)
    unapprove(draft_of(task))

    assert set(held(task)) == {
        "campaign_not_running",
        "mailbox_stopped",
        "pace",
        "not_approved",
    }


TROUBLES = {
    "too early": lambda: Task.objects.update(scheduled_for=MORNING + timedelta(days=9)),
    "skipped": lambda: Task.objects.update(status="skipped"),
    "unknown": lambda: Task.objects.update(status="unknown"),
    "campaign paused": lambda: Campaign.objects.update(status="paused"),
    "replied": lambda: Enrollment.objects.update(state="replied"),
    "enrolment paused": lambda: Enrollment.objects.update(state="paused"),
    "away": lambda: Enrollment.objects.update(paused_until=MORNING + timedelta(hours=5)),
    "address moved": lambda: Position.objects.update(email="new@elsewhere.example"),
    "address invalid": lambda: Position.objects.update(email_status="invalid"),
    "opposed": lambda: Company.objects.update(diffusion="P"),
    "domain suppressed": lambda: suppress_domain(
        "shop.example", reason="by_hand", source="", at=MORNING
    ),
    "mailbox broken": lambda: Mailbox.objects.update(status="broken"),
    "another window": lambda: Mailbox.objects.update(windows={"tue": [["14:00", "17:00"]]}),
    "pace": lambda: Mailbox.objects.update(next_send_at=MORNING + timedelta(minutes=3)),
    "signature": lambda: Mailbox.objects.update(signature="Camille"),
    "text": lambda: Draft.objects.update(body_text="Bonjour Eve,"),
    "unwritten": lambda: Draft.objects.all().delete(),
    "step taken out": lambda: WorkflowStep.objects.update(is_active=False),
    "campaign's hours": lambda: Campaign.objects.update(windows={"thu": [["09:00", "18:00"]]}),
    "recipient far away": lambda: (
        Company.objects.update(department="988"),
        Campaign.objects.update(follows_recipient=True),
    ),
    "organisation stopped": lambda: stop_organisation(reason="a wrong price", at=MORNING),
    "all stopped": lambda: stop_platform(reason="a wrong price", at=MORNING),
    "restored": lambda: Platform.objects.update(database_mark="of another database"),
}


@given(
    troubles=st.sets(st.sampled_from(sorted(TROUBLES)), max_size=3),
    later=st.just(timedelta(0))
    | st.integers(0, 14 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes)),
)
@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_mail_leaves_exactly_when_nothing_holds_it_back(inside, troubles, later):
    now = MORNING + later
    with transaction.atomic():
        task = make_ready(position=make_position(email="ada@shop.example"))
        for trouble in sorted(troubles):
            TROUBLES[trouble]()
        reasons = may_send(fresh(task), now=now)

        intention = intend(task.campaign.from_mailbox_id, now)

        assert (intention is None) == bool(reasons)
        assert Message.objects.outbound().count() == (0 if reasons else 1)
        transaction.set_rollback(True)
