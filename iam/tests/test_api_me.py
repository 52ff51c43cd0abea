"""What a caller is told of themselves, and the sessions they end."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from iam.models import Role, User
from iam.services import invite, visit
from iam.sessions import sessions_of
from prospectflow.tenancy.context import tenant
from prospectflow.tenancy.middleware import SESSION_KEY
from prospectflow.testing.api import api_client, machine_client, refusal
from prospectflow.testing.factories import NOON, make_organisation, make_user

ME, ORGANISATIONS = "/api/v1/me/", "/api/v1/organisations/"
SESSIONS = f"{ME}sessions/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return make_user(email="ada@example.com", first_name="Ada", last_name="Lovelace")


@pytest.fixture
def acme(ada):
    return make_organisation(name="Acme", slug="acme", owner=ada)


def browser(user, organisation=None) -> Client:
    client = Client()
    client.force_login(user)
    if organisation:
        session = client.session
        session[SESSION_KEY] = str(organisation.pk)
        session.save()
    return client


def sessions(client) -> list[dict]:
    answer = client.get(SESSIONS)
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


def test_a_person_is_told_who_and_where_they_are(ada, acme):
    make_organisation(name="Other", slug="other", owner=ada)
    make_organisation(name="Foreign", slug="foreign")

    me = browser(ada, acme).get(ME).json()

    assert (me["kind"], me["id"], me["email"]) == ("person", str(ada.pk), "ada@example.com")
    assert me["name"] == "Ada Lovelace"
    assert (me["organisation"]["slug"], me["organisation"]["role"]) == ("acme", "owner")
    assert "manage_members" in me["capabilities"]
    assert [each["slug"] for each in me["organisations"]] == ["acme", "other"]


def test_a_person_outside_of_any_organisation_is_told_where_they_may_go(ada, acme):
    me = browser(ada).get(ME).json()

    assert (me["organisation"], me["capabilities"]) == (None, [])
    assert [each["slug"] for each in me["organisations"]] == ["acme"]


def test_an_offered_place_is_not_one_that_may_be_entered(ada, other_organisation):
    with tenant(other_organisation.pk):
        invite(ada.email, Role.MEMBER, at=NOON)

    answer = browser(ada).get(ORGANISATIONS)

    assert answer.json() == {"next": None, "previous": None, "results": []}


def test_a_program_is_told_its_account_and_its_one_organisation(acme):
    robot = machine_client(role=Role.VIEWER, organisation=acme)

    me = robot.get(ME).json()

    assert (me["kind"], me["email"], me["organisation"]["slug"]) == ("program", None, "acme")
    assert me["capabilities"] == ["view"]
    assert [each["slug"] for each in robot.get(ORGANISATIONS).json()["results"]] == ["acme"]
    assert refusal(robot.get(SESSIONS)) == (403, "FORBIDDEN")


def test_a_token_and_a_session_of_one_person_are_told_the_same(acme):
    client = api_client(organisation=acme)
    user = User.objects.get(pk=client.get(ME).json()["id"])

    assert client.get(ME).json() == browser(user, acme).get(ME).json()


def test_a_visit_is_told_to_the_operators_browser_and_not_to_their_token(acme, other_organisation):
    client = api_client(organisation=acme)
    operator = User.objects.get(pk=client.get(ME).json()["id"])
    User.objects.filter(pk=operator.pk).update(is_staff=True)
    operator.refresh_from_db()
    hour = timedelta(hours=1)
    visit(operator, other_organisation, reason="help", length=hour, at=timezone.now())

    def told(asking, **headers):
        listed = asking.get(ORGANISATIONS, headers=headers).json()["results"]
        slugs = [each["slug"] for each in listed]
        me = asking.get(ME, headers=headers).json()["organisations"]
        assert [each["slug"] for each in me] == slugs
        return slugs

    assert told(client) == ["acme"]
    assert told(browser(operator)) == ["acme", other_organisation.slug]
    entered = client.get(ME, headers={"X-Organisation": other_organisation.slug})
    assert refusal(entered) == (403, "NOT_A_MEMBER")


@pytest.mark.parametrize("page", [ME, SESSIONS, ORGANISATIONS])
def test_strangers_are_asked_to_sign_in(page):
    assert refusal(Client().get(page)) == (401, "AUTHENTICATION_REQUIRED")


def test_a_person_sees_their_sessions_and_nobody_elses(ada, acme):
    here, _there = browser(ada, acme), browser(ada)
    browser(make_user())

    told = sessions(here)

    assert len(told) == 2
    assert [each["organisation"] for each in told if each["is_current"]] == [str(acme.pk)]


def test_a_session_that_is_ended_is_out(ada, acme):
    here, there = browser(ada, acme), browser(ada, acme)
    (other,) = [each for each in sessions(here) if not each["is_current"]]

    assert here.delete(f"{SESSIONS}{other['id']}/").status_code == 204
    assert here.get(ME).status_code == 200
    assert refusal(there.get(ME)) == (401, "AUTHENTICATION_REQUIRED")


def test_nobody_ends_the_session_of_another_person(ada, acme):
    theirs = browser(make_user())
    (session,) = sessions(theirs)

    answer = browser(ada, acme).delete(f"{SESSIONS}{session['id']}/")

    assert refusal(answer) == (404, "NOT_FOUND")
    assert theirs.get(ME).status_code == 200


def test_ending_the_session_that_asks_is_no_error(ada, acme):
    here = browser(ada, acme)
    (session,) = sessions(here)

    assert here.delete(f"{SESSIONS}{session['id']}/").status_code == 204
    assert refusal(here.get(ME)) == (401, "AUTHENTICATION_REQUIRED")


def test_ending_the_others_keeps_this_one(ada, acme):
    here, there = browser(ada, acme), browser(ada, acme)

    answer = here.post(f"{SESSIONS}end-others/")

    assert answer.json() == {"ended": 1}
    assert here.get(ME).status_code == 200
    assert refusal(there.get(ME)) == (401, "AUTHENTICATION_REQUIRED")


def test_signing_out_everywhere_ends_sessions_and_tokens(acme):
    client = api_client(organisation=acme)
    user = User.objects.get(pk=client.get(ME).json()["id"])
    here = browser(user, acme)
    browser(user, acme)

    assert here.post(f"{SESSIONS}sign-out-everywhere/").status_code == 204
    assert refusal(client.get(ME)) == (401, "TOKEN_REVOKED")
    assert sessions_of(user.pk, now=timezone.now()) == []
    assert refusal(here.get(ME)) == (401, "AUTHENTICATION_REQUIRED")


@pytest.mark.parametrize("at", ["end-others/", "sign-out-everywhere/"])
def test_a_browser_without_its_csrf_token_ends_nothing(ada, acme, at):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)

    assert refusal(client.post(f"{SESSIONS}{at}")) == (403, "CSRF_FAILED")
