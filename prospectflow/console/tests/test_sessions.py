"""Your sessions, seen and ended by oneself; and a member's, by an admin."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from iam.models import AuditEvent, Role
from iam.sessions import sessions_of
from prospectflow.console.tests.cast import inside_as, make_member, signed_in
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_user

PAGE = "/sessions/"


@pytest.fixture
def ada(organisation):
    """A member of Acme."""
    with tenant(organisation.pk):
        return make_member(Role.MEMBER, user=make_user(email="ada@example.com")).user


@pytest.fixture
def devices(ada, organisation) -> list[Client]:
    """Three browsers of hers, the first inside Acme."""
    clients = [inside_as(ada, organisation), Client(), Client()]
    for client in clients[1:]:
        client.force_login(ada)
    return clients


def is_in(client: Client) -> bool:
    return client.get(PAGE).status_code == 200


def public_id(client: Client) -> str:
    return client.session.public_id


def test_the_page_lists_every_device_and_marks_this_one(devices):
    first, *_ = devices
    for client, agent in zip(devices, ("Firefox/1 Linux", "Edg/1 Windows", "curl/8"), strict=True):
        client.get(PAGE, headers={"User-Agent": agent}, REMOTE_ADDR="192.0.2.7")

    text = first.get(PAGE, headers={"User-Agent": "Firefox/1 Linux"}).text

    for shown in ("Firefox on Linux", "Edge on Windows", "curl", "192.0.2.7", "Acme"):
        assert shown in text
    assert text.count("This one") == 1
    assert public_id(first) not in text
    assert all(public_id(other) in text for other in devices[1:])
    assert not any(each.session.session_key in text for each in devices)


def test_the_page_opens_before_an_organisation_is_entered_and_is_found_in_the_menu(devices):
    outside = devices[1]

    assert is_in(outside)
    assert f'href="{PAGE}"' in outside.get("/organisations/").text


def test_a_visitor_is_led_to_the_sign_in(client, db):
    assert client.get(PAGE)["Location"].startswith("/login/")


def test_one_session_is_ended(devices):
    first, second, third = devices

    answer = first.post("/sessions/end/", {"session": public_id(second)}, follow=True)

    assert "The session has ended." in answer.text
    assert [is_in(each) for each in devices] == [True, False, True]


@pytest.mark.parametrize("wanted", ["theirs", "nonsense", "", "0" * 64])
def test_a_session_that_is_not_the_persons_is_not_ended(devices, wanted):
    stranger = Client()
    stranger.force_login(make_user())
    session = public_id(stranger) if wanted == "theirs" else wanted

    answer = devices[0].post("/sessions/end/", {"session": session}, follow=True)

    assert "not there any more" in answer.text
    assert is_in(stranger)
    assert all(is_in(each) for each in devices)


def test_all_other_sessions_are_ended(devices):
    answer = devices[0].post("/sessions/end-others/", follow=True)

    assert "2 other sessions have ended." in answer.text
    assert [is_in(each) for each in devices] == [True, False, False]


def test_signing_out_everywhere_ends_this_session_too_and_refuses_what_is_older(devices, ada):
    before = timezone.now()

    answer = devices[0].post("/sessions/end-everything/")

    assert (answer.status_code, answer["Location"]) == (303, "/login/")
    assert not any(is_in(each) for each in devices)
    assert sessions_of(ada.pk, now=timezone.now()) == []
    ada.refresh_from_db()
    assert ada.access_after >= before


def test_ending_the_session_that_asks_leads_to_the_sign_in(devices):
    first = devices[0]

    answer = first.post("/sessions/end/", {"session": public_id(first)})

    assert answer["Location"] == "/login/"
    assert not is_in(first)


@pytest.mark.parametrize("action", ["end", "end-others", "end-everything"])
def test_ending_is_a_post_with_a_token(devices, action):
    assert devices[0].get(f"/sessions/{action}/").status_code == 405

    forged = Client(enforce_csrf_checks=True)
    forged.cookies = devices[0].cookies

    assert forged.post(f"/sessions/{action}/").status_code == 403


def end_by(client: Client, members) -> None:
    client.post(
        reverse("console:iam_membership_changelist"),
        {"action": "end_sessions", "_selected_action": [member.pk for member in members]},
    )


def test_an_admin_ends_a_members_sessions_here_and_nowhere_else(
    devices, ada, organisation, other_organisation
):
    with tenant(other_organisation.pk):
        make_member(Role.MEMBER, user=ada)
    elsewhere = inside_as(ada, other_organisation)
    with tenant(organisation.pk):
        member = ada.memberships.get()

    end_by(signed_in(organisation, role=Role.ADMIN), [member])

    assert [is_in(each) for each in devices] == [False, True, True]
    assert elsewhere.get("/").status_code == 200
    with tenant(organisation.pk):
        assert AuditEvent.objects.filter(
            object_id=str(member.pk), changes__has_key="access_after"
        ).exists()
    devices[1].post("/organisations/enter/", {"organisation": organisation.pk})
    assert devices[1].get("/")["Location"] == "/organisations/"


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
def test_nobody_else_ends_a_members_sessions(devices, ada, organisation, role):
    with tenant(organisation.pk):
        member = ada.memberships.get()

    end_by(signed_in(organisation, role=role), [member])

    assert is_in(devices[0])
