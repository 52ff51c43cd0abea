"""People sign in with real providers: one certified, in Cognito's manner, and a laptop's."""

import html
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.contrib.auth import SESSION_KEY as USER_KEY
from django.test import Client
from django.utils import timezone

from iam.auth import Verifier
from iam.models import Membership, Role, User
from iam.services import invite
from iam.signing_in import backend
from iam.signing_in.views import ATTEMPTS
from iam.tests import providers
from iam.tests.providers import is_asked, walk
from prospectflow.tenancy.context import tenant
from prospectflow.tenancy.middleware import SESSION_KEY
from prospectflow.testing.factories import make_organisation, make_user

PUBLIC_URL = "http://127.0.0.1:8000"


@pytest.fixture(scope="module")
def certified():
    with providers.certified(PUBLIC_URL) as running:
        yield running


@pytest.fixture(scope="module")
def mock():
    with providers.mock() as running:
        yield running


@pytest.fixture(params=["certified", "mock"])
def provider(request, settings, db):
    """Each of the two in turn, with Ada on its books."""
    return trusted(request.getfixturevalue(request.param), settings)


@pytest.fixture
def pool(certified, settings, db):
    """The certified one alone, trusted as a Cognito user pool is."""
    keys = f"{certified.issuer}/.well-known/jwks.json"
    return trusted(certified, settings, cognito=True, jwks_uri=keys)


def trusted(provider, settings, **fields):
    settings.PUBLIC_URL = PUBLIC_URL
    settings.AUTH = provider.configuration(**fields)
    provider.introduce("ada-1815")
    return provider


@pytest.fixture
def dead():
    """A provider that is not there."""
    address = f"http://127.0.0.1:{providers.free_port()}"
    return providers.Provider(address, address)


def begin(client, **asked):
    answer = client.get("/oidc/login/", asked)
    assert answer.status_code == 302, answer.text
    return answer["Location"]


def sign_in(client, subject="ada-1815", **asked):
    return client.get(walk(begin(client, **asked), subject))


def person(client):
    return User.objects.get(pk=client.session[USER_KEY])


def assert_refused(answer, client, status, code):
    assert (answer.status_code, answer["Content-Type"][:9]) == (status, "text/html")
    assert code in answer.text
    assert "Try again" in answer.text
    assert USER_KEY not in client.session
    assert not client.session.get(ATTEMPTS)


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


def test_a_callback_counts_once(provider, client):
    back = walk(begin(client), "ada-1815")
    client.get(back)

    answer = client.get(back)

    assert answer.status_code == 400
    assert "SIGN_IN_NOT_BEGUN" in answer.text
    assert USER_KEY in client.session  # nobody is signed out by a link either


def test_a_state_of_another_browser_is_refused(provider, client):
    back = walk(begin(Client()), "ada-1815")
    begin(client)

    answer = client.get(back)

    assert (answer.status_code, "SIGN_IN_NOT_BEGUN" in answer.text) == (400, True)
    assert USER_KEY not in client.session


@pytest.mark.parametrize("asked", ["", "?code=a", "?state=a", "?code=a&state=%00", "?error=a"])
def test_a_callback_out_of_nowhere_is_refused(provider, client, asked):
    assert_refused(client.get(f"/oidc/callback/{asked}"), client, 400, "SIGN_IN_NOT_BEGUN")


def test_whoever_began_here_signs_in_whatever_their_neighbours_guess(provider, client, settings):
    settings.RATES = settings.RATES | {"refused_sign_ins": "1/minute"}
    guess = {"state": "guessed", "code": "guessed"}
    assert [Client().get("/oidc/callback/", guess).status_code for _ in range(2)] == [400, 429]

    refused = client.get(walk(begin(client), "ada-1815", agrees=False))
    answer = sign_in(client)

    assert_refused(refused, Client(), 403, "ACCESS_DENIED")
    assert (answer.status_code, USER_KEY in client.session) == (302, True)


def test_codes_that_were_guessed_are_counted_too(provider, client, settings):
    settings.RATES = settings.RATES | {"refused_sign_ins": "1/minute"}

    def guess():
        state = parse_qs(urlsplit(begin(client)).query)["state"][0]
        return client.get(f"/oidc/callback/?state={state}&code=guessed").status_code

    assert [guess(), guess()] == [401, 429]


def test_an_attempt_that_took_too_long_is_refused(provider, client):
    back = walk(begin(client), "ada-1815")
    session = client.session
    for attempt in session[ATTEMPTS].values():
        attempt["added_on"] -= 3601
    session.save()

    assert_refused(client.get(back), client, 400, "SIGN_IN_NOT_BEGUN")


@pytest.mark.parametrize("code", ["wrong", "%00", "x" * 5000])
def test_a_code_the_provider_does_not_know_is_refused(provider, client, code):
    state = parse_qs(urlsplit(begin(client)).query)["state"][0]

    answer = client.get(f"/oidc/callback/?state={state}&code={code}")

    assert_refused(answer, client, 401, "PROVIDER_REFUSED")


def test_a_callback_without_a_code_is_refused(provider, client):
    state = parse_qs(urlsplit(begin(client)).query)["state"][0]

    answer = client.get(f"/oidc/callback/?state={state}")

    assert_refused(answer, client, 400, "SIGN_IN_NOT_BEGUN")


def tampered(client, **values):
    """Begin a sign-in, of which another thing is kept than what the provider was told."""
    address = begin(client)
    session = client.session
    for attempt in session[ATTEMPTS].values():
        attempt.update(values)
    session.save()
    return walk(address, "ada-1815")


def test_a_token_for_another_nonce_is_refused(provider, client):
    answer = client.get(tampered(client, nonce="another"))

    assert_refused(answer, client, 401, "NONCE_MISMATCH")


def test_a_stolen_code_is_worth_nothing_without_its_verifier(pool, client):
    answer = client.get(tampered(client, code_verifier="a" * 64))

    assert_refused(answer, client, 401, "PROVIDER_REFUSED")


def test_an_expired_token_is_refused(provider, client, monkeypatch):
    later = timezone.now() + timedelta(hours=3)
    monkeypatch.setattr(backend.timezone, "now", lambda: later)

    assert_refused(sign_in(client), client, 401, "TOKEN_EXPIRED")


def test_a_token_for_another_client_is_refused(provider, client, monkeypatch):
    back = walk(begin(client), "ada-1815")
    other = provider.configuration(client_id="another")
    monkeypatch.setattr(backend, "verifier", lambda: Verifier(other))

    assert_refused(client.get(back), client, 401, "TOKEN_INVALID")


def test_a_token_that_is_not_for_signing_in_is_refused(pool, client):
    pool.introduce("ada-1815", token_use="access")

    assert_refused(sign_in(client), client, 401, "TOKEN_WRONG_USE")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        ("server_error", 503, "PROVIDER_UNAVAILABLE"),
        ("temporarily_unavailable", 503, "PROVIDER_UNAVAILABLE"),
        ("invalid_scope", 400, "SIGN_IN_NOT_GRANTED"),
    ],
)
def test_an_error_of_the_provider_is_one_sentence(provider, client, error, status, code):
    state = parse_qs(urlsplit(begin(client)).query)["state"][0]

    answer = client.get(f"/oidc/callback/?state={state}&error={error}&error_description=secret")

    assert_refused(answer, client, status, code)
    assert "secret" not in answer.text


def test_who_says_no_at_the_provider_is_not_signed_in(provider, client):
    answer = client.get(walk(begin(client), "ada-1815", agrees=False))

    assert_refused(answer, client, 403, "ACCESS_DENIED")


def test_an_unreachable_provider_is_one_sentence_and_the_next_try_works(
    provider, dead, client, settings
):
    alive, settings.AUTH = settings.AUTH, dead.configuration()

    assert_refused(client.get("/oidc/login/"), client, 503, "PROVIDER_UNAVAILABLE")

    settings.AUTH = alive
    assert sign_in(client).status_code == 302


def test_a_provider_that_goes_away_in_between_is_one_sentence(provider, dead, client, settings):
    back = walk(begin(client), "ada-1815")
    settings.AUTH = dead.configuration()

    assert_refused(client.get(back), client, 503, "PROVIDER_UNAVAILABLE")


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


def sign_out(client):
    return client.post("/logout/")


def test_a_sign_out_kills_the_session_and_leads_to_the_pools_own(pool, client):
    sign_in(client)
    stolen = Client()
    stolen.cookies["sessionid"] = client.cookies["sessionid"].value
    assert stolen.get("/organisations/").status_code == 200

    answer = sign_out(client)

    assert (
        f"{pool.issuer}/logout?client_id=prospectflow&amp;logout_uri=http%3A%2F%2F" in answer.text
    )
    assert stolen.get("/organisations/")["Location"].startswith("/login/")
    assert client.get("/organisations/")["Location"].startswith("/login/")


def test_after_the_pools_own_sign_out_it_asks_again(pool, client):
    browser = requests.Session()
    client.get(walk(begin(client), "ada-1815", browser=browser))
    assert not is_asked(begin(Client()), browser)

    (way,) = re.findall(r'content="0; url=(.*?)"', sign_out(client).text)
    answer = browser.get(html.unescape(way), allow_redirects=False, timeout=5)

    assert answer.headers["Location"] == f"{PUBLIC_URL}/login/"
    assert is_asked(begin(Client()), browser)


def test_a_sign_out_names_the_session_to_any_other_provider(provider, client):
    sign_in(client)

    answer = sign_out(client)

    assert "id_token_hint=ey" in answer.text
    assert "post_logout_redirect_uri=http%3A%2F%2F127.0.0.1%3A8000%2Flogin%2F" in answer.text


def test_a_sign_out_works_while_the_provider_is_away(provider, dead, client, settings):
    sign_in(client)
    settings.AUTH = dead.configuration()

    answer = sign_out(client)

    assert answer.status_code == 200
    assert "could not be told" in answer.text
    assert USER_KEY not in client.session


def test_who_signed_in_by_password_signs_out_here_alone(provider, client):
    client.force_login(make_user(), backend="django.contrib.auth.backends.ModelBackend")

    answer = sign_out(client)

    assert "Your session here has ended" in answer.text
    assert provider.issuer not in answer.text


def test_nobody_is_signed_out_by_a_link_or_a_foreign_form(provider):
    careful = Client(enforce_csrf_checks=True)
    sign_in(careful)

    assert careful.get("/oidc/logout/").status_code == 405
    assert careful.post("/oidc/logout/").status_code == 403
    assert USER_KEY in careful.session


def test_no_page_around_the_sign_in_is_kept(provider, client):
    for page in (client.get("/login/"), client.get("/oidc/login/"), sign_in(client)):
        assert "no-store" in page["Cache-Control"]
    assert "no-store" in client.get("/organisations/")["Cache-Control"]
    assert "no-store" in sign_out(client)["Cache-Control"]
