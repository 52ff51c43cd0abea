"""What a browser does to sign in and out."""

from django.contrib.auth import SESSION_KEY as USER_KEY

from iam.models import User
from iam.signing_in.views import ATTEMPTS
from iam.tests.providers import walk

PUBLIC_URL = "http://127.0.0.1:8000"


def trusted(provider, settings, **fields):
    settings.PUBLIC_URL = PUBLIC_URL
    settings.AUTH = provider.configuration(**fields)
    provider.introduce("ada-1815")
    return provider


def begin(client, **asked):
    answer = client.get("/oidc/login/", asked)
    assert answer.status_code == 302, answer.text
    return answer["Location"]


def sign_in(client, subject="ada-1815", **asked):
    return client.get(walk(begin(client, **asked), subject))


def sign_out(client):
    return client.post("/logout/")


def person(client):
    return User.objects.get(pk=client.session[USER_KEY])


def assert_refused(answer, client, status, code):
    assert (answer.status_code, answer["Content-Type"][:9]) == (status, "text/html")
    assert code in answer.text
    assert "Try again" in answer.text
    assert USER_KEY not in client.session
    assert not client.session.get(ATTEMPTS)
