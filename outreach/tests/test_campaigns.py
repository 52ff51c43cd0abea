"""The life of a campaign: what it needs to start, whom it takes in, how it closes."""

import pytest

from crm.choices import Diffusion
from outreach.calendar import is_open
from outreach.models import Campaign, Enrollment, StepExperiment, Task, Variant
from outreach.services.campaigns import (
    CampaignClosed,
    CampaignNotReady,
    archive,
    enroll,
    pause,
    restore,
    start,
)
from outreach.services.mailboxes import schedule_of
from outreach.services.suppressing import suppress_address, suppress_domain
from outreach.templating import TemplateRefused
from outreach.tests.making import MORNING, fresh, make_due, make_open_campaign
from prospectflow.choices import IllegalMove
from prospectflow.testing.factories import (
    NOON,
    make_campaign,
    make_company,
    make_mailbox,
    make_position,
    make_step,
)

pytestmark = pytest.mark.usefixtures("inside")


def make_draft_campaign(**fields):
    campaign = make_open_campaign(**({"status": Campaign.Status.DRAFT} | fields))
    make_step(campaign)
    return campaign


def make_experiment(campaign, *weights, **fields):
    experiment = StepExperiment.objects.create(workflow_step=campaign.steps.first(), name="Which?")
    for number, weight in enumerate(weights):
        Variant.objects.create(
            step_experiment=experiment, key="abc"[number], weight=weight, **fields
        )
    return experiment


def status_of(campaign):
    return Campaign.objects.get(pk=campaign.pk).status


def test_a_campaign_with_everything_starts():
    campaign = make_draft_campaign()

    start(campaign, at=NOON)

    assert status_of(campaign) == "running"


@pytest.mark.parametrize(
    ("lacking", "sentence"),
    [
        ({"from_mailbox": None}, "it has no mailbox to send from"),
        ({"justification": "  "}, "it does not say why the offer concerns these people's work"),
    ],
)
def test_a_campaign_that_lacks_something_does_not_start(lacking, sentence):
    campaign = make_draft_campaign(name="Spring", **lacking)

    with pytest.raises(CampaignNotReady) as refusal:
        start(campaign, at=NOON)

    assert str(refusal.value) == f"Spring cannot start: {sentence}."
    assert status_of(campaign) == "draft"


@pytest.mark.parametrize("steps", [[], [False]])
def test_a_campaign_without_an_active_step_does_not_start(steps):
    campaign = make_open_campaign(name="Spring", status="draft")
    for is_active in steps:
        make_step(campaign, is_active=is_active)

    with pytest.raises(CampaignNotReady, match=r"^Spring cannot start: it has no step\.$"):
        start(campaign, at=NOON)


def test_a_campaign_does_not_start_while_the_organisation_has_not_said_who_it_is(inside):
    campaign = make_draft_campaign(name="Spring")
    inside.legal_address = " "
    inside.save()

    with pytest.raises(CampaignNotReady) as refusal:
        start(campaign, at=NOON)

    assert str(refusal.value) == (
        "Spring cannot start: its organisation has not said its postal address."
    )


@pytest.mark.parametrize("weights", [[], [50]])
def test_an_experiment_with_nothing_to_compare_stops_the_start(weights):
    campaign = make_draft_campaign(name="Spring")
    make_experiment(campaign, *weights)

    with pytest.raises(CampaignNotReady, match=r'^Spring cannot start: its experiment "Which\?"'):
        start(campaign, at=NOON)

    assert StepExperiment.objects.get().status == "draft"


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("Bonjour {{ prenom }},", "prenom"),
        ("{% for i in (1..100000000) %}x{% endfor %}", "loop"),
        ("Bonjour {{ first_name ", ""),
    ],
)
@pytest.mark.parametrize("place", ["subject_template", "body_template", "variant"])
def test_a_template_that_cannot_be_used_stops_the_start_with_one_sentence(
    template, sentence, place
):
    campaign = make_draft_campaign()
    if place == "variant":
        make_experiment(campaign, 50, 50, body_template=template)
    else:
        campaign.steps.update(**{place: template})

    with pytest.raises(TemplateRefused) as refusal:
        start(campaign, at=NOON)

    assert sentence in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert status_of(campaign) == "draft"


def test_starting_starts_the_experiments_that_waited():
    campaign = make_draft_campaign()
    experiment = make_experiment(campaign, 50, 50)

    start(campaign, at=NOON)

    experiment.refresh_from_db()
    assert experiment.status == "running"


def test_starting_again_leaves_a_stopped_experiment_stopped():
    campaign = make_draft_campaign()
    experiment = make_experiment(campaign, 50, 50)
    StepExperiment.objects.update(status="stopped")

    start(campaign, at=NOON)

    experiment.refresh_from_db()
    assert experiment.status == "stopped"


def test_enrolling_schedules_the_first_step_of_each_inside_a_window():
    campaign = make_draft_campaign()
    make_step(campaign)
    positions = [make_position() for _ in range(3)]

    enroll(campaign, positions, at=NOON)  # one o'clock in Paris: closed until two

    tasks = list(Task.objects.all())
    assert {task.enrollment.position_id for task in tasks} == {each.pk for each in positions}
    assert {task.workflow_step.step_index for task in tasks} == {0}
    schedule = schedule_of(campaign.from_mailbox)
    assert not is_open(schedule, NOON)
    assert all(is_open(schedule, task.scheduled_for) for task in tasks)
    assert all(task.scheduled_for >= NOON for task in tasks)


@pytest.mark.parametrize(
    "unusable",
    [
        {"email": None},
        {"email": ""},
        {"email_status": "invalid"},
        {"email_status": "catch_all"},
    ],
)
def test_a_position_that_cannot_be_written_to_is_left_out(unusable):
    campaign = make_draft_campaign()

    assert enroll(campaign, [make_position(**unusable)], at=NOON) == []
    assert not Task.objects.exists()


def test_a_company_that_opposes_prospecting_is_left_out():
    campaign = make_draft_campaign()
    position = make_position(company=make_company(diffusion=Diffusion.OPPOSED))

    assert enroll(campaign, [position], at=NOON) == []


def test_a_suppressed_address_and_a_suppressed_domain_are_left_out():
    campaign = make_draft_campaign()
    ada, bob, eve = (
        make_position(email=email) for email in ("ada@a.example", "bob@b.example", "eve@e.example")
    )
    suppress_address("Ada@A.example ", reason="by_hand", source="test", at=NOON)
    suppress_domain("B.example", reason="by_hand", source="test", at=NOON)

    enrolled = enroll(campaign, [ada, bob, eve], at=NOON)

    assert [each.position_id for each in enrolled] == [eve.pk]


def test_who_is_in_already_is_not_taken_in_twice():
    campaign = make_draft_campaign()
    first, second = make_position(), make_position()
    enroll(campaign, [first], at=NOON)

    enrolled = enroll(campaign, [first, second, second], at=NOON)

    assert [each.position_id for each in enrolled] == [second.pk]
    assert Enrollment.objects.count() == Task.objects.count() == 2


def test_one_address_is_taken_in_once_even_when_two_positions_share_it():
    campaign = make_draft_campaign()
    shared = [make_position(email="contact@shop.example") for _ in range(2)]

    once = enroll(campaign, shared, at=NOON)

    assert len(once) == 1
    assert enroll(campaign, shared, at=NOON) == []


def test_an_archived_campaign_takes_nobody_in():
    campaign = make_draft_campaign(status=Campaign.Status.ARCHIVED)

    with pytest.raises(CampaignClosed):
        enroll(campaign, [make_position()], at=NOON)

    assert not Enrollment.objects.exists()


def test_a_campaign_without_steps_or_mailbox_takes_nobody_in():
    for campaign in (make_campaign(from_mailbox=make_mailbox()), make_campaign()):
        with pytest.raises(CampaignNotReady, match="once it has a step and a mailbox"):
            enroll(campaign, [make_position()], at=NOON)


def test_archiving_cancels_what_was_still_to_be_sent_and_nothing_else():
    campaign, other = make_open_campaign(), make_open_campaign()
    waiting, sent, elsewhere = make_due(campaign), make_due(campaign), make_due(other)
    Task.objects.filter(pk=sent.pk).update(status="sent")

    archive(campaign, at=NOON)

    assert [fresh(task).status for task in (waiting, sent, elsewhere)] == [
        "cancelled",
        "sent",
        "scheduled",
    ]


def test_archiving_ends_the_enrolments_that_were_going_and_no_others():
    campaign = make_open_campaign()
    going, away, replied = (make_due(campaign).enrollment for _ in range(3))
    Enrollment.objects.filter(pk=away.pk).update(state="paused")
    Enrollment.objects.filter(pk=replied.pk).update(state="replied")

    archive(campaign, at=NOON)

    states = [Enrollment.objects.get(pk=each.pk).state for each in (going, away, replied)]
    assert states == ["finished", "finished", "replied"]


def test_an_archived_campaign_comes_back_paused_and_runs_only_when_started():
    campaign = make_draft_campaign(status=Campaign.Status.ARCHIVED)

    with pytest.raises(IllegalMove):
        start(campaign, at=NOON)
    restore(campaign, at=NOON)
    assert status_of(campaign) == "paused"

    start(campaign, at=NOON)
    assert status_of(campaign) == "running"


def test_pausing_keeps_the_hour_of_every_task():
    campaign = make_open_campaign()
    task = make_due(campaign)

    pause(campaign, at=NOON)

    assert (fresh(task).status, fresh(task).scheduled_for) == ("scheduled", MORNING)


def test_enrolling_costs_the_same_number_of_queries_for_one_and_for_many(
    django_assert_max_num_queries,
):
    campaign = make_draft_campaign()
    one, many = [make_position()], [make_position() for _ in range(9)]
    with django_assert_max_num_queries(1000) as of_one:
        enroll(campaign, one, at=NOON)
    with django_assert_max_num_queries(1000) as of_many:
        enroll(campaign, many, at=NOON)

    assert len(of_many) == len(of_one)
