"""The pages of campaigns delete and change only what no mail tells of."""

import pytest
from django.test import Client
from django.urls import reverse

from outreach.models import Campaign, Prompt, StepExperiment, Variant
from outreach.services.campaigns import keep_ready
from outreach.tests.conversing import make_sent
from outreach.tests.making import make_open_campaign
from prospectflow.console.tests.cast import no_rows, signed_in
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_step
from prospectflow.testing.rows import make_variant


@pytest.fixture
def owner(organisation) -> Client:
    return signed_in(organisation)


@pytest.mark.parametrize("several", [False, True])
def test_a_campaign_whose_mails_left_is_not_deleted(owner, organisation, several):
    with tenant(organisation.pk):
        campaign = make_sent().enrollment.campaign
    page = reverse("console:outreach_campaign_delete", args=[campaign.pk])
    wanted = {"action": "delete_selected", "_selected_action": [campaign.pk]} if several else {}
    if several:
        page = reverse("console:outreach_campaign_changelist")

    answer = owner.post(page, wanted | {"post": "yes"}, follow=True)

    assert "archive it instead" in answer.text
    with tenant(organisation.pk):
        assert Campaign.objects.filter(pk=campaign.pk).exists()


def test_a_step_that_planned_a_mail_is_not_taken_out_of_its_campaigns_page(owner, organisation):
    with tenant(organisation.pk):
        step = make_sent().task.workflow_step
        campaign = step.campaign
    form = {
        "name": campaign.name,
        "from_mailbox": campaign.from_mailbox_id,
        "justification": campaign.justification,
        "steps-TOTAL_FORMS": 1,
        "steps-INITIAL_FORMS": 1,
        "steps-0-id": step.pk,
        "steps-0-campaign": campaign.pk,
        "steps-0-step_index": 0,
        "steps-0-delay_days": 0,
        "steps-0-DELETE": "on",
    } | no_rows("mailboxes")

    answer = owner.post(
        reverse("console:outreach_campaign_change", args=[campaign.pk]), form, follow=True
    )

    assert "switch it off instead" in answer.text
    with tenant(organisation.pk):
        assert campaign.steps.filter(pk=step.pk).exists()


def test_switching_the_last_step_of_a_running_campaign_off_is_refused(owner, organisation):
    with tenant(organisation.pk):
        step = make_step(make_open_campaign())
    form = {"campaign": step.campaign_id, "step_index": 0, "delay_days": 0}

    answer = owner.post(
        reverse("console:outreach_workflowstep_change", args=[step.pk]), form, follow=True
    )

    assert "pause it first" in answer.text
    with tenant(organisation.pk):
        keep_ready(step.campaign)


def test_a_variant_of_a_running_experiment_keeps_its_weight(owner, organisation):
    with tenant(organisation.pk):
        variant = make_variant(weight=50)
        StepExperiment.objects.update(status="running")
    page = reverse("console:outreach_variant_change", args=[variant.pk])
    form = {"step_experiment": variant.step_experiment_id, "key": variant.key, "weight": 60}

    answer = owner.post(page, form)

    assert "has begun" in answer.text
    with tenant(organisation.pk):
        assert Variant.objects.get().weight == 50
        StepExperiment.objects.update(status="draft")
    owner.post(page, form)
    with tenant(organisation.pk):
        assert Variant.objects.get().weight == 60


def test_another_text_of_a_prompt_is_its_next_version(owner, organisation):
    for text in ("Write.", "Write better."):
        owner.post(reverse("console:outreach_prompt_add"), {"name": "Opening", "prompt_text": text})

    with tenant(organisation.pk):
        kept = Prompt.objects.order_by("version").values_list("version", "prompt_text")
        assert list(kept) == [(1, "Write."), (2, "Write better.")]


def test_the_campaigns_page_tells_how_many_answered(owner, organisation):
    with tenant(organisation.pk):
        campaign = make_sent().enrollment.campaign

    page = owner.get(reverse("console:campaign", args=[campaign.pk]))

    assert "1 mail sent · 0 of 1 answered (0 %)" in page.text
