"""Each way to be refused has its status and its code, and is told in one shape."""

import json
from unittest.mock import patch

import pytest
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, InternalError, OperationalError
from django.test import Client, RequestFactory

from crm.models import Company
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client, faults, refusal
from prospectflow.testing.factories import make_company, make_user

COMPANIES = "/api/v1/companies/"
JSON = "application/json"
pytestmark = pytest.mark.django_db


@pytest.fixture
def client():
    return api_client()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("{", "MALFORMED"),
        ("\ufeff{}", "MALFORMED"),
        ('{"name": NaN}', "MALFORMED"),
        ('{"name": -Infinity}', "MALFORMED"),
        ('{"name": 1e400}', "MALFORMED"),
        ('{"name": ' + "9" * 5000 + "}", "MALFORMED"),
        ('{"name": "a", "name": "b"}', "MALFORMED"),
        ('{"name": ' + "[" * 40 + "]" * 40 + "}", "MALFORMED"),
        ('{"name": ' + "[" * 100_000 + "]" * 100_000 + "}", "MALFORMED"),
        ("[]", "VALIDATION_FAILED"),
        ("5", "VALIDATION_FAILED"),
        ("null", "VALIDATION_FAILED"),
    ],
)
def test_bodies_that_are_no_object_of_json(client, body, code):
    assert refusal(client.post(COMPANIES, body)) == (400, code)


def test_bytes_that_are_no_utf_8(client):
    assert refusal(client.post(COMPANIES, b'{"name": "\xe9"}')) == (400, "MALFORMED")


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"name": "a\0b"}, "name", "null_characters"),
        ({"na\0me": "a"}, "na\ufffdme", "null_characters"),
        ({"name": [{"deep": "\ud800"}]}, "name.0.deep", "surrogate_characters"),
    ],
)
def test_texts_that_no_database_takes_are_refused_by_name(client, body, field, code):
    assert faults(client.post(COMPANIES, json.dumps(body))) == {field: code}


def test_a_body_beyond_the_limit_is_not_read(client, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10

    assert refusal(client.post(COMPANIES, {"name": "Acme"})) == (413, "TOO_LARGE")


@pytest.mark.parametrize(
    ("content_type", "code"),
    [
        ("text/xml", "UNSUPPORTED_MEDIA_TYPE"),
        ("application/json; charset=utf-16", "UNSUPPORTED_MEDIA_TYPE"),
        ("multipart/form-data; boundary=x", "UNSUPPORTED_MEDIA_TYPE"),
    ],
)
def test_other_media_types_and_charsets(client, content_type, code):
    assert refusal(client.post(COMPANIES, b"{}", content_type)) == (415, code)


@pytest.mark.parametrize("charset", ["hex", "undefined", "x; " * 200])
def test_a_charset_that_is_no_encoding_of_texts(charset):
    told = []
    environ = RequestFactory()._base_environ(
        PATH_INFO=COMPANIES, QUERY_STRING="a=b", CONTENT_TYPE=f"text/plain; charset={charset}"
    )

    from prospectflow.wsgi import application  # asks the database when imported

    body = b"".join(application(environ, lambda status, headers: told.append(status)))

    assert told == ["415 Unsupported Media Type"]
    assert json.loads(body)["code"] == "UNSUPPORTED_MEDIA_TYPE"


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize(
    "path", ["/api/", "/api/v2/", "/api/v1/nothing/", "/api/v1/companies", "/api/v1/%00/"]
)
def test_unknown_addresses(client, settings, path, debug):
    settings.DEBUG = debug

    for caller in (client, Client()):
        for method in ("get", "post"):
            assert refusal(getattr(caller, method)(path)) == (404, "NOT_FOUND")


def test_methods_and_formats_that_are_not_offered(client):
    assert refusal(client.put(COMPANIES, {})) == (405, "METHOD_NOT_ALLOWED")
    assert refusal(client.options(COMPANIES)) == (405, "METHOD_NOT_ALLOWED")
    assert refusal(client.get(COMPANIES, headers={"Accept": "image/png"})) == (
        406,
        "NOT_ACCEPTABLE",
    )


def test_ids_that_are_none_and_ids_of_nobody(client):
    assert faults(client.get(f"{COMPANIES}17/")) == {"id": "invalid"}
    assert refusal(client.get(f"{COMPANIES}{client.organisation.pk}/")) == (404, "NOT_FOUND")


def test_a_host_that_is_not_ours(client):
    assert refusal(client.get(COMPANIES, headers={"Host": "evil.example"})) == (400, "MALFORMED")


def test_a_browser_without_its_csrf_token(organisation):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(make_user(), "django.contrib.auth.backends.ModelBackend")

    answer = browser.post(COMPANIES, {"name": "Acme"}, JSON)

    assert refusal(answer) == (403, "CSRF_FAILED")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RuntimeError("secret"), 500, "INTERNAL_ERROR"),
        (OperationalError("secret"), 503, "TRY_AGAIN"),
        (InterfaceError("secret"), 503, "TRY_AGAIN"),
        (InternalError("secret"), 503, "TRY_AGAIN"),  # out of turn, by a pooler
        (SuspiciousOperation("secret"), 400, "MALFORMED"),
        (RequestDataTooBig("secret"), 413, "TOO_LARGE"),
    ],
)
@pytest.mark.parametrize("debug", [True, False])
def test_what_breaks_says_nothing_of_itself(client, settings, error, status, code, debug):
    settings.DEBUG = debug
    client.raise_request_exception = False
    places = [
        "crm.api.views.CompanyViewSet.list",
        "prospectflow.tenancy.middleware.TenantMiddleware._serve",
    ]

    for place in places:
        with patch(place, side_effect=error):
            answer = client.get(COMPANIES)
        assert b"secret" not in answer.content
        if place == places[0] or status in (500, 503):
            assert refusal(answer) == (status, code)


def test_a_text_too_long_for_its_index_is_the_senders_fault(client):
    with tenant(client.organisation.pk):
        company = make_company()
    long = "".join(chr(0x4E00 + number) for number in range(3000))

    with patch.object(Company, "save", lambda row, **kw: _write(company.pk, long)):
        answer = client.patch(f"{COMPANIES}{company.pk}/", {"name": "New"})

    assert refusal(answer) == (400, "MALFORMED")


def _write(pk, text):
    Company.objects.filter(pk=pk).update(name=text)
