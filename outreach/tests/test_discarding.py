"""Nothing goes that a mail tells of; what nobody needs goes."""

import pytest

from outreach.models import Campaign, Draft, Prompt, StepExperiment, Variant, WorkflowStep
from outreach.services.campaigns import CampaignNotReady, keep_ready
from outreach.services.discarding import HasHistory, discard
from outreach.services.experiments import ExperimentBegun, refuse_begun
from outreach.services.prompts import write_version
from outreach.tests.making import make_open_campaign
from prospectflow.testing.factories import make_campaign, make_enrollment, make_step, make_task
from prospectflow.testing.rows import make_assignment, make_row, make_variant

pytestmark = pytest.mark.usefixtures("inside")


def test_a_campaign_with_people_in_it_stays():
    campaign = make_enrollment().campaign

    with pytest.raises(HasHistory, match="archive it instead"):
        discard(campaign)

    assert Campaign.objects.get() == campaign


def test_a_campaign_without_people_goes_with_its_steps():
    step = make_step()

    discard(step.campaign)

    assert not Campaign.objects.exists()
    assert not WorkflowStep.objects.exists()


def test_a_step_with_a_planned_mail_stays_and_one_without_goes():
    campaign = make_campaign()
    planned, idle = (
        make_task(workflow_step=make_step(campaign), enrollment=make_enrollment(campaign=campaign)),
        make_step(campaign),
    )

    discard(idle)
    with pytest.raises(HasHistory):
        discard(planned.workflow_step)

    assert list(campaign.steps.all()) == [planned.workflow_step]


def test_a_running_campaign_keeps_its_last_step_and_its_mailbox():
    campaign = make_open_campaign(name="Spring")
    first, second = make_step(campaign), make_step(campaign)
    discard(second)

    with pytest.raises(CampaignNotReady, match="Spring is running, and it has no step: pause it"):
        discard(first)

    make_step(campaign)
    Campaign.objects.update(from_mailbox=None)
    with pytest.raises(CampaignNotReady, match="no mailbox"):
        keep_ready(campaign)
    Campaign.objects.update(status="paused")
    keep_ready(campaign)


def test_an_experiment_that_gave_a_variant_stays():
    assignment = make_assignment()

    with pytest.raises(HasHistory):
        discard(assignment.step_experiment)

    idle = make_row(StepExperiment)
    discard(idle)
    assert not StepExperiment.objects.filter(pk=idle.pk).exists()


@pytest.mark.parametrize("status", ["running", "stopped"])
def test_the_variants_of_an_experiment_that_has_begun_stay(status):
    variant = make_variant()
    StepExperiment.objects.update(status=status)

    with pytest.raises(ExperimentBegun):
        refuse_begun(variant.step_experiment)
    with pytest.raises(ExperimentBegun):
        discard(variant)

    StepExperiment.objects.update(status="draft")
    discard(variant)
    assert not Variant.objects.exists()


def test_a_prompt_that_a_draft_was_written_from_stays():
    prompt = write_version(Prompt(name="Opening", prompt_text="Write."))
    task = make_task()
    draft = Draft.objects.create(
        task=task, recipient="a@b.fr", subject="s", body_text="b", prompt=prompt
    )

    with pytest.raises(HasHistory):
        discard(prompt)

    draft.delete()
    discard(prompt)
    assert not Prompt.objects.exists()


def test_each_text_of_a_prompt_is_the_next_version():
    made = [write_version(Prompt(name=name, prompt_text="x")) for name in ("A", "A", "B", "A")]

    assert [(prompt.name, prompt.version) for prompt in made] == [
        ("A", 1),
        ("A", 2),
        ("B", 1),
        ("A", 3),
    ]
