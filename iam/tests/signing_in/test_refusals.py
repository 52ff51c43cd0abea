"""A sign-in that is not what it should be signs nobody in, and says so in one sentence."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth import SESSION_KEY as USER_KEY
from django.test import Client
from django.utils import timezone

from iam.auth import Verifier
from iam.signing_in import backend
from iam.signing_in.views import ATTEMPTS
from iam.tests.providers import walk
from iam.tests.signing_in.browser import (
    assert_refused,
    begin,
    sign_in,
)


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
