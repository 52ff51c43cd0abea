"""Whoever signs out is out: here, and at the provider."""

import html
import re

import requests
from django.contrib.auth import SESSION_KEY as USER_KEY
from django.test import Client

from iam.tests.providers import is_asked, walk
from iam.tests.signing_in.browser import (
    PUBLIC_URL,
    begin,
    sign_in,
    sign_out,
)
from prospectflow.testing.factories import make_user


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
