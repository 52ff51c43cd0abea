"""Whoever guesses at sign-ins is not listened to for a while, and nobody else suffers."""

import pytest
from django.test import Client

CALLBACK = "/oidc/callback/"


@pytest.mark.django_db
def test_an_address_whose_sign_ins_are_refused_again_and_again_waits(settings):
    settings.RATES = settings.RATES | {"refused_sign_ins": "2/minute"}
    guess = {"state": "guessed", "code": "guessed"}

    answers = [Client().get(CALLBACK, guess).status_code for _ in range(3)]
    elsewhere = Client().get(CALLBACK, guess, REMOTE_ADDR="203.0.113.7")

    assert answers == [400, 400, 429]
    assert elsewhere.status_code == 400
