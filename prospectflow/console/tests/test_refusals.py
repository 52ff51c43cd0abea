"""A page that cannot be shown says why in a sentence, and leaks nothing."""

import pytest
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path

from prospectflow import urls
from prospectflow.console.tests.cast import signed_in

pytestmark = pytest.mark.django_db


def broken(request: HttpRequest, kind: str) -> HttpResponse:
    raise {"403": PermissionDenied, "400": BadRequest, "500": RuntimeError}[kind]("a secret")


urlpatterns = [path("broken/<str:kind>/", broken), path("", include(urls.urlpatterns))]


@pytest.mark.urls(__name__)
@pytest.mark.parametrize(
    ("address", "status", "sentence"),
    [
        ("/broken/400/", 400, "makes no sense"),
        ("/broken/403/", 403, "Your role in this organisation"),
        ("/a-secret/", 404, "The address is wrong"),
        ("/broken/500/", 500, "what happened is in the log"),
    ],
)
def test_each_refusal_has_its_page(settings, organisation, address, status, sentence):
    settings.DEBUG = False
    browser = signed_in(organisation)
    browser.raise_request_exception = False

    answer = browser.get(address)

    assert answer.status_code == status
    assert sentence in answer.text
    assert "secret" not in answer.text


def test_a_form_without_its_token_is_refused_on_a_page(settings):
    settings.DEBUG = False

    answer = Client(enforce_csrf_checks=True).post("/login/", {"username": "ada@example.com"})

    assert answer.status_code == 403
    assert "load the page again" in answer.text
