"""People sign in with real providers, and are who their subject says."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth import SESSION_KEY as USER_KEY
from django.test import Client
from django.utils import timezone

from iam.models import Membership, Role, User
from iam.services import invite
from iam.tests import providers
from iam.tests.providers import walk
from iam.tests.signing_in.browser import (
    PUBLIC_URL,
    assert_refused,
    begin,
    person,
    sign_in,
    sign_out,
    trusted,
)
from prospectflow.tenancy.context import tenant
from prospectflow.tenancy.middleware import SESSION_KEY
from prospectflow.testing.factories import make_organisation, make_user


def test_a_stranger_signs_in_and_belongs_nowhere(provider, client):
    answer = sign_in(client)

    ada = person(client)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert (ada.cognito_sub, ada.email, ada.get_full_name()) == (
        "ada-1815",
        "ada@example.com",
        "Ada Lovelace",
    )
    assert not ada.has_usable_password()
    assert "not an active member of any organisation" in client.get("/", follow=True).text


def test_the_request_carries_state_nonce_and_challenge_and_our_own_address(provider, client):
    address = begin(client)
    elsewhere = Client(headers={"host": "localhost"}).get("/oidc/login/")["Location"]

    asked = parse_qs(urlsplit(address).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert len(asked["code_challenge"][0]) == 43
    assert len(asked["state"][0]) == len(asked["nonce"][0]) == 32
    assert asked["scope"] == ["openid email profile"]
    for each in (address, elsewhere):
        assert parse_qs(urlsplit(each).query)["redirect_uri"] == [f"{PUBLIC_URL}/oidc/callback/"]


def test_the_only_organisation_is_entered(provider, client, django_capture_on_commit_callbacks):
    ada = make_user(email="ada@example.com")
    organisation = make_organisation(owner=ada)

    with django_capture_on_commit_callbacks(execute=True):
        sign_in(client)

    assert client.session[SESSION_KEY] == str(organisation.pk)
    assert client.get("/").status_code == 200


def test_a_row_made_beforehand_is_claimed_once(provider, client):
    waiting = make_user(email="ada@example.com")
    provider.introduce("another")

    sign_in(client)
    second = Client()
    answer = sign_in(second, "another")

    assert person(client) == waiting
    assert_refused(answer, second, 403, "ADDRESS_TAKEN")
    assert User.objects.get(email="ada@example.com").cognito_sub == "ada-1815"


def test_who_has_a_subject_is_never_matched_by_address(provider, client):
    make_user(email="ada@example.com", cognito_sub="somebody else")

    answer = sign_in(client)

    assert_refused(answer, client, 403, "ADDRESS_TAKEN")
    assert not User.objects.filter(cognito_sub="ada-1815").exists()


def test_address_and_names_follow_the_subject(provider, client):
    sign_in(client)
    ada = person(client)
    provider.introduce("ada-1815", email="countess@example.com", family_name="King")

    sign_in(client)

    ada.refresh_from_db()
    assert (ada.email, ada.last_name) == ("countess@example.com", "King")
    assert person(client) == ada


def test_an_address_of_another_row_is_not_taken_over(provider, client):
    sign_in(client)
    make_user(email="countess@example.com")
    provider.introduce("ada-1815", email="countess@example.com", family_name="King")

    sign_in(client)

    ada = person(client)
    assert (ada.email, ada.last_name) == ("ada@example.com", "King")


def test_a_closed_account_stays_out(provider, client):
    make_user(email="ada@example.com", is_active=False)

    answer = sign_in(client)

    assert_refused(answer, client, 403, "ACCOUNT_DISABLED")
    assert User.objects.get(email="ada@example.com").cognito_sub is None


@pytest.mark.parametrize("verified", [False, None, "yes"])
def test_an_address_nobody_verified_signs_nobody_in(provider, client, verified):
    provider.introduce("ada-1815", email_verified=verified)

    answer = sign_in(client)

    assert_refused(answer, client, 403, "EMAIL_NOT_VERIFIED")
    assert not User.objects.exists()


def test_no_claim_grants_anything(provider, client):
    organisation = make_organisation()
    provider.introduce(
        "ada-1815",
        **{
            "custom:organisation_id": str(organisation.pk),
            "custom:role": "owner",
            "cognito:groups": ["admin", "owner"],
        },
    )

    sign_in(client)

    ada = person(client)
    assert SESSION_KEY not in client.session
    assert (ada.is_staff, ada.is_superuser) == (False, False)
    with tenant(organisation.pk):
        assert not Membership.objects.filter(user=ada).exists()


def test_an_invited_address_joins_and_one_invited_too_long_ago_does_not(provider, client):
    ada = make_user(email="ada@example.com")
    now = timezone.now()
    fresh, stale = make_organisation(), make_organisation()
    for organisation, until in ((fresh, timedelta(days=1)), (stale, timedelta(seconds=-1))):
        with tenant(organisation.pk):
            Membership.objects.create(
                user=ada,
                role=Role.VIEWER,
                status="invited",
                invited_address="ada@example.com",
                expires_at=now + until,
            )

    sign_in(client)

    assert client.session[SESSION_KEY] == str(fresh.pk)
    with tenant(stale.pk):
        assert Membership.objects.get(user=ada).status == "invited"


def test_a_known_person_is_asked_and_not_put_into_an_organisation(provider, client):
    sign_in(client)
    stranger = make_organisation()
    with tenant(stranger.pk):
        invite("ada@example.com", Role.ADMIN, at=timezone.now())

    sign_in(client)

    assert SESSION_KEY not in client.session
    with tenant(stranger.pk):
        invited = Membership.objects.get(status="invited")
        assert (invited.address, invited.shown_name) == ("ada@example.com", "ada@example.com")


def test_a_key_rotated_between_two_sign_ins_changes_nothing(pool, client):
    sign_in(client)
    pool.rotate()
    second = Client()

    sign_in(second)

    assert person(second) == person(client)


def test_a_client_with_a_secret_proves_it(certified, client, settings, db):
    trusted(certified, settings, client_id=providers.SECRET_CLIENT_ID)
    settings.AUTH = certified.configuration(
        client_id=providers.SECRET_CLIENT_ID, client_secret=providers.SECRET
    )
    assert sign_in(client).status_code == 302

    settings.AUTH = certified.configuration(
        client_id=providers.SECRET_CLIENT_ID, client_secret="wrong"
    )
    second = Client()
    assert_refused(sign_in(second), second, 401, "PROVIDER_REFUSED")


def test_the_session_begins_anew_at_the_sign_in(provider, client):
    address = begin(client)
    before = client.session.session_key
    session = client.session
    session[SESSION_KEY] = "00000000-0000-0000-0000-000000000000"
    session.save()

    client.get(walk(address, "ada-1815"))

    assert client.session.session_key != before
    assert SESSION_KEY not in client.session
    planted = Client()
    planted.cookies["sessionid"] = before
    assert USER_KEY not in planted.session


def test_whoever_signs_in_goes_where_they_wanted_to(provider, client):
    assert sign_in(client, next="/review/?a=1")["Location"] == "/review/?a=1"


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https:evil.example",
        "http:///evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\n/evil.example",
        "/\x00/evil.example",
        " //evil.example",
        "/%0d%0aLocation: https://evil.example\r\n",
        "evil.example",
        "/" + "a" * 3000,
    ],
)
def test_nobody_is_led_to_another_host(pool, client, wanted):
    assert sign_in(client, next=wanted)["Location"] == "/"


def test_whoever_must_choose_an_organisation_goes_on_to_what_they_wanted(provider, client):
    ada = make_user(email="ada@example.com")
    acme, _other = make_organisation(owner=ada), make_organisation(owner=ada)

    chooser = client.get(sign_in(client, next="/crm/company/")["Location"], follow=True)
    asked = {"organisation": acme.pk, "next": "/crm/company/"}
    entered = client.post("/organisations/enter/", asked)

    assert 'name="next" value="/crm/company/"' in chooser.text
    assert entered["Location"] == "/crm/company/"


def test_no_page_around_the_sign_in_is_kept(provider, client):
    for page in (client.get("/login/"), client.get("/oidc/login/"), sign_in(client)):
        assert "no-store" in page["Cache-Control"]
    assert "no-store" in client.get("/organisations/")["Cache-Control"]
    assert "no-store" in sign_out(client)["Cache-Control"]
