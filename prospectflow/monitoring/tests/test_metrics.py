"""What Prometheus reads: for whom, under which names, and how things stand."""

import subprocess
from datetime import timedelta
from ipaddress import ip_network
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from outreach.models import Mailbox
from outreach.services.switches import stop_platform
from prospectflow import queue
from prospectflow.monitoring.middleware import CAMPAIGNS
from prospectflow.monitoring.statements import labels_of
from prospectflow.monitoring.tests.reading import TOKEN, Metrics, Since
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client
from prospectflow.testing.factories import make_campaign, make_mailbox, make_organisation
from prospectflow.testing.pooler import Pooler

pytestmark = pytest.mark.usefixtures("committed")


# For whom -------------------------------------------------------------------------------------
@pytest.fixture
def asked(settings):
    """The status of an answer to somebody who comes from elsewhere, and how they ask."""
    settings.METRICS_TOKEN = TOKEN
    settings.METRICS_ALLOWED = [ip_network("10.1.0.0/16"), ip_network("2001:db8::/32")]

    def asked(address="192.0.2.7", **headers):
        return Client().get("/metrics", REMOTE_ADDR=address, headers=headers).status_code

    return asked


@pytest.mark.parametrize("given", ["", TOKEN, f"Bearer {TOKEN}s", "Bearer ", "Bearer é"])
def test_a_stranger_reads_no_metrics(asked, given):
    assert asked(authorization=given) == 403


def test_whoever_bears_the_token_reads_them(asked):
    assert asked(authorization=f"Bearer {TOKEN}") == 200


@pytest.mark.parametrize("address", ["10.1.2.3", "2001:db8::7", "::ffff:10.1.2.3"])
def test_whoever_comes_straight_from_a_network_that_is_allowed_reads_them(asked, address):
    assert asked(address) == 200


@pytest.mark.parametrize("address", ["10.2.0.1", "2001:db9::7", "::ffff:10.2.0.1", "", "garbage"])
def test_any_other_address_does_not(asked, address):
    assert asked(address) == 403


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_behind_a_proxy_its_own_address_opens_nothing(asked, header):
    assert asked("10.1.2.3", **{header: "10.1.2.3"}) == 403


def test_without_a_token_no_empty_bearer_is_one(settings, asked):
    settings.METRICS_TOKEN = ""

    assert asked(authorization="Bearer ") == 403


# What they look like --------------------------------------------------------------------------
def test_the_format_is_what_prometheus_wants():
    Client().get("/login/")
    said = subprocess.run(
        ["promtool", "check", "metrics"],
        input=Metrics.now().text,
        capture_output=True,
        text=True,
    )

    assert (said.returncode, said.stdout + said.stderr) == (0, "")


def test_each_sample_says_of_which_service_and_environment_it_is(settings):
    settings.ENVIRONMENT = "rehearsal"
    found = {(each.labels["service"], each.labels["environment"]) for each in Metrics.now().samples}

    assert found == {("web", "rehearsal")}


def test_metrics_of_the_process_are_there():
    metrics = Metrics.now()

    assert metrics.value("process_resident_memory_bytes") > 10_000_000
    assert metrics.value("process_cpu_seconds_total") > 0


# Requests -------------------------------------------------------------------------------------
def test_a_request_is_counted_and_timed_by_method_route_and_status():
    since = Since()
    Client().get("/login/")
    Client().get("/u/a-token-of-somebody")
    labels = {"method": "GET", "route": "/u/<str:token>", "status_code": "200"}

    assert since("http_requests_total", **labels) == 1
    assert since("http_request_duration_seconds_count", **labels) == 1
    assert since("http_requests_total", route="/login/") == 1
    assert "a-token-of-somebody" not in Metrics.now().text


def test_what_leads_nowhere_and_odd_methods_make_no_series_of_their_own():
    since = Since()
    for number in range(3):
        Client().get(f"/api/v2/{number}/")
        Client().generic(f"ODD{number}", "/login/")
        Client().head(f"/static/admin/css/base.css?{number}")

    assert since("http_requests_total", route="/api/", status_code="404") == 3
    assert since("http_requests_total", method="other", route="/login/") == 3
    assert since("http_requests_total", route="static") == 3


def test_probes_and_scrapes_are_not_counted():
    since = Since()
    Client().get("/health/live")
    Client().get("/health/ready")

    assert since("http_requests_total") == 0


def test_campaigns_are_counted_as_they_are_asked_for():
    client, since = api_client("admin"), Since()
    made = client.post("/api/v1/campaigns/", {"name": "Spring"})
    one = f"/api/v1/campaigns/{made.json()['id']}/"
    client.get("/api/v1/campaigns/")
    client.get(one)
    client.get(one)
    client.patch(one, {"name": "Autumn"})
    client.patch(one, {"name": ""})

    assert since("prospectflow_campaigns_created_total") == 1
    for asked, times in (("list", 1), ("details", 2), ("update", 1)):
        assert since(f"prospectflow_campaigns_{asked}_total") == times
        assert since(f"prospectflow_campaigns_{asked}_duration_seconds_count") == times


@pytest.mark.parametrize("name", sorted({name for _, name in CAMPAIGNS}))
def test_what_is_asked_of_campaigns_is_known_by_addresses_that_there_are(name):
    one = [uuid4()] if name.endswith(("detail", "change", "campaign")) else []

    assert "campaign" in reverse(name, args=one)


# Statements -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("sql", "labels"),
    [
        ('SELECT "companies"."id" FROM "companies" WHERE true', ("select", "crm")),
        ("INSERT INTO outreach.tasks (id) VALUES (%s)", ("insert", "outreach")),
        ('UPDATE "users" SET "name" = %s', ("update", "iam")),
        ("DELETE FROM campaign_daily_stats", ("delete", "tracking")),
        ("SELECT * FROM iam.admit_bearer(%s)", ("select", "iam")),
        ("WITH told AS (SELECT 1) UPDATE outreach.tasks t SET id = 1", ("update", "outreach")),
        ("WITH a AS (SELECT * FROM people FOR UPDATE OF people) TABLE a", ("select", "crm")),
        ("SELECT FROM procrastinate_jobs", ("select", "public")),
        ("SELECT set_config('app.organisation_id', %s, true)", ("select", "other")),
        ("VACUUM", ("other", "other")),
        ("", ("other", "other")),
    ],
)
def test_a_statement_is_labelled_by_what_it_does_and_where(sql, labels):
    assert labels_of(sql) == labels


def test_statements_are_timed_also_when_they_fail():
    since = Since()
    with tenant(make_organisation().pk):
        assert not Mailbox.objects.exists()
    with pytest.raises(Exception, match="app.organisation_id"), transaction.atomic():
        Mailbox.objects.exists()

    labels = {"operation": "select", "schema": "outreach"}
    assert since("db_query_duration_seconds_count", **labels) >= 2


# How things stand -----------------------------------------------------------------------------
def test_jobs_that_are_due_are_told_with_the_age_of_the_oldest():
    mailbox = make_organisation().pk
    with transaction.atomic():
        queue.defer("prospectflow.look_after", organisation_id=mailbox)
        queue.defer("prospectflow.count_statistics", organisation_id=mailbox, at=at(seconds=-90))
        queue.defer("prospectflow.write_drafts", organisation_id=mailbox, at=at(seconds=90))
    metrics = Metrics.now()

    assert metrics.value("queue_depth", queue="upkeep") == 2
    assert metrics.value("queue_depth", queue="imports") == 0
    assert 90 <= metrics.value("queue_oldest_job_seconds", queue="upkeep") < 120
    assert metrics.labels("queue_depth") == {"queue"}
    assert {"imports", "reading", "sending", "upkeep", "verification"} == {
        each.labels["queue"] for each in metrics.samples if each.name == "queue_depth"
    }


def at(**distance):
    return timezone.now() + timedelta(**distance)


def test_campaigns_mailboxes_and_inboxes_are_told_of_all_organisations_together():
    for name in ("Acme", "Other"):
        with tenant(make_organisation(name=name).pk):
            make_campaign(status="running")
            make_mailbox(address=f"a@{name.lower()}.example", last_synced_at=at(minutes=-10))
            broken = {"status": "broken", "last_synced_at": at(days=-9)}
            make_mailbox(address=f"b@{name.lower()}.example", **broken)
    metrics = Metrics.now()

    assert metrics.value("active_campaigns") == 2
    assert metrics.value("prospectflow_mailboxes", status="active") == 2
    assert metrics.value("prospectflow_mailboxes", status="broken") == 2
    assert 600 <= metrics.value("prospectflow_inbox_lag_seconds") < 700
    assert "@" not in metrics.text


def test_the_door_tells_numbers_and_states_alone():
    with tenant(make_organisation().pk):
        make_mailbox(address="ada@acme.example")
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM outreach.monitored(now())")
        told = [(figure, state, type(value)) for figure, state, value in cursor.fetchall()]

    assert told == [("mailboxes", "active", float), ("inbox lag", "", float)]


def test_workers_are_told_and_those_that_fell_silent_are_not():
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (%s), (%s)",
            [at(seconds=-7), at(hours=-1)],
        )
    metrics = Metrics.now()

    assert metrics.value("prospectflow_workers") == 1
    assert 7 <= metrics.value("prospectflow_worker_heartbeat_seconds") < 30


def test_that_all_sending_is_stopped_is_told():
    assert Metrics.now().value("prospectflow_sending_stopped") == 0

    stop_platform(reason="A wrong price.", at=timezone.now())

    assert Metrics.now().value("prospectflow_sending_stopped") == 1


def test_the_last_backup_is_told_by_its_name_and_none_as_long_ago(settings, tmp_path):
    settings.BACKUP_DIRECTORY = tmp_path
    assert Metrics.now().value("prospectflow_last_backup_timestamp_seconds") == 0

    for name in ("prospectflow_full_20261124_020000", "prospectflow_full_20261123_020000"):
        for ending in (".dump.zst", ".json"):
            (tmp_path / f"{name}{ending}").touch()

    assert Metrics.now().value("prospectflow_last_backup_timestamp_seconds") == 1795485600


def test_the_pool_is_told_as_pgbouncer_sees_it(settings, owner_url):
    url = "postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**connection.settings_dict)
    pooler = Pooler(url, clients=100)
    console = dict(connection.settings_dict) | {"PORT": pooler.port, "NAME": "pgbouncer"}
    settings.PGBOUNCER_STATS = console
    try:
        metrics = Metrics.now()
    finally:
        pooler.remove()

    assert metrics.value("db_connection_pool_limit") == 100
    assert metrics.value("db_connection_pool_size", state="client_waiting") == 0
    assert metrics.value("prospectflow_reading_ok", reading="pool") == 1


def test_without_a_pooler_the_sessions_of_this_role_are_told():
    metrics = Metrics.now()

    assert metrics.labels("db_connection_pool_size") == {"state"}
    assert metrics.value("db_connection_pool_limit") > 10


def test_what_cannot_be_read_is_told_and_keeps_nothing_else_back(settings, caplog):
    away = {"HOST": "127.0.0.1", "PORT": 1, "USER": "x", "PASSWORD": "secret-word", "NAME": "x"}
    settings.PGBOUNCER_STATS = away
    metrics = Metrics.now()

    assert metrics.value("prospectflow_reading_ok", reading="pool") == 0
    assert metrics.value("prospectflow_reading_ok", reading="queue") == 1
    assert "secret-word" not in metrics.text + caplog.text


def test_without_the_database_this_process_still_tells_what_it_counted():
    Client().get("/login/")
    before = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(PORT="1")
    try:
        metrics = Metrics.now()
    finally:
        connection.close()
        connection.settings_dict.update(before)

    assert metrics.value("http_requests_total", route="/login/") >= 1
    assert metrics.value("prospectflow_reading_ok", reading="outreach") == 0
