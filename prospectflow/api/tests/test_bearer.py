"""A token leads into one organisation, or to a refusal with a code."""

from datetime import timedelta

import pytest
from django.test import Client

from iam.auth import Caller
from iam.models import Membership, Role
from iam.services import (
    end_access,
    move_service_account,
    register_service_account,
    sign_out_everywhere,
)
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import NOON, make_company, make_organisation, make_user
from prospectflow.testing.tokens import bearing

COMPANIES = "/api/v1/companies/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return make_user(cognito_sub="ada")


@pytest.fixture
def acme(ada):
    acme = make_organisation(name="Acme", slug="acme", owner=ada)
    with tenant(acme.pk):
        make_company(name="Mine")
    return acme


def caller(**fields) -> Caller:
    defaults = {
        "subject": "ada",
        "client_id": "browser",
        "is_machine": False,
        "issued_at": NOON,
        "expires_at": NOON + timedelta(hours=1),
        "scopes": frozenset({"openid"}),
    }
    return Caller(**(defaults | fields))


def machine(**fields) -> Caller:
    return caller(
        subject="robot",
        client_id="robot",
        is_machine=True,
        scopes=frozenset({"prospectflow/write"}),
    )


def names(answer) -> list[str]:
    return [each["name"] for each in answer.json()["results"]]


def code(answer) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def test_a_lone_membership_is_entered_by_itself(acme, settings):
    with bearing(caller()):
        answer = Client().get(COMPANIES, headers={"Authorization": "Bearer x"})

    assert answer.status_code == 200
    assert names(answer) == ["Mine"]


def test_an_unknown_account_is_refused(acme):
    with bearing(caller(subject="nobody")):
        answer = Client().get(COMPANIES, headers={"Authorization": "Bearer x"})

    assert code(answer) == (403, "ACCOUNT_UNKNOWN")


def test_several_memberships_need_a_name_that_is_one_of_them(acme, ada):
    make_organisation(name="Other", slug="other", owner=ada)
    make_organisation(name="Foreign", slug="foreign")

    def ask(**headers):
        with bearing(caller()):
            return Client().get(COMPANIES, headers={"Authorization": "Bearer x"} | headers)

    assert code(ask()) == (403, "ORGANISATION_REQUIRED")
    assert names(ask(**{"X-Organisation": "acme"})) == ["Mine"]
    assert names(ask(**{"X-Organisation": "other"})) == []
    assert code(ask(**{"X-Organisation": "foreign"})) == (403, "NOT_A_MEMBER")
    assert code(ask(**{"X-Organisation": "nowhere"})) == (403, "NOT_A_MEMBER")
    assert code(ask(**{"X-Organisation": "a\0cme"})) == (403, "NOT_A_MEMBER")


def test_signing_out_everywhere_refuses_older_tokens(acme, ada):
    sign_out_everywhere(ada, at=NOON)

    with bearing(caller(issued_at=NOON)):
        before = Client().get(COMPANIES, headers={"Authorization": "Bearer x"})
    with bearing(caller(issued_at=NOON + timedelta(seconds=1))):
        after = Client().get(COMPANIES, headers={"Authorization": "Bearer x"})

    assert code(before) == (401, "TOKEN_REVOKED")
    assert after.status_code == 200


def test_ending_a_members_access_refuses_older_tokens_here(acme, ada):
    with tenant(acme.pk):
        end_access(Membership.objects.get(user=ada), at=NOON)

    with bearing(caller()):
        answer = Client().get(COMPANIES, headers={"Authorization": "Bearer x"})

    assert code(answer) == (401, "TOKEN_REVOKED")


def test_a_machine_acts_in_the_organisation_its_account_stands_in(acme):
    with tenant(acme.pk):
        account = register_service_account("Robot", "robot", Role.VIEWER)

    with bearing(machine()):
        read = Client().get(COMPANIES, headers={"Authorization": "Bearer x"})
        written = Client().post(
            COMPANIES,
            {"name": "New"},
            content_type="application/json",
            headers={"Authorization": "Bearer x"},
        )
    with tenant(acme.pk):
        move_service_account(account, "disabled", at=NOON)
    with bearing(machine()):
        shut = Client().get(COMPANIES, headers={"Authorization": "Bearer x"})

    assert names(read) == ["Mine"]
    assert code(written) == (403, "FORBIDDEN")
    assert code(shut) == (403, "ACCOUNT_DISABLED")


def test_whoever_shows_nothing_is_asked_to_sign_in(acme):
    answer = Client().get(COMPANIES)

    assert code(answer) == (401, "AUTHENTICATION_REQUIRED")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_machine_that_nobody_registered_is_told_so(acme):
    with bearing(machine()):
        answer = Client().get(COMPANIES, headers={"Authorization": "Bearer x"})

    assert code(answer) == (403, "PROGRAM_UNKNOWN")


def test_who_has_to_choose_can_ask_among_which(acme, ada):
    make_organisation(name="Other", slug="other", owner=ada)

    def ask(page):
        with bearing(caller()):
            return Client().get(f"/api/v1/{page}/", headers={"Authorization": "Bearer x"}).json()

    assert ask("me")["organisation"] is None
    assert sorted(each["slug"] for each in ask("organisations")["results"]) == ["acme", "other"]


def test_who_belongs_nowhere_can_ask_who_they_are(db):
    make_user(cognito_sub="ada", email="ada@example.com")

    with bearing(caller()):
        told = Client().get("/api/v1/me/", headers={"Authorization": "Bearer x"}).json()

    assert (told["email"], told["organisations"]) == ("ada@example.com", [])
