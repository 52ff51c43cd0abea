"""All sending of an organisation, stopped and resumed by programs; mails in doubt decided on."""

import pytest

from iam.models import AuditEvent, Role
from outreach.models import Platform, Task
from outreach.services.switches import stop_platform
from outreach.tests.making import MORNING, make_ready
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client, faults, machine_client, refusal

SENDING = "/api/v1/organisation/sending/"
WHY = {"reason": "A wrong price."}


@pytest.fixture
def api(organisation):
    return api_client(Role.ADMIN, organisation)


@pytest.fixture
def member(organisation):
    return api_client(Role.MEMBER, organisation)


def closed(answer) -> list[str]:
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert body["may_leave"] is not bool(body["closed"])
    return [switch["code"] for switch in body["closed"]]


def test_mails_may_leave_until_somebody_stops_them(api, member):
    assert closed(member.get(SENDING)) == []

    assert closed(api.post(f"{SENDING}stop/", WHY)) == ["organisation_stopped"]

    (switch,) = member.get(SENDING).json()["closed"]
    assert switch["sentence"] == "All sending of this organisation is stopped: A wrong price."
    assert switch["since"]
    assert closed(api.post(f"{SENDING}resume/")) == []


def test_stopping_again_answers_alike_and_keeps_the_first_reason(api):
    first = api.post(f"{SENDING}stop/", WHY).json()

    assert api.post(f"{SENDING}stop/", {"reason": "Another."}).json() == first
    assert closed(api.post(f"{SENDING}resume/", {"reason": "Mended."})) == []
    assert closed(api.post(f"{SENDING}resume/", {})) == []


def test_everything_that_keeps_mails_from_leaving_is_told(api):
    stop_platform(reason="Maintenance.", at=MORNING)
    Platform.objects.update(database_mark="1:2:3")

    api.post(f"{SENDING}stop/", WHY)

    assert closed(api.get(SENDING)) == ["restored", "platform_stopped", "organisation_stopped"]


def test_a_reason_is_needed_and_nothing_else_is_taken(api):
    assert faults(api.post(f"{SENDING}stop/", {})) == {"reason": "required"}
    assert faults(api.post(f"{SENDING}stop/", {"reason": " "})) == {"reason": "blank"}
    assert faults(api.post(f"{SENDING}stop/", {"reason": "x" * 501})) == {"reason": "max_length"}
    assert faults(api.post(f"{SENDING}stop/", WHY | {"for": "ever"})) == {"for": "unknown_field"}
    assert closed(api.get(SENDING)) == []


def test_a_reason_of_dots_alone_is_no_reason(api):
    assert refusal(api.post(f"{SENDING}stop/", {"reason": "..."})) == (409, "REASON_NEEDED")


def test_whoever_may_not_manage_mailboxes_stops_nothing(api, member):
    assert refusal(member.post(f"{SENDING}stop/", WHY)) == (403, "FORBIDDEN")
    assert closed(api.get(SENDING)) == []


def test_a_program_that_stops_stands_in_the_trail(organisation):
    robot = machine_client(Role.ADMIN, organisation)

    robot.post(f"{SENDING}stop/", WHY)

    with tenant(organisation.pk):
        entry = AuditEvent.objects.get(action="stopped")
        assert entry.service_account is not None


@pytest.fixture
def doubtful(organisation) -> Task:
    with tenant(organisation.pk):
        task = make_ready()
        Task.objects.filter(pk=task.pk).update(status="unknown")
        return task


def status_of(organisation, task: Task) -> str:
    with tenant(organisation.pk):
        return Task.objects.get(pk=task.pk).status


@pytest.mark.parametrize(
    ("outcome", "status"), [("sent", "sent"), ("not_sent", "failed"), ("send_again", "deferred")]
)
def test_a_mail_in_doubt_is_decided_on(organisation, member, doubtful, outcome, status):
    address = f"/api/v1/tasks/{doubtful.pk}/decide/"

    answer = member.post(address, {"outcome": outcome})

    assert (answer.status_code, answer.json()["status"]) == (200, status)
    assert status_of(organisation, doubtful) == status
    assert refusal(member.post(address, {"outcome": outcome})) == (409, "NOT_IN_DOUBT")


def test_mails_in_doubt_are_found_by_their_state(member, doubtful):
    found = member.get("/api/v1/tasks/?status=unknown").json()["results"]

    assert [task["id"] for task in found] == [str(doubtful.pk)]


def test_an_outcome_that_nobody_knows_is_refused(organisation, member, doubtful):
    address = f"/api/v1/tasks/{doubtful.pk}/decide/"

    assert faults(member.post(address, {"outcome": "perhaps"})) == {"outcome": "invalid_choice"}
    assert faults(member.post(address, {})) == {"outcome": "required"}
    assert status_of(organisation, doubtful) == "unknown"
