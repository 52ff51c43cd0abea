"""Whoever guesses at sign-ins is not listened to for a while, and nobody else suffers."""

import pytest
from django.contrib.auth import SESSION_KEY as USER_KEY
from django.test import Client

from prospectflow.testing.factories import make_user

CALLBACK, LOGIN = "/oidc/callback/", "/login/"
GUESS = {"state": "guessed", "code": "guessed"}
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def rates(settings):
    settings.RATES = settings.RATES | {"refused_sign_ins": "2/minute"}


def test_an_address_whose_sign_ins_are_refused_again_and_again_waits():
    answers = [Client().get(CALLBACK, GUESS).status_code for _ in range(3)]
    elsewhere = Client().get(CALLBACK, GUESS, REMOTE_ADDR="203.0.113.7")

    assert answers == [400, 400, 429]
    assert elsewhere.status_code == 400


def test_passwords_cannot_be_tried_one_after_the_other(client):
    make_user(email="ada@example.com", password="the right one")

    def attempt(password, **asked):
        form = {"username": "ada@example.com", "password": password}
        return client.post(LOGIN, form, **asked).text

    assert "Too many" not in attempt("wrong") + attempt("wrong too")
    assert "Too many wrong passwords: wait 30 seconds." in attempt("the right one")
    assert USER_KEY not in client.session

    attempt("the right one", REMOTE_ADDR="203.0.113.7")
    assert USER_KEY in client.session


def test_right_passwords_are_not_counted():
    make_user(email="ada@example.com", password="the right one")
    form = {"username": "ada@example.com", "password": "the right one"}

    assert [Client().post(LOGIN, form).status_code for _ in range(4)] == [302] * 4


def test_where_nothing_can_be_counted_a_guess_is_refused_in_a_sentence(settings):
    working = settings.CACHES["default"]
    dead = working | {"LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {"default": dead, "sessions": working}
    settings.SESSION_CACHE_ALIAS = "sessions"

    answer = Client().get(CALLBACK, GUESS)

    assert answer.status_code == 503
    assert "try again in a moment" in answer.text
