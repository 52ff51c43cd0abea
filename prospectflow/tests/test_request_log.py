"""Each request is one entry of the log: for whom, how it ended, how long it took, and no secret."""

import logging
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client

from prospectflow.logs.hiding import HIDDEN
from prospectflow.testing.api import api_client
from prospectflow.testing.factories import NOON, make_user

pytestmark = pytest.mark.django_db
TOKEN = "sesame-open-sesame-open"  # noqa: S105
COMPANIES = "/api/v1/companies/"


@pytest.fixture
def told(entries, monkeypatch):
    """What a server's log says, from INFO on, as a function."""
    monkeypatch.setattr(logging.getLogger(), "level", logging.INFO)
    logging.getLogger().manager._clear_cache()
    yield entries
    logging.getLogger().manager._clear_cache()


def ends(entries, event="request_finished"):
    return [entry for entry in entries if entry["event"] == event]


def test_a_request_tells_for_whom_how_it_ended_and_how_long_it_took(told):
    api = api_client("viewer")
    agent = {"User-Agent": "sync/2"}

    answer = api.get(COMPANIES, headers=agent)

    (entry,) = ends(told())
    assert (entry["method"], entry["url"]) == ("GET", COMPANIES)
    assert (entry["statusCode"], entry["level"]) == (200, "info")
    assert entry["requestId"] == answer.headers["X-Request-ID"]
    assert entry["organisationId"] == str(api.organisation.pk)
    assert UUID(entry["userId"])
    assert entry["durationMs"] >= 0
    assert (entry["ip"], entry["userAgent"]) == ("127.0.0.1", "sync/2")


def test_every_line_within_a_request_names_whom_it_serves(told, monkeypatch):
    def answer(*_):
        logging.getLogger("crm").warning("Something odd")
        return {}

    api = api_client("viewer")
    monkeypatch.setattr("crm.api.views.CompanyViewSet.get_queryset", answer)
    api.raise_request_exception = False

    api.get(COMPANIES)

    (entry,) = ends(told(), "Something odd")
    assert entry["organisationId"] == str(api.organisation.pk)
    assert entry["userId"]


def test_nothing_of_one_request_stands_in_the_next(told):
    api_client("viewer").get(COMPANIES)
    Client().get("/login/")

    first, second = ends(told())
    assert {"organisationId", "userId"} <= first.keys()
    assert not {"organisationId", "userId"} & second.keys()
    assert first["requestId"] != second["requestId"]


@pytest.mark.parametrize("name", ["X-Request-ID", "X-Correlation-ID", "X-Trace-ID"])
def test_an_id_that_a_proxy_gave_is_taken_over_and_returned(told, name):
    answer = Client().get("/login/", headers={name: "given-by-a-proxy"})

    (entry,) = ends(told())
    assert answer.headers["X-Request-ID"] == entry["requestId"] == "given-by-a-proxy"


def test_the_first_well_formed_id_counts(told):
    given = {"X-Request-ID": "x y", "X-Trace-ID": "third-of-all", "X-Correlation-ID": "second-one"}

    assert Client().get("/login/", headers=given).headers["X-Request-ID"] == "second-one"


@pytest.mark.parametrize(
    "path", ["/health/live", "/health/ready", "/metrics", "/favicon.ico", "/static/x.css"]
)
def test_what_machines_ask_every_few_seconds_is_not_told(told, path):
    Client().get(path)

    assert told() == []


@pytest.mark.parametrize(
    ("path", "url"),
    [
        (f"/u/{TOKEN}", f"/u/{HIDDEN}"),
        (f"/t/{TOKEN}.gif", f"/t/{HIDDEN}"),
        (f"/oidc/callback/?code={TOKEN}&state=x", "/oidc/callback/"),
        ("/crm/person/?q=jean.martin@example.fr", "/crm/person/"),
    ],
)
def test_an_address_is_told_without_its_token_and_its_query(told, written, path, url):
    Client().get(path)

    assert ends(told())[0]["url"] == url
    assert TOKEN not in "".join(written())
    assert "jean.martin" not in "".join(written())


def test_a_refusal_is_a_warning(told):
    Client().get("/api/v1/nothing/")

    (entry,) = told()
    assert (entry["event"], entry["statusCode"], entry["level"]) == (
        "request_finished",
        404,
        "warning",
    )


def test_an_error_of_ours_is_told_once_with_its_traceback(told, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("out of paper")

    monkeypatch.setattr("outreach.views.unsubscribe", broken)

    Client(raise_request_exception=False).post(f"/u/{TOKEN}")

    (entry,) = told()
    assert (entry["event"], entry["statusCode"], entry["level"]) == ("request_failed", 500, "error")
    assert entry["exception"].endswith("RuntimeError: out of paper")
    assert entry["url"] == f"/u/{HIDDEN}"


def test_nobody_is_looked_up_for_the_sake_of_the_log(client, django_assert_num_queries, told):
    client.force_login(make_user())

    with django_assert_num_queries(0):
        client.get(f"/u/{TOKEN}")


def test_a_slow_request_is_a_warning_of_its_own(told, settings, monkeypatch):
    moments = iter([NOON.timestamp(), (NOON + timedelta(seconds=3)).timestamp()])
    monkeypatch.setattr("prospectflow.logs.requests.perf_counter", lambda: next(moments))
    settings.SLOW_REQUEST_MS = 1000

    Client().get("/api/v1/nothing/")

    slow, ended = told()
    assert (slow["event"], slow["level"], slow["durationMs"]) == ("slow_request", "warning", 3000)
    assert slow["url"] == ended["url"] == "/api/v1/nothing/"


@pytest.mark.parametrize(("least", "told_of"), [(10, ["slow_query"]), (100_000, [])])
def test_a_slow_query_is_told_by_its_text_and_never_its_values(told, settings, least, told_of):
    settings.SLOW_QUERY_MS = least
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s, pg_sleep(0.02)", ["jean.martin"])

    assert [entry["event"] for entry in told()] == told_of
    assert "jean.martin" not in str(told())
    assert all(entry["sql"] == "SELECT %s, pg_sleep(0.02)" for entry in told())
