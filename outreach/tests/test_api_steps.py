"""Steps, prompts, experiments and variants through the API."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from outreach.models import Prompt, StepExperiment, Variant, WorkflowStep
from outreach.services.prompts import write_version
from outreach.tests.making import make_open_campaign
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client, faults, refusal
from prospectflow.testing.factories import make_campaign, make_enrollment, make_step, make_task
from prospectflow.testing.rows import make_assignment, make_row, make_variant

STEPS, PROMPTS = "/api/v1/steps/", "/api/v1/prompts/"
EXPERIMENTS, VARIANTS = "/api/v1/experiments/", "/api/v1/variants/"
NOBODY = "00000000-0000-7000-8000-000000000000"
TEXT = {"subject_template": "Une idée pour {{ company }}", "body_template": "Bonjour."}


@pytest.fixture
def member(organisation):
    return api_client("member", organisation)


@pytest.fixture
def admin(organisation):
    return api_client("admin", organisation)


@pytest.fixture
def campaign(organisation):
    with tenant(organisation.pk):
        return make_campaign()


@pytest.mark.parametrize(
    ("path", "make"),
    [
        (STEPS, make_step),
        (PROMPTS, lambda: make_row(Prompt)),
        (EXPERIMENTS, lambda: make_variant().step_experiment),
        (VARIANTS, make_variant),
        ("/api/v1/enrollments/", make_enrollment),
    ],
)
def test_a_list_costs_the_same_for_one_row_and_for_many_and_shows_ours_alone(
    organisation, other_organisation, member, path, make
):
    with tenant(other_organisation.pk):
        theirs = make()

    def cost(more: int) -> int:
        with tenant(organisation.pk):
            for _ in range(more):
                make()
        with CaptureQueriesContext(connection) as queries:
            listed = member.get(path).json()["results"]
        assert str(theirs.pk) not in {row["id"] for row in listed}
        return len(queries)

    assert cost(1) == cost(6)
    assert refusal(member.get(f"{path}{theirs.pk}/")) == (404, "NOT_FOUND")


def test_a_step_is_added_changed_and_found_by_its_campaign(organisation, member, campaign):
    with tenant(organisation.pk):
        make_step()
    made = member.post(STEPS, TEXT | {"campaign": str(campaign.pk), "step_index": 0})
    page = f"{STEPS}{made.json()['id']}/"

    changed = member.patch(page, {"delay_days": 4, "is_active": False})

    assert (made.status_code, changed.status_code) == (201, 200)
    assert changed.json()["delay_days"] == 4
    (listed,) = member.get(f"{STEPS}?campaign={campaign.pk}").json()["results"]
    assert listed["is_active"] is False
    assert "body_template" not in listed
    assert member.get(page).json()["body_template"] == "Bonjour."


def test_a_subject_of_two_lines_is_refused_in_a_clear_sentence(organisation, member, campaign):
    with tenant(organisation.pk):
        page = f"{STEPS}{make_step(campaign).pk}/"

    answer = member.patch(page, {"subject_template": "Hello\nBcc: x@y.fr"})

    assert answer.status_code == 400
    assert "A subject is one line: take the line break out of it." in answer.content.decode()


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"campaign": NOBODY}, {"campaign": "does_not_exist"}),
        ({"step_index": -1}, {"step_index": "min_value"}),
        ({"delay_days": 366}, {"delay_days": "max_value"}),
        ({"body_template": "{{ prenom }}"}, {"body_template": "template_refused"}),
        ({"subject_template": "{% include 'x' %}"}, {"subject_template": "template_refused"}),
        ({"subject_template": "Hi\r\nBcc: x@y.fr"}, {"subject_template": "template_refused"}),
        ({"kind": "sms"}, {"kind": "read_only"}),
        ({"channel": "sms"}, {"channel": "unknown_field"}),
    ],
)
def test_a_step_that_cannot_be_is_refused(member, campaign, organisation, wrong, fault):
    body = TEXT | {"campaign": str(campaign.pk), "step_index": 0} | wrong

    assert faults(member.post(STEPS, body)) == fault
    with tenant(organisation.pk):
        assert not WorkflowStep.objects.exists()


def test_two_steps_never_stand_in_one_place(member, campaign):
    body = TEXT | {"campaign": str(campaign.pk), "step_index": 0}
    member.post(STEPS, body)

    assert refusal(member.post(STEPS, body)) == (409, "CONFLICT")


def test_a_step_stays_in_its_campaign_and_a_running_one_keeps_its_last(organisation, member, admin):
    with tenant(organisation.pk):
        step, other = make_step(make_open_campaign()), make_campaign()
        task = make_task(enrollment=make_enrollment(campaign=other))
    page = f"{STEPS}{step.pk}/"

    assert faults(member.patch(page, {"campaign": str(other.pk)})) == {"campaign": "fixed"}
    assert refusal(member.patch(page, {"is_active": False})) == (409, "CAMPAIGN_NOT_READY")
    assert refusal(admin.delete(page)) == (409, "CAMPAIGN_NOT_READY")
    assert refusal(admin.delete(f"{STEPS}{task.workflow_step_id}/")) == (409, "HAS_HISTORY")
    assert refusal(member.delete(page)) == (403, "FORBIDDEN")
    assert member.get(page).json()["is_active"] is True


def test_another_text_of_a_prompt_is_its_next_version_and_no_text_is_changed(member):
    body = {"name": "Opening", "prompt_text": "Write."}

    first, second = (member.post(PROMPTS, body | {"purpose": each}).json() for each in "ab")

    assert (first["version"], second["version"]) == (1, 2)
    page = f"{PROMPTS}{first['id']}/"
    assert faults(member.patch(page, {"prompt_text": "Other."})) == {"prompt_text": "fixed"}
    assert faults(member.patch(page, {"name": "Other"})) == {"name": "fixed"}
    assert faults(member.patch(page, {"version": 7})) == {"version": "read_only"}
    assert member.patch(page, {"is_active": False}).json()["is_active"] is False
    assert member.get(page).json()["prompt_text"] == "Write."
    listed = member.get(f"{PROMPTS}?name=Opening&is_active=true").json()["results"]
    assert [row["version"] for row in listed] == [2]
    assert "prompt_text" not in listed[0]


def test_a_prompt_in_use_is_not_deleted_and_an_idle_one_is(organisation, admin):
    with tenant(organisation.pk):
        used, idle = (write_version(Prompt(name="A", prompt_text="x")) for _ in range(2))
        make_row(type(make_task()).drafts.rel.related_model, prompt=used)

    assert refusal(admin.delete(f"{PROMPTS}{used.pk}/")) == (409, "HAS_HISTORY")
    assert admin.delete(f"{PROMPTS}{idle.pk}/").status_code == 204


def test_an_experiment_goes_from_draft_through_its_variants_to_its_end(organisation, member):
    with tenant(organisation.pk):
        step = make_step()
    made = member.post(EXPERIMENTS, {"name": "Which?", "workflow_step": str(step.pk)}).json()
    page = f"{EXPERIMENTS}{made['id']}/"
    assert (made["status"], made["campaign"], made["variants"]) == (
        "draft",
        str(step.campaign_id),
        [],
    )

    variant = {"step_experiment": made["id"], "weight": 1}
    first = member.post(VARIANTS, variant | {"key": "a"}).json()
    assert refusal(member.post(f"{page}start/")) == (409, "EXPERIMENT_NOT_READY")
    member.post(VARIANTS, variant | {"key": "b", "subject_template": "Une autre idée"})
    started = member.post(f"{page}start/").json()
    stopped = member.post(f"{page}stop/").json()

    assert (started["status"], stopped["status"]) == ("running", "stopped")
    assert [each["key"] for each in stopped["variants"]] == ["a", "b"]
    assert refusal(member.post(f"{page}start/")) == (409, "ILLEGAL_MOVE")
    assert refusal(member.patch(f"{VARIANTS}{first['id']}/", {"weight": 9})) == (
        409,
        "EXPERIMENT_BEGUN",
    )
    assert refusal(member.post(VARIANTS, variant | {"key": "c"})) == (409, "EXPERIMENT_BEGUN")
    with tenant(organisation.pk):
        assert set(Variant.objects.values_list("key", "weight")) == {("a", 1), ("b", 1)}


def test_what_an_experiment_gave_is_not_deleted(organisation, member, admin):
    with tenant(organisation.pk):
        given, idle = make_assignment(), make_variant()
        StepExperiment.objects.filter(pk=given.step_experiment_id).update(status="running")

    assert refusal(admin.delete(f"{EXPERIMENTS}{given.step_experiment_id}/")) == (
        409,
        "HAS_HISTORY",
    )
    assert refusal(admin.delete(f"{VARIANTS}{given.variant_id}/")) == (409, "EXPERIMENT_BEGUN")
    assert admin.delete(f"{VARIANTS}{idle.pk}/").status_code == 204
    assert admin.delete(f"{EXPERIMENTS}{idle.step_experiment_id}/").status_code == 204


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"weight": 0}, {"weight": "min_value"}),
        ({"prompt": NOBODY}, {"prompt": "does_not_exist"}),
        ({"step_experiment": NOBODY}, {"step_experiment": "does_not_exist"}),
        ({"body_template": "{{ prenom }}"}, {"body_template": "template_refused"}),
        ({"key": ""}, {"key": "blank"}),
    ],
)
def test_a_variant_that_cannot_be_is_refused(organisation, member, wrong, fault):
    with tenant(organisation.pk):
        experiment = make_row(StepExperiment)

    body = {"step_experiment": str(experiment.pk), "key": "a", "weight": 1} | wrong

    assert faults(member.post(VARIANTS, body)) == fault


def test_references_to_another_organisation_do_not_exist(member, other_organisation):
    with tenant(other_organisation.pk):
        variant = make_variant()
        step, experiment = variant.step_experiment.workflow_step, variant.step_experiment

    answers = [
        member.post(STEPS, TEXT | {"campaign": str(step.campaign_id), "step_index": 9}),
        member.post(EXPERIMENTS, {"name": "x", "workflow_step": str(step.pk)}),
        member.post(VARIANTS, {"step_experiment": str(experiment.pk), "key": "z"}),
    ]

    assert [faults(each) for each in answers] == [
        {"campaign": "does_not_exist"},
        {"workflow_step": "does_not_exist"},
        {"step_experiment": "does_not_exist"},
    ]


def test_a_viewer_writes_none_of_the_texts(organisation):
    viewer = api_client("viewer", organisation)

    asked = [viewer.post(path, {}) for path in (STEPS, PROMPTS, EXPERIMENTS, VARIANTS)]

    assert {refusal(each) for each in asked} == {(403, "FORBIDDEN")}
