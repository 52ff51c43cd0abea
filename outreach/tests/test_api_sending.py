"""Tasks, messages and every list of what is sent: explained, narrowed, and never another's."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from iam.models import Role
from outreach.calendar import WEEKDAYS
from outreach.models import Campaign, Draft, ImportUpload, Mailbox, Message, Suppression, Task
from outreach.services.mailboxes import set_password
from outreach.services.suppressing import suppress_address
from outreach.tests.making import make_due, make_ready
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client, faults, machine_client, refusal
from prospectflow.testing.factories import NOON, make_enrollment, make_mailbox
from prospectflow.testing.rows import make_message, make_row

API = "/api/v1/"
LISTS = {
    "drafts": Draft,
    "tasks": Task,
    "messages": Message,
    "mailboxes": Mailbox,
    "suppressions": Suppression,
    "imports": ImportUpload,
}
every_list = pytest.mark.parametrize(("name", "model"), LISTS.items())
pytestmark = pytest.mark.django_db


@pytest.fixture
def member(organisation):
    return api_client(Role.MEMBER, organisation)


@pytest.fixture
def due(organisation) -> Task:
    with tenant(organisation.pk):
        return make_due(at=timezone.now() - timedelta(hours=1))


def explained(client, task: Task) -> dict:
    answer = client.get(f"{API}tasks/{task.pk}/explain/")
    assert answer.status_code == 200, answer.content
    return answer.json()


def ids(answer) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [each["id"] for each in answer.json()["results"]]


@every_list
def test_a_list_costs_the_same_for_one_and_for_many(member, organisation, name, model):
    def cost(more: int) -> int:
        with tenant(organisation.pk):
            for _ in range(more):
                make_row(model)
        with CaptureQueriesContext(connection) as queries:
            ids(member.get(f"{API}{name}/"))
        return len(queries)

    assert cost(1) == cost(8)


@every_list
def test_another_organisations_rows_are_neither_listed_nor_found(
    member, other_organisation, name, model
):
    with tenant(other_organisation.pk):
        theirs = make_row(model)

    assert ids(member.get(f"{API}{name}/")) == []
    assert refusal(member.get(f"{API}{name}/{theirs.pk}/")) == (404, "NOT_FOUND")


@every_list
def test_one_row_shows_at_least_what_the_list_shows(member, organisation, name, model):
    with tenant(organisation.pk):
        row = make_row(model)

    (listed,) = member.get(f"{API}{name}/").json()["results"]
    shown = member.get(f"{API}{name}/{row.pk}/").json()

    assert listed.items() <= shown.items()


@every_list
def test_nothing_sealed_or_hashed_is_ever_answered(organisation, name, model):
    owner = api_client(Role.OWNER, organisation)
    with tenant(organisation.pk):
        mailbox = make_mailbox()
        set_password(mailbox, "un secret à garder")
        mailbox.save()
        suppress_address("never@example.com", reason="by_hand", source="", at=NOON)
        secrets = [mailbox.sealed_password, Suppression.objects.get().address_hash]
        row = make_row(model)

    answers = [owner.get(f"{API}{name}/"), owner.get(f"{API}{name}/{row.pk}/")]
    if name == "mailboxes":
        answers += [owner.get(f"{API}{name}/{mailbox.pk}/"), owner.get(f"{API}audit-events/")]

    for answer in answers:
        assert answer.status_code == 200
        for secret in (*secrets, "un secret à garder"):
            assert secret not in answer.text


@pytest.mark.parametrize("name", ["drafts", "tasks", "messages", "suppressions"])
def test_a_list_is_taken_away_whole_by_who_may(member, organisation, name):
    with tenant(organisation.pk):
        rows = [make_row(LISTS[name]) for _ in range(3)]

    answer = member.get(f"{API}{name}/export/", {"format": "ndjson", "sort": "created_at"})
    refused = api_client(Role.VIEWER, organisation).get(f"{API}{name}/export/")

    taken = [json.loads(line)["id"] for line in answer.getvalue().decode().splitlines()]
    assert taken == [str(row.pk) for row in rows]
    assert refusal(refused) == (403, "FORBIDDEN")


@pytest.mark.parametrize("name", ["tasks", "messages"])
def test_what_machines_move_is_only_read(member, organisation, name):
    with tenant(organisation.pk):
        row = make_row(LISTS[name])
    page = f"{API}{name}/{row.pk}/"

    for answer in (member.post(f"{API}{name}/"), member.patch(page), member.delete(page)):
        assert refusal(answer) == (405, "METHOD_NOT_ALLOWED")


def test_a_task_is_explained_with_every_reason(member, due):
    answer = explained(member, due)

    codes = [reason["code"] for reason in answer["reasons"]]
    assert "no_draft" in codes
    assert (answer["may_send"], answer["earliest"]) == (False, None)


def test_a_task_that_only_waits_says_until_when(member, organisation):
    tomorrow = timezone.now() + timedelta(days=1)
    every_hour = dict.fromkeys(WEEKDAYS, [["00:00", "24:00"]])
    with tenant(organisation.pk):
        task = make_ready(at=tomorrow)
        Mailbox.objects.update(windows=every_hour, country="")

    answer = explained(member, task)

    assert [reason["code"] for reason in answer["reasons"]] == ["too_early"]
    assert parse_datetime(answer["earliest"]) == tomorrow


def test_a_program_may_ask_why_as_well(organisation, due):
    assert not explained(machine_client(Role.VIEWER, organisation), due)["may_send"]


def test_tasks_are_narrowed_by_state_campaign_and_hour(member, organisation, due):
    with tenant(organisation.pk):
        later = make_due(at=timezone.now() + timedelta(days=9))
        Task.objects.filter(pk=due.pk).update(status="cancelled")
    tasks, soon = f"{API}tasks/", (timezone.now() + timedelta(days=1)).isoformat()

    assert ids(member.get(tasks, {"status": "cancelled"})) == [str(due.pk)]
    assert ids(member.get(tasks, {"campaign": str(later.campaign_id)})) == [str(later.pk)]
    assert ids(member.get(tasks, {"scheduled_for__gte": soon})) == [str(later.pk)]
    assert ids(member.get(tasks, {"scheduled_for__lte": soon})) == [str(due.pk)]
    assert faults(member.get(tasks, {"status": "lost"})) == {"status": "invalid_choice"}


def test_messages_are_narrowed_and_show_their_text_one_by_one(member, organisation):
    with tenant(organisation.pk):
        sent = make_message(sent_at=NOON, body_text="Bonjour")
        enrollment = make_enrollment()
        reply = Message.objects.create(
            direction="inbound",
            status="received",
            verdict="reply",
            enrollment=enrollment,
            position=enrollment.position,
            body_text="Oui, demain.",
            raw=b"never shown",
            received_at=NOON,
        )
        campaign = Campaign.objects.get(tasks__messages=sent).pk
    messages, before = f"{API}messages/", (NOON - timedelta(days=1)).isoformat()

    assert ids(member.get(messages, {"direction": "inbound"})) == [str(reply.pk)]
    assert ids(member.get(messages, {"verdict": "reply"})) == [str(reply.pk)]
    assert ids(member.get(messages, {"campaign": str(campaign)})) == [str(sent.pk)]
    assert ids(member.get(messages, {"position": str(reply.position_id)})) == [str(reply.pk)]
    assert ids(member.get(messages, {"sent_at__lte": before})) == []
    listed = member.get(messages)
    assert "Oui, demain." not in listed.text
    shown = member.get(f"{messages}{reply.pk}/")
    assert (shown.json()["body_text"], shown.json()["campaign"]) == ("Oui, demain.", None)
    assert "never shown" not in shown.text
