"""What load balancers and supervisors hear, when all is well and when something is away."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from prospectflow.monitoring import health

pytestmark = pytest.mark.usefixtures("committed")


@pytest.fixture
def worker(committed):
    """A worker that was heard of just now."""
    return heard(seconds_ago=0)


def heard(*, seconds_ago):
    with connection.cursor() as cursor:
        moment = timezone.now() - timedelta(seconds=seconds_ago)
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (%s)", [moment])


def ready(**options):
    answer = Client(**options).get("/health/ready")
    return answer.status_code, answer.json()


def found(said):
    return {name: check["ok"] for name, check in said["checks"].items()}


@pytest.fixture
def _database_is_away(committed):
    before = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(HOST="127.0.0.1", PORT="1", PASSWORD="secret-word")
    yield
    connection.close()
    connection.settings_dict.update(before)


@pytest.mark.usefixtures("_database_is_away")
def test_a_process_that_runs_is_live_whatever_else_is_away():
    answer = Client().get("/health/live")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_probes_come_by_plain_http_under_any_name_and_leave_no_session(settings, caplog):
    settings.SECURE_SSL_REDIRECT = True
    settings.ALLOWED_HOSTS = ["prospects.example.com"]

    for path in ("/health/live", "/health/live/", "/health/ready"):
        answer = Client(headers={"host": "10.0.0.7:8000"}).get(path)
        assert answer.status_code == 200
        assert not answer.cookies
        assert answer["Cache-Control"] == "no-store"
    assert caplog.records == []


def test_what_is_needed_is_asked_and_each_answer_has_its_latency(worker):
    status, said = ready()

    assert (status, said["status"]) == (200, "ok")
    assert found(said) == dict.fromkeys(["database", "redis", "migrations", "worker"], True)
    assert all(check["milliseconds"] >= 0 for check in said["checks"].values())


def test_without_a_worker_pages_are_still_served_and_the_answer_says_so():
    heard(seconds_ago=3600)
    status, said = ready()

    assert (status, said["status"]) == (200, "degraded")
    assert said["checks"]["worker"]["sentence"].startswith("No worker is alive")


def test_without_redis_nobody_is_sent_here(settings, worker):
    caches = settings.CACHES["default"] | {"LOCATION": "redis://:secret-word@127.0.0.1:1/0"}
    settings.CACHES = {"default": caches}

    answer = Client().get("/health/ready")

    assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")
    assert answer.json()["checks"]["redis"]["sentence"] == "It does not answer."
    assert "secret-word" not in answer.text
    assert "127.0.0.1" not in answer.text


@pytest.mark.usefixtures("_database_is_away")
def test_without_the_database_nobody_is_sent_here_and_no_secret_is_told():
    answer = Client().get("/health/ready")
    away = {"database": False, "redis": True, "migrations": False, "worker": False}

    assert answer.status_code == 503
    assert found(answer.json()) == away
    for secret in ("secret-word", connection.settings_dict["USER"], "127.0.0.1"):
        assert secret not in answer.text


def test_a_version_that_is_newer_than_its_database_waits_for_the_migrations(worker, monkeypatch):
    known = health._known() | {("crm", "9999_to_come")}
    monkeypatch.setattr(health, "_known", lambda: known)
    status, said = ready()

    assert status == 503
    assert said["checks"]["migrations"]["sentence"] == (
        "1 migrations are not applied: run manage.py migrate."
    )


def test_a_version_that_is_older_than_its_database_serves_on(worker, monkeypatch):
    monkeypatch.setattr(health, "_known", lambda: frozenset({("outreach", "0001_initial")}))

    assert ready()[0] == 200


def test_nothing_can_be_changed_by_asking():
    for path in ("/health/live", "/health/ready", "/metrics"):
        assert Client().post(path).status_code == 405


def test_answers_are_json_that_ends_with_a_line():
    body = Client().get("/health/live").content

    assert json.loads(body) == {"status": "ok"}
    assert body.endswith(b"\n")
