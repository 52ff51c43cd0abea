"""Whoever asks too often is told when to come back, and takes nobody else's share."""

import pytest
from django.test import Client

from prospectflow.testing.api import api_client, refusal
from prospectflow.testing.factories import make_organisation

COMPANIES = "/api/v1/companies/"
pytestmark = pytest.mark.django_db


def allow(settings, **rates: str) -> None:
    settings.RATES = settings.RATES | rates


def test_a_person_who_asks_too_often_waits_and_others_do_not(settings):
    allow(settings, person="2/minute")
    acme = make_organisation()
    ada, bob = api_client("member", acme), api_client("viewer", acme)

    answers = [ada.get(COMPANIES) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert refusal(answers[2]) == (429, "THROTTLED")
    assert answers[2]["Retry-After"] == "30"
    assert answers[0]["RateLimit-Policy"] == '"person";q=2;w=60, "organisation";q=3000;w=60'
    assert answers[0]["RateLimit"].startswith('"person";r=1;t=30, "organisation";r=2999;')
    assert bob.get(COMPANIES).status_code == 200


def test_an_organisation_shares_its_limit(settings):
    allow(settings, organisation="1/minute")
    acme = make_organisation()

    first = api_client("member", acme).get(COMPANIES)
    second = api_client("viewer", acme).get(COMPANIES)
    elsewhere = api_client("member").get(COMPANIES)

    assert (first.status_code, elsewhere.status_code) == (200, 200)
    assert refusal(second) == (429, "THROTTLED")


def test_changes_have_a_limit_of_their_own(settings):
    allow(settings, writes="1/minute")
    ada = api_client()

    answers = [ada.post(COMPANIES, {"name": name}).status_code for name in ("Acme", "Bolt")]

    assert answers == [201, 429]
    assert ada.get(COMPANIES).status_code == 200


def test_an_address_that_shows_bad_tokens_waits_and_whose_token_is_good_does_not(settings):
    allow(settings, refused_tokens="2/minute")
    stranger, ada = Client(headers={"Authorization": "Bearer bad"}), api_client()

    answers = [stranger.get(COMPANIES) for _ in range(3)]
    elsewhere = stranger.get(COMPANIES, REMOTE_ADDR="203.0.113.7")

    assert [refusal(answer)[0] for answer in answers] == [401, 401, 429]
    assert int(answers[2]["Retry-After"]) in range(1, 31)
    assert ada.get(COMPANIES).status_code == 200
    assert refusal(elsewhere) == (401, "TOKEN_INVALID")


def test_a_proxys_word_for_the_address_counts_where_it_is_trusted(settings):
    allow(settings, refused_tokens="1/minute")

    def ask(address: str) -> int:
        headers = {"Authorization": "Bearer bad", "X-Forwarded-For": f"198.51.100.1, {address}"}
        return Client().get(COMPANIES, headers=headers).status_code

    assert [ask("203.0.113.1"), ask("203.0.113.2")] == [401, 429]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert [ask("203.0.113.1"), ask("203.0.113.2"), ask("203.0.113.1")] == [401, 401, 429]


def test_without_redis_nobody_is_let_in(settings):
    settings.CACHES = {
        "default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}
    }

    browser = api_client()
    browser.cookies["sessionid"] = "a-session-too"

    for asker in (api_client(), browser, Client(headers={"Authorization": "Bearer bad"})):
        answer = asker.get(COMPANIES)
        assert refusal(answer) == (503, "SESSION_STORE_UNAVAILABLE")
        assert answer["Retry-After"] == "5"
