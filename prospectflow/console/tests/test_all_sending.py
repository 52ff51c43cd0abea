"""Stopping all sending in the console, the word above every page, and mails in doubt decided on."""

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from iam.models import AuditEvent, Role
from outreach.models import Enrollment, Platform, Task
from outreach.services.switches import closed_everywhere, closed_switches
from outreach.tests.making import make_ready
from prospectflow.console.tests.cast import signed_in
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_user

SENDING, PLATFORM, CHOOSER = "/sending/", "/sending/platform/", "/organisations/"
STOP = {"to": "stop", "reason": "A wrong <b>price</b>."}
SAID = escape("All sending of this organisation is stopped: A wrong <b>price</b>.")
TASKS = "/outreach/task/"


@pytest.fixture
def owner(organisation) -> Client:
    return signed_in(organisation)


@pytest.fixture
def operator(db) -> Client:
    client = Client()
    client.force_login(make_user(is_staff=True))
    return client


def codes(organisation) -> list[str]:
    with tenant(organisation.pk):
        return [switch.code for switch in closed_switches()]


def told(answer) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


def text(client: Client, page: str) -> str:
    answer = client.get(page)
    assert answer.status_code == 200, page
    return answer.content.decode()


# All sending ----------------------------------------------------------------------------------
def test_one_button_with_a_reason_stops_everything_and_another_lets_it_go_on(organisation, owner):
    assert "Mails may leave" in text(owner, SENDING)

    stopped = owner.post(SENDING, STOP)

    assert (stopped.status_code, stopped["Location"]) == (303, SENDING)
    assert codes(organisation) == ["organisation_stopped"]
    assert "Let mails leave again" in text(owner, SENDING)
    owner.post(SENDING, {"to": "resume", "reason": ""})
    assert codes(organisation) == []
    with tenant(organisation.pk):
        assert AuditEvent.objects.filter(action__in=["stopped", "resumed"]).count() == 2


@pytest.mark.parametrize("page", ["/", SENDING, TASKS, "/crm/company/", "/review/", CHOOSER])
def test_every_page_says_why_nothing_leaves_and_since_when(organisation, owner, page):
    assert "pf-stopped" not in text(owner, page)
    owner.post(SENDING, STOP)

    shown = text(owner, page)

    banner = shown[shown.index("pf-stopped") :]
    assert SAID in banner[:500]
    assert " Since " in banner[:500]


def test_a_restored_database_is_told_above_every_page(owner):
    Platform.objects.update(database_mark="1:2:3")

    assert "manage.py confirm_restore" in text(owner, "/")


def test_the_word_above_the_page_costs_one_query(owner):
    owner.get(TASKS)
    with CaptureQueriesContext(connection) as queries:
        owner.get(TASKS)

    assert sum("outreach.platform" in query["sql"] for query in queries) == 1


@pytest.mark.parametrize("wrong", [{"to": "stop"}, {"to": "stop", "reason": " "}, {}, {"to": "x"}])
def test_without_a_reason_nothing_stops(organisation, owner, wrong):
    answer = owner.post(SENDING, wrong)

    assert told(answer) == ["Say why all sending stops: whoever wonders later reads it."]
    assert codes(organisation) == []


def test_whoever_may_not_manage_mailboxes_reads_but_stops_nothing(organisation):
    member = signed_in(organisation, role=Role.MEMBER)

    assert "Stop all sending</button>" not in text(member, SENDING)
    assert member.post(SENDING, STOP).status_code == 403
    assert codes(organisation) == []


def test_an_operator_stops_everybody_where_organisations_are_chosen(organisation, owner, operator):
    assert "Stop all sending</button>" in text(operator, CHOOSER)

    answer = operator.post(PLATFORM, STOP)

    assert (answer.status_code, answer["Location"]) == (303, CHOOSER)
    assert codes(organisation) == ["platform_stopped"]
    shown = text(operator, CHOOSER)
    assert escape("All sending is stopped: A wrong <b>price</b>.") in shown
    assert "Let mails leave again</button>" in shown
    operator.post(PLATFORM, {"to": "resume"})
    assert closed_everywhere() == []


def test_only_operators_stop_everybody(owner):
    assert "Stop all sending</button>" not in text(owner, CHOOSER)
    assert owner.post(PLATFORM, STOP).status_code == 403
    assert closed_everywhere() == []


# Mails in doubt -------------------------------------------------------------------------------
@pytest.fixture
def doubtful(organisation) -> Task:
    with tenant(organisation.pk):
        task = make_ready()
        Task.objects.filter(pk=task.pk).update(status="unknown", last_error="The line was cut.")
        return task


@pytest.fixture
def waiting(organisation) -> Task:
    with tenant(organisation.pk):
        return make_ready()


def status(organisation, task: Task) -> str:
    with tenant(organisation.pk):
        return Task.objects.get(pk=task.pk).status


def test_the_page_of_a_mail_in_doubt_has_three_buttons(owner, doubtful, waiting):
    shown = text(owner, f"{TASKS}{doubtful.pk}/change/")

    for label in ("It left", "It did not leave", "Send it again"):
        assert f">{label}</button>" in shown
    assert f'formaction="/tasks/{doubtful.pk}/decide/"' in shown
    assert ">It left</button>" not in text(owner, f"{TASKS}{waiting.pk}/change/")


def test_viewers_have_no_buttons(organisation, doubtful):
    viewer = signed_in(organisation, role=Role.VIEWER)

    assert ">It left</button>" not in text(viewer, f"{TASKS}{doubtful.pk}/change/")


@pytest.mark.parametrize(("outcome", "after"), [("sent", "sent"), ("not_sent", "failed")])
def test_one_click_decides(organisation, owner, doubtful, outcome, after):
    answer = owner.post(f"/tasks/{doubtful.pk}/decide/", {"outcome": outcome})

    assert answer["Location"] == f"{TASKS}{doubtful.pk}/change/"
    assert status(organisation, doubtful) == after


def test_sending_again_is_asked_about_first(organisation, owner, doubtful):
    page = f"/tasks/{doubtful.pk}/decide/"

    asked = owner.post(page, {"outcome": "send_again"})

    assert "the recipient gets it twice" in asked.content.decode()
    assert status(organisation, doubtful) == "unknown"
    owner.post(page, {"outcome": "send_again", "sure": "on"})
    assert status(organisation, doubtful) == "deferred"


def test_what_cannot_be_decided_says_why(organisation, owner, waiting):
    answer = owner.post(f"/tasks/{waiting.pk}/decide/", {"outcome": "sent"})

    (sentence,) = told(answer)
    assert sentence.startswith("Only a mail whose sending ended in doubt")
    assert status(organisation, waiting) == "scheduled"


def test_the_list_shows_what_is_in_doubt(owner, doubtful, waiting):
    shown = text(owner, f"{TASKS}?in_doubt=yes")

    assert str(doubtful.pk) in shown
    assert str(waiting.pk) not in shown


@pytest.mark.parametrize(("action", "after"), [("say_sent", "sent"), ("say_not_sent", "failed")])
def test_several_are_decided_on_together(organisation, owner, doubtful, waiting, action, after):
    chosen = [str(doubtful.pk), str(waiting.pk)]

    answer = owner.post(TASKS, {"action": action, ACTION_CHECKBOX_NAME: chosen})

    assert status(organisation, doubtful) == after
    assert status(organisation, waiting) == "scheduled"
    done, refused = told(answer)
    assert done.startswith("1 decided")
    assert refused.startswith("1 not decided: Only a mail")


def test_several_are_sent_again_only_after_a_question(organisation, owner, doubtful):
    chosen = {"action": "send_again", ACTION_CHECKBOX_NAME: [str(doubtful.pk)]}

    asked = owner.post(TASKS, chosen).content.decode()

    assert "the recipient gets it twice" in asked
    assert f'value="{doubtful.pk}"' in asked
    assert status(organisation, doubtful) == "unknown"
    owner.post(TASKS, chosen | {"sure": "on"})
    assert status(organisation, doubtful) == "deferred"
    with tenant(organisation.pk):
        assert Enrollment.objects.get().state == "active"
