"""Steps that are changed in the console while people are in their campaign: first what it does."""

import re

import pytest
from django.urls import reverse

from outreach.models import CampaignMailbox, Enrollment, Task, WorkflowStep
from outreach.services.drafting import compose
from outreach.tests.making import MORNING, draft_of, make_due, make_open_campaign, make_ready
from prospectflow.console.tests.cast import no_rows, signed_in
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_mailbox, make_step

BETTER = {"body_template": "Bonsoir {{ first_name }}.", "exit_on_reply": "on", "is_active": "on"}


@pytest.fixture
def owner(organisation):
    return signed_in(organisation)


@pytest.fixture
def step(organisation):
    """A step with one mail that is approved and one that is not."""
    with tenant(organisation.pk):
        campaign = make_open_campaign()
        step = make_step(campaign)
        make_ready(campaign)
        compose(make_due(campaign), at=MORNING)
        return step


def page_of(step):
    return reverse("console:outreach_workflowstep_change", args=[step.pk])


def form_of(step, **changes):
    kept = {"step_index": 0, "delay_days": 0, "subject_template": step.subject_template}
    return kept | BETTER | changes


def statuses(organisation):
    with tenant(organisation.pk):
        return sorted((draft_of(task).status, draft_of(task).body_text) for task in tasks())


def tasks():
    return Task.objects.all()


def hidden(text):
    """What the page would send on: its hidden fields."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', text)
    return {name: value for name, value in found if name != "csrfmiddlewaretoken"}


def test_saving_a_step_first_says_what_it_does_and_changes_nothing(owner, organisation, step):
    before = statuses(organisation)

    answer = owner.post(page_of(step), form_of(step))

    assert "1 approved mail stays as it is." in answer.text
    assert "1 approved mail falls back to review." in answer.text
    assert "2 drafts are written anew." in answer.text
    assert statuses(organisation) == before
    with tenant(organisation.pk):
        assert WorkflowStep.objects.get().body_template == step.body_template


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("yes", [("approved", False), ("pending", True)]),
        ("no", [("pending", True), ("pending", True)]),
    ],
)
def test_the_step_is_saved_as_was_chosen(owner, organisation, step, choice, expected):
    asked = owner.post(page_of(step), form_of(step))

    answer = owner.post(page_of(step), hidden(asked.text) | {"_keep_approved": choice}, follow=True)

    assert "written anew" in answer.text
    told = [(status, text == "Bonsoir Ada.") for status, text in statuses(organisation)]
    assert told == expected


def test_a_change_that_touches_no_mail_is_saved_at_once(owner, organisation, step):
    form = form_of(step, body_template=step.body_template, exit_on_reply="")

    owner.post(page_of(step), form)

    with tenant(organisation.pk):
        assert WorkflowStep.objects.get().exit_on_reply is False


def test_a_text_that_cannot_be_used_is_refused_before_anything_is_asked(owner, step):
    answer = owner.post(page_of(step), form_of(step, body_template="{{ nobody }}"))

    assert "nobody" in answer.text
    assert "falls back" not in answer.text


def test_switching_a_step_off_says_whose_mails_are_skipped(owner, organisation, step):
    with tenant(organisation.pk):
        make_step(step.campaign)

    asked = owner.post(page_of(step), form_of(step, is_active=""))
    owner.post(page_of(step), hidden(asked.text))

    assert "2 waiting mails are not sent" in asked.text
    with tenant(organisation.pk):
        assert Task.objects.filter(workflow_step=step, status="skipped").count() == 2
        assert Task.objects.exclude(workflow_step=step).count() == 2


def test_a_step_that_is_added_says_who_comes_to_it(owner, organisation, step):
    page = reverse("console:outreach_workflowstep_add")
    form = form_of(step, campaign=step.campaign_id, step_index=1, delay_days=3)

    asked = owner.post(page, form)
    with tenant(organisation.pk):
        assert WorkflowStep.objects.count() == 1
    owner.post(page, hidden(asked.text))

    assert "2 people on the way will come to it." in asked.text
    with tenant(organisation.pk):
        assert WorkflowStep.objects.count() == 2


def test_the_campaigns_page_does_not_change_steps_that_people_are_on(owner, organisation, step):
    page = reverse("console:outreach_campaign_change", args=[step.campaign_id])

    text = owner.get(page).text

    assert 'name="steps-0-body_template"' not in text
    assert page_of(step) in text


def test_mailboxes_that_share_a_campaigns_load_are_chosen_on_its_page(owner, organisation, step):
    with tenant(organisation.pk):
        other, campaign = make_mailbox(), step.campaign
    form = {
        "name": campaign.name,
        "from_mailbox": campaign.from_mailbox_id,
        "justification": campaign.justification,
        "windows": '{"tue": [["09:00", "11:00"]]}',
        "follows_recipient": "on",
        "mailboxes-TOTAL_FORMS": 1,
        "mailboxes-INITIAL_FORMS": 0,
        "mailboxes-0-mailbox": other.pk,
        "mailboxes-0-weight": 3,
    } | no_rows("steps")

    owner.post(reverse("console:outreach_campaign_change", args=[campaign.pk]), form)

    text = owner.get(reverse("console:campaign", args=[campaign.pk])).text
    assert f"{other} (75 %)" in text
    assert f"{campaign.from_mailbox} (25 %)" in text
    assert "Leaves only Tue 09:00–11:00." in text
    with tenant(organisation.pk):
        assert CampaignMailbox.objects.get().weight == 3
        assert campaign.from_mailbox_id in set(Enrollment.objects.values_list("mailbox", flat=True))


@pytest.mark.parametrize(
    ("windows", "sentence"),
    [
        ('{"monday": []}', "is no weekday"),
        ('{"mon": []}', "No window is open"),
        ('{"sun": [["09:00", "11:00"]]}', "never open together"),
    ],
)
def test_windows_in_which_nothing_can_leave_are_refused_with_a_sentence(
    owner, organisation, step, windows, sentence
):
    form = {
        "name": step.campaign.name,
        "from_mailbox": step.campaign.from_mailbox_id,
        "justification": step.campaign.justification,
        "windows": windows,
    }
    form |= no_rows("steps") | no_rows("mailboxes")

    answer = owner.post(
        reverse("console:outreach_campaign_change", args=[step.campaign_id]), form, follow=True
    )

    assert sentence in answer.text
    with tenant(organisation.pk):
        assert step.campaign.steps.get().campaign.windows is None
