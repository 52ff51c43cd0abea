"""Shared mailboxes, windows, what waits, and steps that are changed, through the API."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from outreach.models import Campaign, CampaignMailbox, Enrollment, Task, WorkflowStep
from outreach.services.drafting import compose
from outreach.tests.making import (
    MORNING,
    draft_of,
    fresh,
    make_due,
    make_open_campaign,
    make_ready,
)
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client, faults, refusal
from prospectflow.testing.factories import make_mailbox, make_step

CAMPAIGNS, STEPS, TASKS = "/api/v1/campaigns/", "/api/v1/steps/", "/api/v1/tasks/"
NOBODY = "00000000-0000-7000-8000-000000000000"
MORNINGS = {"mon": [["09:00", "11:00"]], "thu": [["09:00", "11:00"]]}


@pytest.fixture
def member(organisation):
    return api_client("member", organisation)


@pytest.fixture
def campaign(organisation):
    with tenant(organisation.pk):
        campaign = make_open_campaign()
        make_step(campaign)
        return campaign


@pytest.fixture
def other(organisation):
    with tenant(organisation.pk):
        return make_mailbox()


def test_a_campaigns_mailboxes_windows_and_clock_are_set_and_read(member, campaign, other):
    page = f"{CAMPAIGNS}{campaign.pk}/"
    shares = [{"mailbox": str(other.pk), "weight": 3}]

    answer = member.patch(
        page, {"mailboxes": shares, "windows": MORNINGS, "follows_recipient": True}
    )

    assert answer.status_code == 200, answer.content
    read = member.get(page).json()
    assert read["mailboxes"] == shares
    assert (read["windows"], read["follows_recipient"]) == (MORNINGS, True)
    assert member.patch(page, {"mailboxes": [], "windows": None}).json()["mailboxes"] == []
    assert member.get(page).json()["windows"] is None


def test_a_campaign_is_read_in_one_statement_however_many_mailboxes_share_it(
    organisation, member, campaign
):
    page = f"{CAMPAIGNS}{campaign.pk}/"

    def read(more: int) -> tuple[list[str], list[dict]]:
        with tenant(organisation.pk):
            for weight in range(1, more + 1):
                campaign.mailboxes.create(mailbox=make_mailbox(), weight=weight)
        with CaptureQueriesContext(connection) as queries:
            shares = member.get(page).json()["mailboxes"]
        sent = [query["sql"] for query in queries]
        return [sql for sql in sent if '"campaign' in sql], shares

    (one, first), (many, shares) = read(1), read(5)

    assert (len(one), len(many)) == (1, 1)
    assert [share["weight"] for share in shares] == [1, 1, 2, 3, 4, 5]
    assert shares[0] == first[0]
    assert list(first[0]) == ["mailbox", "weight"]


def test_the_mailboxes_of_another_campaign_are_not_told(organisation, member, campaign, other):
    with tenant(organisation.pk):
        make_open_campaign().mailboxes.create(mailbox=other)

    assert member.get(f"{CAMPAIGNS}{campaign.pk}/").json()["mailboxes"] == []


def test_a_weight_that_is_left_out_is_one(member, other):
    made = member.post(CAMPAIGNS, {"name": "Spring", "mailboxes": [{"mailbox": str(other.pk)}]})

    assert made.json()["mailboxes"] == [{"mailbox": str(other.pk), "weight": 1}]


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"mailboxes": [{"mailbox": NOBODY}]}, "mailboxes.0.mailbox", "does_not_exist"),
        ({"mailboxes": [{"mailbox": "M", "weight": 0}]}, "mailboxes.0.weight", "min_value"),
        ({"mailboxes": [{"mailbox": "M", "weight": 101}]}, "mailboxes.0.weight", "max_value"),
        ({"mailboxes": [{"mailbox": "M"}] * 2}, "mailboxes", "twice"),
        ({"mailboxes": [{"mailbox": "M", "share": 2}]}, "mailboxes.0.share", "unknown_field"),
        ({"windows": {"monday": [["09:00", "11:00"]]}}, "windows", "invalid"),
        ({"windows": {"mon": [["11:00", "09:00"]]}}, "windows", "invalid"),
        ({"windows": {}}, "windows", "invalid"),
        ({"windows": []}, "windows", "invalid"),
        ({"follows_recipient": "yes"}, "follows_recipient", "invalid"),
    ],
)
def test_what_no_campaign_can_send_by_is_refused_by_its_name(
    organisation, member, campaign, other, body, field, code
):
    for share in body.get("mailboxes", []):
        share["mailbox"] = str(other.pk) if share["mailbox"] == "M" else share["mailbox"]

    answer = member.patch(f"{CAMPAIGNS}{campaign.pk}/", body)

    assert faults(answer) == {field: code}
    with tenant(organisation.pk):
        assert not CampaignMailbox.objects.exists()


def test_a_mailbox_of_another_organisation_shares_nothing(other_organisation, member, campaign):
    with tenant(other_organisation.pk):
        theirs = make_mailbox()

    answer = member.patch(
        f"{CAMPAIGNS}{campaign.pk}/", {"mailboxes": [{"mailbox": str(theirs.pk)}]}
    )

    assert faults(answer) == {"mailboxes.0.mailbox": "does_not_exist"}


def test_a_running_campaigns_windows_must_meet_those_of_its_mailboxes(member, campaign):
    page = f"{CAMPAIGNS}{campaign.pk}/"

    answer = member.patch(page, {"windows": {"sun": [["09:00", "11:00"]]}})

    assert refusal(answer) == (409, "CAMPAIGN_NOT_READY")
    assert "never open together" in answer.json()["detail"]
    assert member.get(page).json()["windows"] is None


def test_another_mailbox_takes_over_those_not_yet_written_to(organisation, member, campaign, other):
    with tenant(organisation.pk):
        task = make_due(campaign)

    member.patch(f"{CAMPAIGNS}{campaign.pk}/", {"from_mailbox": str(other.pk)})

    listed = member.get(f"/api/v1/enrollments/?mailbox={other.pk}").json()["results"]
    assert [row["mailbox"] for row in listed] == [str(other.pk)]
    (listed,) = member.get(f"{TASKS}?mailbox={other.pk}").json()["results"]
    assert (listed["id"], listed["mailbox"]) == (str(task.pk), str(other.pk))


def test_what_waits_in_a_campaign_is_told_with_its_reasons(organisation, member, campaign):
    with tenant(organisation.pk):
        make_due(campaign)
        Task.objects.filter(pk=make_due(campaign).pk).update(status="sent")

    answer = member.get(f"{CAMPAIGNS}{campaign.pk}/waiting/").json()

    assert answer["states"] == {"scheduled": 1, "sent": 1}
    assert (answer["waiting"], answer["looked_at"], answer["free"]) == (1, 1, 0)
    assert "no_draft" in [held["code"] for held in answer["held"]]
    assert answer["earliest"] is None


def test_tasks_are_found_by_several_states_and_by_approval(organisation, member, campaign):
    with tenant(organisation.pk):
        ready, deferred, sent = make_ready(campaign), make_due(campaign), make_due(campaign)
        Task.objects.filter(pk=deferred.pk).update(status="deferred")
        Task.objects.filter(pk=sent.pk).update(status="sent")

    def found(query):
        return {row["id"] for row in member.get(f"{TASKS}?{query}").json()["results"]}

    assert found("status=scheduled,deferred") == {str(ready.pk), str(deferred.pk)}
    assert found("is_approved=true") == {str(ready.pk)}
    assert found("status=unknown") == set()
    assert faults(member.get(f"{TASKS}?status=gone")) == {"status": "invalid_choice"}


def test_a_mail_is_cancelled_once(organisation, member, campaign):
    with tenant(organisation.pk):
        task = make_ready(campaign)
    page = f"{TASKS}{task.pk}/cancel/"
    assert faults(member.post(page, {})) == {"reason": "required"}

    answer = member.post(page, {"reason": "A customer by now."})

    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert answer.json()["last_error"] == "A customer by now."
    assert refusal(member.post(page, {"reason": "Again."})) == (409, "TASK_OVER")


@pytest.fixture
def step(organisation, campaign):
    """A step with one mail that is approved and one that is not."""
    with tenant(organisation.pk):
        make_ready(campaign)
        compose(make_due(campaign), at=MORNING)
        return campaign.steps.get()


@pytest.mark.parametrize(
    ("keep", "told"),
    [
        ({}, {"stay": 1, "back_to_review": 0, "rewritten": 1}),
        ({"keep_approved": True}, {"stay": 1, "back_to_review": 0, "rewritten": 1}),
        ({"keep_approved": False}, {"stay": 0, "back_to_review": 1, "rewritten": 2}),
    ],
)
def test_a_change_is_previewed_and_then_done_as_it_was_told(organisation, member, step, keep, told):
    page, change = f"{STEPS}{step.pk}/", {"body_template": "Bonsoir."} | keep

    preview = member.post(f"{page}preview/", change)

    assert preview.status_code == 200, preview.content
    assert {name: preview.json()[name] for name in told} == told
    assert member.get(page).json()["body_template"] == step.body_template
    with tenant(organisation.pk):
        assert {draft_of(task).body_text for task in Task.objects.all()} != {"Bonsoir."}

    answer = member.patch(page, change)

    assert (answer.status_code, answer.json()["body_template"]) == (200, "Bonsoir.")
    assert "keep_approved" not in answer.json()
    with tenant(organisation.pk):
        texts = [draft_of(task).body_text for task in Task.objects.all()]
    assert texts.count("Bonsoir.") == told["rewritten"]


def test_a_preview_refuses_what_the_change_would_refuse(member, step):
    page = f"{STEPS}{step.pk}/"
    change = {"body_template": "{{ nobody }}"}

    assert faults(member.post(f"{page}preview/", change)) == faults(member.patch(page, change))
    assert faults(member.post(f"{page}preview/", change)) == {"body_template": "template_refused"}


def test_the_last_step_of_a_running_campaign_is_not_switched_off(organisation, member, step):
    answer = member.patch(f"{STEPS}{step.pk}/", {"is_active": False})

    assert refusal(answer) == (409, "CAMPAIGN_NOT_READY")
    with tenant(organisation.pk):
        assert WorkflowStep.objects.get().is_active
        assert {task.status for task in Task.objects.all()} == {"scheduled"}
        assert Enrollment.objects.count() == fresh(Task.objects.first()).campaign.tasks.count()
        assert Campaign.objects.get().status == "running"
