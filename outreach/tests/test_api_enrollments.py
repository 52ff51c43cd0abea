"""Enrolments through the API: taken in one by one, held back, ended."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from iam.models import AuditEvent, Role
from outreach.models import Enrollment, Task
from outreach.tests.making import make_due, make_open_campaign
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client, faults, machine_client, refusal
from prospectflow.testing.factories import make_enrollment, make_position, make_step

ENROLLMENTS = "/api/v1/enrollments/"
NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def member(organisation):
    return api_client("member", organisation)


@pytest.fixture
def task(organisation):
    with tenant(organisation.pk):
        return make_due()


def test_one_position_is_taken_in_once(organisation, member):
    with tenant(organisation.pk):
        campaign, position = make_open_campaign(name="Spring"), make_position()
        make_step(campaign)
    body = {"campaign": str(campaign.pk), "position": str(position.pk)}

    made = member.post(ENROLLMENTS, body)
    again = member.post(ENROLLMENTS, body)

    assert made.status_code == 201
    assert (made.json()["state"], made.json()["campaign_name"]) == ("active", "Spring")
    assert made.json()["email"] == position.email
    assert refusal(again) == (409, "POSITION_LEFT_OUT")
    assert "already in" in again.json()["detail"]
    with tenant(organisation.pk):
        assert Task.objects.filter(enrollment=made.json()["id"]).count() == 1
        assert AuditEvent.objects.filter(action="enrolled").count() == 1


@pytest.mark.parametrize("wrong", ["campaign", "position"])
def test_what_does_not_exist_here_is_named(organisation, other_organisation, member, wrong):
    with tenant(other_organisation.pk):
        theirs = make_enrollment()
    with tenant(organisation.pk):
        ours = make_enrollment()
    body = {"campaign": str(ours.campaign_id), "position": str(ours.position_id)}
    foreign = str(getattr(theirs, f"{wrong}_id"))

    assert faults(member.post(ENROLLMENTS, body | {wrong: foreign})) == {wrong: "does_not_exist"}
    assert faults(member.post(ENROLLMENTS, body | {wrong: NOBODY})) == {wrong: "does_not_exist"}
    assert faults(member.post(ENROLLMENTS, body | {wrong: "seven"})) == {wrong: "invalid"}
    assert faults(member.post(ENROLLMENTS, body | {wrong: None})) == {wrong: "null"}


def test_the_list_is_narrowed_by_campaign_position_and_state(organisation, member):
    with tenant(organisation.pk):
        first, second = make_enrollment(), make_enrollment(state="replied")

    def found(query: str) -> list[str]:
        return [row["id"] for row in member.get(f"{ENROLLMENTS}?{query}").json()["results"]]

    assert found("") == [str(second.pk), str(first.pk)]
    assert found(f"campaign={first.campaign_id}") == [str(first.pk)]
    assert found(f"position={second.position_id}") == [str(second.pk)]
    assert found("state=replied,bounced") == [str(second.pk)]
    assert "state" in faults(member.get(f"{ENROLLMENTS}?state=gone"))
    assert "campaign" in faults(member.get(f"{ENROLLMENTS}?campaign=spring"))


def test_an_enrolment_that_is_stopped_sends_nothing_more_and_says_why(organisation, member, task):
    page = f"{ENROLLMENTS}{task.enrollment_id}/"

    stopped = member.post(f"{page}stop/", {"reason": "They called."})

    assert (stopped.status_code, stopped.json()["state"]) == (200, "finished")
    assert stopped.json()["stopped_reason"] == "They called."
    with tenant(organisation.pk):
        assert Task.objects.get(pk=task.pk).status == "cancelled"
        entry = AuditEvent.objects.get(action="stopped")
        assert "They called." in entry.description
        assert entry.user is not None
    assert refusal(member.post(f"{page}stop/", {"reason": "x"})) == (409, "ENROLLMENT_OVER")
    until = (timezone.now() + timedelta(days=1)).isoformat()
    assert refusal(member.post(f"{page}pause/", {"until": until})) == (409, "ENROLLMENT_OVER")


def test_an_enrolment_that_is_paused_keeps_its_steps_for_later(organisation, member, task):
    until = timezone.now() + timedelta(days=9)
    page = f"{ENROLLMENTS}{task.enrollment_id}/pause/"

    answer = member.post(page, {"until": until.isoformat(), "reason": "On sick leave."})

    assert answer.status_code == 200
    with tenant(organisation.pk):
        told = AuditEvent.objects.get(action="paused").description
        assert told.endswith(f"until {until:%Y-%m-%d %H:%M} UTC: On sick leave.")
        assert Enrollment.objects.get().paused_until == until
        kept = Task.objects.get(pk=task.pk)
        assert (kept.status, kept.scheduled_for >= until) == ("scheduled", True)


@pytest.mark.parametrize("days", [-1, 366])
def test_a_pause_ends_within_a_year(member, task, days):
    until = (timezone.now() + timedelta(days=days, minutes=1)).isoformat()

    answer = member.post(f"{ENROLLMENTS}{task.enrollment_id}/pause/", {"until": until})

    assert faults(answer) == {"until": "out_of_range"}


def test_the_bodies_of_stop_and_pause_are_read_strictly(member, task):
    page = f"{ENROLLMENTS}{task.enrollment_id}"

    assert faults(member.post(f"{page}/stop/", {})) == {"reason": "required"}
    assert faults(member.post(f"{page}/stop/", {"reason": "x" * 501})) == {"reason": "max_length"}
    assert faults(member.post(f"{page}/pause/", {"until": "soon"})) == {"until": "invalid"}
    wrong = {"reason": "x", "state": "replied"}
    assert faults(member.post(f"{page}/stop/", wrong)) == {"state": "unknown_field"}


def test_enrolments_are_neither_changed_nor_deleted(member, task):
    page = f"{ENROLLMENTS}{task.enrollment_id}/"

    assert refusal(member.patch(page, {"state": "replied"})) == (405, "METHOD_NOT_ALLOWED")
    assert refusal(member.delete(page)) == (405, "METHOD_NOT_ALLOWED")


def test_a_program_stops_an_enrolment_in_its_own_name(organisation, task):
    robot = machine_client("member", organisation)

    robot.post(f"{ENROLLMENTS}{task.enrollment_id}/stop/", {"reason": "The CRM says won."})

    with tenant(organisation.pk):
        entry = AuditEvent.objects.get(action="stopped")
        assert entry.user is None
        assert entry.service_account is not None


def test_another_organisations_enrolment_is_nowhere(member, other_organisation):
    with tenant(other_organisation.pk):
        theirs = make_enrollment()

    answer = member.post(f"{ENROLLMENTS}{theirs.pk}/stop/", {"reason": "x"})

    assert refusal(answer) == (404, "NOT_FOUND")
    with tenant(other_organisation.pk):
        assert Enrollment.objects.get().state == "active"


def test_campaigns_and_enrolments_are_taken_away_whole(organisation):
    viewer, admin = (api_client(role, organisation) for role in (Role.VIEWER, Role.ADMIN))
    with tenant(organisation.pk):
        rows = [make_enrollment(), make_enrollment()]

    for address, wanted in [
        (ENROLLMENTS, {str(row.pk) for row in rows}),
        ("/api/v1/campaigns/", {str(row.campaign_id) for row in rows}),
    ]:
        file = admin.get(f"{address}export/", {"format": "ndjson"}).getvalue().decode()
        assert {json.loads(line)["id"] for line in file.splitlines()} == wanted
        assert refusal(viewer.get(f"{address}export/")) == (403, "FORBIDDEN")
