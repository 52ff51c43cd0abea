"""The API describes itself truly, to whoever is signed in."""

import pytest
from django.test import Client, RequestFactory
from django.urls import resolve
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from prospectflow.api.queries import known
from prospectflow.testing.api import api_client, refusal
from prospectflow.testing.factories import make_user

DOCUMENT = "/api/v1/openapi.json"
PAGE = "/api/docs/"


@pytest.fixture(scope="module")
def document():
    return SchemaGenerator().get_schema(request=None, public=True)


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def test_it_is_openapi_3_1(document):
    validate_schema(document)
    assert document["openapi"].startswith("3.1")


def test_every_operation_names_the_refusals_and_headers_it_shares(document):
    for name, operation in operations(document):
        headers = {each["name"] for each in operation["parameters"] if each["in"] == "header"}
        method, detail = name.split()[0], "{" in name
        assert {"400", "401", "403", "406", "429", "503"} <= set(operation["responses"]), name
        assert ("404" in operation["responses"]) >= detail, name
        assert "X-Organisation" in headers, name
        assert ("Idempotency-Key" in headers) == (method == "post"), name
        assert ("If-Match" in headers) >= (method in ("put", "patch", "delete")), name
        session = {"session": []} if method == "get" else {"session": [], "csrf": []}
        assert operation["security"] == [{"bearer": []}, session], name


def test_a_browser_learns_what_its_session_must_bear(document):
    schemes = document["components"]["securitySchemes"]

    assert (schemes["session"]["in"], schemes["session"]["name"]) == ("cookie", "sessionid")
    assert (schemes["csrf"]["in"], schemes["csrf"]["name"]) == ("header", "X-CSRFToken")


def test_every_list_that_is_searched_is_also_exported_by_search(document):
    for name, operation in operations(document):
        if name.endswith("/export/"):
            of_list = document["paths"][name.removeprefix("get ").removesuffix("export/")]["get"]
            assert query(of_list) - query(operation) == {"cursor", "limit"}, name


def test_the_document_names_what_each_query_may_say_and_nothing_else(document):
    for name, operation in operations(document):
        method, path = name.split()
        found = resolve(path.replace("{id}", "1"))
        view = found.func.cls(**found.func.initkwargs)
        view.setup(RequestFactory().generic(method, path))
        view.action = found.func.actions[method]
        assert query(operation) == set(known(view, method.upper())), name


def query(operation):
    return {each["name"] for each in operation["parameters"] if each["in"] == "query"}


def test_what_is_made_says_where_it_is(document):
    made = [operation for _, operation in operations(document) if "201" in operation["responses"]]

    assert made
    assert all("Location" in each["responses"]["201"]["headers"] for each in made)


def test_bodies_take_no_other_fields(document):
    schema = document["components"]["schemas"]["CompanyRequest"]

    assert schema["additionalProperties"] is False
    assert "id" not in schema["properties"]


@pytest.mark.django_db
def test_the_document_is_for_whoever_is_signed_in():
    answer = api_client("viewer").get(DOCUMENT)

    assert answer.status_code == 200
    assert "/api/v1/companies/" in answer.json()["paths"]
    assert api_client("viewer").get("/api/v1/openapi.yaml").content.startswith(b"openapi: 3.1")
    assert refusal(Client().get(DOCUMENT)) == (401, "AUTHENTICATION_REQUIRED")


@pytest.mark.django_db
def test_the_page_is_for_whoever_is_signed_in():
    browser = Client()
    stranger = browser.get(PAGE)
    browser.force_login(make_user(), "django.contrib.auth.backends.ModelBackend")

    page = browser.get(PAGE)
    script = browser.get(f"{PAGE}?script=")

    assert (stranger.status_code, stranger["Location"]) == (302, "/login/?next=/api/docs/")
    assert b"swagger-ui" in page.content
    assert b"http://" not in page.content.replace(b"http://www.w3.org", b"")
    assert DOCUMENT.encode() in script.content
