"""Campaigns through the API: numbers, filters, order, and every move or its refusal."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from iam.models import AuditEvent
from outreach.models import Campaign, Task
from outreach.services.receiving import receive
from outreach.services.suppressing import suppress_address
from outreach.tests.conversing import LATER, answer, make_sent, make_two_steps
from outreach.tests.making import make_open_campaign
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client, faults, refusal
from prospectflow.testing.factories import (
    NOON,
    make_campaign,
    make_company,
    make_enrollment,
    make_mailbox,
    make_position,
    make_step,
)

CAMPAIGNS = "/api/v1/campaigns/"
NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def member(organisation):
    return api_client("member", organisation)


@pytest.fixture
def admin(organisation):
    return api_client("admin", organisation)


def names(answer) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["name"] for row in answer.json()["results"]]


def ready_campaign(**fields) -> Campaign:
    campaign = make_open_campaign(**({"status": "draft"} | fields))
    make_step(campaign)
    return campaign


def test_a_campaign_is_made_as_a_draft_with_a_trimmed_name(member):
    answer = member.post(CAMPAIGNS, {"name": "  Spring  ", "value_prop": ""})

    assert answer.status_code == 201
    made = answer.json()
    assert (made["name"], made["status"], made["value_prop"]) == ("Spring", "draft", "")
    assert (made["enrolled"], made["sent"], made["response_rate"]) == (0, 0, 0)
    assert made["created_by"] is not None


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({}, "name", "required"),
        ({"name": "   "}, "name", "blank"),
        ({"name": "x" * 101}, "name", "max_length"),
        ({"name": "x", "value_prop": "x" * 151}, "value_prop", "max_length"),
        ({"name": "x", "status": "running"}, "status", "read_only"),
        ({"name": "x", "template_id": NOBODY}, "template_id", "unknown_field"),
        ({"name": "x", "from_mailbox": NOBODY}, "from_mailbox", "does_not_exist"),
    ],
)
def test_a_campaign_that_cannot_be_is_refused_by_the_fields_name(
    organisation, member, body, field, code
):
    assert faults(member.post(CAMPAIGNS, body)) == {field: code}
    with tenant(organisation.pk):
        assert not Campaign.objects.exists()


def test_another_organisations_mailbox_does_not_exist_here(member, other_organisation):
    with tenant(other_organisation.pk):
        theirs = make_mailbox()

    answer = member.post(CAMPAIGNS, {"name": "Spring", "from_mailbox": str(theirs.pk)})

    assert faults(answer) == {"from_mailbox": "does_not_exist"}


def test_the_numbers_are_those_of_a_little_story(organisation, member):
    with tenant(organisation.pk):
        campaign = make_two_steps()
        eager, _silent, _other = (make_sent(campaign) for _ in range(3))
        make_enrollment(campaign=campaign)
        for text in ("Oui, appelez-moi demain, votre idée m'intéresse.", "Plutôt vers dix heures."):
            receive(eager.mailbox, answer(eager, text), now=LATER)

    listed = member.get(CAMPAIGNS).json()["results"][0]
    single = member.get(f"{CAMPAIGNS}{campaign.pk}/").json()

    numbers = {"enrolled": 4, "sent": 3, "reached": 3, "replied": 1, "response_rate": 33.33}
    assert {name: listed[name] for name in numbers} == numbers
    assert {name: single[name] for name in numbers} == numbers


def test_a_list_costs_the_same_for_one_campaign_and_for_many(organisation, member):
    def cost(more: int) -> int:
        with tenant(organisation.pk):
            for _ in range(more):
                make_enrollment(campaign=make_campaign(from_mailbox=make_mailbox()))
        with CaptureQueriesContext(connection) as queries:
            assert member.get(CAMPAIGNS).status_code == 200
        return len(queries)

    assert cost(1) == cost(6)


def test_the_archived_are_hidden_until_they_are_asked_for(organisation, member):
    with tenant(organisation.pk):
        make_campaign(name="Old", status="archived")
        make_campaign(name="New")
        make_campaign(name="Going", status="running")

    def listed(query: str) -> set[str]:
        return set(names(member.get(f"{CAMPAIGNS}?{query}")))

    assert listed("") == {"New", "Going"}
    assert listed("include_archived=false") == {"New", "Going"}
    assert listed("include_archived=true") == {"New", "Going", "Old"}
    assert listed("status=archived") == {"Old"}
    assert listed("status=draft,running") == {"New", "Going"}
    assert listed("search=go") == {"Going"}
    assert "include_archived" in faults(member.get(f"{CAMPAIGNS}?include_archived=perhaps"))
    assert "status" in faults(member.get(f"{CAMPAIGNS}?status=active"))


def test_an_archived_campaign_is_still_read_by_its_id(organisation, member):
    with tenant(organisation.pk):
        old = make_campaign(status="archived")

    assert member.get(f"{CAMPAIGNS}{old.pk}/").json()["status"] == "archived"


def test_the_list_is_sorted_as_asked_with_the_last_changed_first_by_itself(organisation, member):
    with tenant(organisation.pk):
        long_ago = {"updated_at": NOON - timedelta(days=300)}
        first, _a, _c = (make_campaign(name=name, **long_ago) for name in ("B", "A", "C"))
    member.patch(f"{CAMPAIGNS}{first.pk}/", {"value_prop": "New."})

    assert names(member.get(CAMPAIGNS))[0] == "B"
    assert names(member.get(f"{CAMPAIGNS}?sort=name")) == ["A", "B", "C"]
    assert names(member.get(f"{CAMPAIGNS}?sort=-created_at")) == ["C", "A", "B"]
    assert "sort" in faults(member.get(f"{CAMPAIGNS}?sort=justification"))


def test_pages_of_campaigns_of_one_name_show_each_once(organisation, member):
    with tenant(organisation.pk):
        made = {str(make_campaign(name="Same").pk) for _ in range(5)}

    seen, page = [], f"{CAMPAIGNS}?sort=name&limit=2"
    while page:
        answer = member.get(page).json()
        seen += [row["id"] for row in answer["results"]]
        page = answer["next"]

    assert sorted(seen) == sorted(made)


def test_a_change_names_at_least_one_field_and_never_the_state(organisation, member):
    with tenant(organisation.pk):
        campaign = make_campaign(value_prop="Old.")
    page = f"{CAMPAIGNS}{campaign.pk}/"

    assert faults(member.patch(page, {})) == {"": "empty"}
    assert faults(member.patch(page, {"status": "running"})) == {"status": "read_only"}
    assert faults(member.patch(page, {"name": " "})) == {"name": "blank"}
    changed = member.patch(page, {"value_prop": ""})
    assert (changed.status_code, changed.json()["value_prop"]) == (200, "")


def test_another_organisations_campaign_is_nowhere(member, other_organisation):
    with tenant(other_organisation.pk):
        theirs = ready_campaign()
    page = f"{CAMPAIGNS}{theirs.pk}/"

    asked = [member.get(page), member.patch(page, {"name": "Mine"})]
    asked += [member.post(f"{page}{each}/") for each in ("start", "archive", "enroll-everyone")]

    assert {refusal(each) for each in asked} == {(404, "NOT_FOUND")}
    assert names(member.get(CAMPAIGNS)) == []
    assert refusal(member.get(f"{CAMPAIGNS}seven/"))[0] == 400


def test_a_campaign_moves_through_its_states_and_no_others(organisation, member):
    with tenant(organisation.pk):
        campaign = ready_campaign()
    page = f"{CAMPAIGNS}{campaign.pk}/"

    assert refusal(member.post(f"{page}pause/")) == (409, "ILLEGAL_MOVE")
    for move, status in [
        ("start", "running"),
        ("pause", "paused"),
        ("start", "running"),
        ("archive", "archived"),
        ("restore", "paused"),
    ]:
        answer = member.post(f"{page}{move}/")
        assert (answer.status_code, answer.json()["status"]) == (200, status)
    assert refusal(member.post(f"{page}restore/")) == (409, "ILLEGAL_MOVE")
    assert refusal(member.get(f"{page}start/")) == (405, "METHOD_NOT_ALLOWED")


def test_why_a_campaign_was_paused_stands_in_the_trail(organisation, member):
    with tenant(organisation.pk):
        campaign = ready_campaign(status="running")

    answer = member.post(f"{CAMPAIGNS}{campaign.pk}/pause/", {"reason": "A wrong price."})

    assert answer.json()["status"] == "paused"
    with tenant(organisation.pk):
        told = AuditEvent.objects.get(action="paused")
    assert (told.object_id, told.description) == (str(campaign.pk), f"{campaign}: A wrong price.")
    assert told.user is not None


def test_what_is_missing_before_a_start_is_said_at_once(organisation, member):
    with tenant(organisation.pk):
        campaign = make_campaign()
    page = f"{CAMPAIGNS}{campaign.pk}/"

    said = member.get(f"{page}readiness/").json()

    assert said["ready"] is False
    assert said["missing"] == [
        "it has no step",
        "it has no mailbox to send from",
        "it does not say why the offer concerns these people's work",
    ]
    assert refusal(member.post(f"{page}start/")) == (409, "CAMPAIGN_NOT_READY")
    with tenant(organisation.pk):
        assert Campaign.objects.get().status == "draft"
        ready, spoilt = ready_campaign(), ready_campaign(from_mailbox=make_mailbox())
        spoilt.steps.update(body_template="{{ prenom }}")
    assert member.get(f"{CAMPAIGNS}{ready.pk}/readiness/").json() == {"ready": True, "missing": []}
    assert "prenom" in member.get(f"{CAMPAIGNS}{spoilt.pk}/readiness/").json()["missing"][0]


def test_a_running_campaign_keeps_its_mailbox(organisation, member):
    with tenant(organisation.pk):
        campaign = ready_campaign(status="running")
    page = f"{CAMPAIGNS}{campaign.pk}/"

    assert refusal(member.patch(page, {"from_mailbox": None})) == (409, "CAMPAIGN_NOT_READY")

    assert member.get(page).json()["from_mailbox"] == str(campaign.from_mailbox_id)


def test_positions_are_taken_in_and_each_left_out_has_its_reason(organisation, member):
    with tenant(organisation.pk):
        campaign = ready_campaign()
        offered = [
            make_position(),
            make_position(email="twice@example.com"),
            make_position(email="twice@example.com"),
            make_position(email="never@example.com"),
            make_position(email_status="invalid"),
            make_position(company=make_company(diffusion="P")),
            make_enrollment(campaign=campaign).position,
        ]
        suppress_address("never@example.com", reason="by_hand", source="a call", at=NOON)
    body = {"positions": [str(each.pk) for each in offered]}

    answer = member.post(f"{CAMPAIGNS}{campaign.pk}/enroll/", body)

    reasons = ["already_in", "opposed", "same_address", "suppressed", "unusable"]
    assert answer.json() == {"enrolled": 2, "left_out": 5, "reasons": dict.fromkeys(reasons, 1)}
    with tenant(organisation.pk):
        assert Task.objects.filter(campaign=campaign).count() == 2


def test_positions_of_nobody_or_of_others_or_too_many_are_refused_and_none_is_taken_in(
    organisation, member, other_organisation
):
    with tenant(other_organisation.pk):
        theirs = make_position()
    with tenant(organisation.pk):
        campaign, ours = ready_campaign(), make_position()
    page = f"{CAMPAIGNS}{campaign.pk}/enroll/"

    both = member.post(page, {"positions": [str(ours.pk), str(theirs.pk)]})

    assert faults(both) == {"positions": "does_not_exist"}
    assert faults(member.post(page, {"positions": [NOBODY] * 1001})) == {"positions": "max_length"}
    assert faults(member.post(page, {"positions": []})) == {"positions": "min_length"}
    assert faults(member.post(page, {"positions": ["x"]})) == {"positions.0": "invalid"}
    with tenant(organisation.pk):
        assert not Task.objects.exists()


def test_everyone_is_taken_in_once(organisation, member):
    with tenant(organisation.pk):
        campaign = ready_campaign()
        for _ in range(3):
            make_position()
    page = f"{CAMPAIGNS}{campaign.pk}/enroll-everyone/"

    assert member.post(page).json() == {"enrolled": 3, "left_out": 0, "reasons": {}}
    assert member.post(page).json() == {"enrolled": 0, "left_out": 0, "reasons": {}}


def test_a_campaign_that_takes_nobody_in_says_why(organisation, member):
    with tenant(organisation.pk):
        closed, bare = ready_campaign(status="archived"), make_campaign()
        position = make_position()
    body = {"positions": [str(position.pk)]}

    assert refusal(member.post(f"{CAMPAIGNS}{closed.pk}/enroll/", body)) == (409, "CAMPAIGN_CLOSED")
    assert refusal(member.post(f"{CAMPAIGNS}{bare.pk}/enroll/", body)) == (
        409,
        "CAMPAIGN_NOT_READY",
    )


def test_a_campaign_with_people_in_it_is_not_deleted_and_an_empty_one_is(
    organisation, member, admin
):
    with tenant(organisation.pk):
        kept = make_enrollment().campaign
        idle = make_step().campaign

    assert refusal(member.delete(f"{CAMPAIGNS}{idle.pk}/")) == (403, "FORBIDDEN")
    assert admin.delete(f"{CAMPAIGNS}{idle.pk}/").status_code == 204
    assert refusal(admin.delete(f"{CAMPAIGNS}{kept.pk}/")) == (409, "HAS_HISTORY")
    with tenant(organisation.pk):
        assert Campaign.objects.get() == kept


def test_a_viewer_reads_and_changes_nothing(organisation):
    with tenant(organisation.pk):
        campaign = ready_campaign()
        enrollment = make_enrollment(campaign=campaign)
    viewer, page = api_client("viewer", organisation), f"{CAMPAIGNS}{campaign.pk}/"
    until = (NOON + timedelta(days=1)).isoformat()

    asked = [
        viewer.post(CAMPAIGNS, {"name": "x"}),
        viewer.patch(page, {"name": "x"}),
        viewer.delete(page),
        viewer.post(f"{page}start/"),
        viewer.post(f"{page}enroll-everyone/"),
        viewer.post(f"/api/v1/enrollments/{enrollment.pk}/pause/", {"until": until}),
    ]

    assert {refusal(each) for each in asked} == {(403, "FORBIDDEN")}
    assert viewer.get(page).status_code == viewer.get(f"{page}readiness/").status_code == 200
