"""The doctor tells how things stand, what to do where something needs attention, and no secret."""

import io
import json
import shutil
from collections import namedtuple
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from outreach.models import Platform
from outreach.services.switches import stop_platform
from prospectflow.operations.backups.copying import NOTE
from prospectflow.operations.backups.names import Name
from prospectflow.operations.doctor import SUBJECTS, configuration, machine, servers
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_mailbox, make_organisation

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def _a_worker(settings, tmp_path):
    """All is well: a worker is alive, and nothing is said of this machine's own backups."""
    settings.BACKUP_DIRECTORY = tmp_path
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers DEFAULT VALUES")


def asked(subject: str):
    """What is found of one subject: by name, what is told and advised."""
    return {each.name: each for each in SUBJECTS[subject](timezone.now())}


def advised(subject: str) -> dict[str, str]:
    return {each.name: each.advice for each in asked(subject).values() if each.advice}


def said(*arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("doctor", *arguments, stdout=out)
    except SystemExit as ended:
        return ended.code, out.getvalue()
    return 0, out.getvalue()


def test_one_page_names_every_subject_and_ends_with_0():
    code, page = said()

    assert (code, page.splitlines()[-1]) == (0, "Nothing needs attention.")
    assert {subject for subject in SUBJECTS if f"  {subject}  " not in page} == set()


def test_whatever_needs_attention_ends_it_with_1_and_says_what_to_do():
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_workers")

    code, page = said()

    assert (code, page.splitlines()[-1]) == (1, "1 need attention.")
    assert "→ No worker is alive" in page


def test_a_program_reads_the_same(settings):
    code, page = said("--format", "json")

    told = json.loads(page)
    assert (code, told["ok"], told["need_attention"]) == (0, True, 0)
    assert list(told["subjects"]) == list(SUBJECTS)
    assert all(finding["ok"] for found in told["subjects"].values() for finding in found)
    secrets = [settings.SECRET_KEY, *settings.TOKEN_KEYS, *settings.CREDENTIAL_KEYS]
    secrets.append(settings.DATABASES["default"]["PASSWORD"])
    assert not [secret for secret in secrets if secret in page]


def test_a_server_that_is_away_is_a_finding_and_the_others_are_asked_all_the_same(settings):
    settings.CACHES = {
        "default": settings.CACHES["default"] | {"LOCATION": "redis://:hunter2@127.0.0.1:1/0"}
    }

    code, page = said("--format", "json")

    subjects = json.loads(page)["subjects"]
    assert code == 1
    assert subjects["sessions"][-1]["told"] == "ConnectionError"
    assert subjects["role"][0]["ok"]
    assert "hunter2" not in page


def test_a_pooler_that_is_silent_is_a_finding(settings):
    settings.PGBOUNCER_STATS = settings.DATABASES["default"] | {"HOST": "127.0.0.1", "PORT": 1}

    subjects = json.loads(said("--format", "json")[1])["subjects"]

    assert "PGBOUNCER_STATS_URL" in subjects["connections"][0]["advice"]


def test_broken_mailboxes_are_named_by_their_organisation_alone():
    acme, other = make_organisation(slug="acme"), make_organisation(slug="other")
    with tenant(acme.pk):
        make_mailbox(address="ada@acme.example", status="broken")
    with tenant(other.pk):
        make_mailbox(last_synced_at=timezone.now())

    found = asked("mailboxes")

    assert found["all"].told == "1 active, 1 broken"
    assert found["broken"].told == "1 of acme"
    assert found["broken"].advice
    assert "ada@" not in str(found)


@pytest.mark.parametrize(("hours", "late"), [(0, False), (1, True)])
def test_an_inbox_that_nobody_reads_needs_attention(hours, late):
    with tenant(make_organisation().pk):
        make_mailbox(last_synced_at=timezone.now() - hours * HOUR)

    assert ("inboxes" in advised("mailboxes")) is late


def test_a_restored_copy_and_a_stop_need_attention():
    assert advised("sending") == {}

    Platform.objects.update(database_mark="1:2:3")
    assert "confirm_restore" in advised("sending")["mails"]

    stop_platform(reason="A wrong price", at=timezone.now())
    assert "A wrong price" in advised("sending")["mails"]


@pytest.mark.parametrize(("minutes", "late"), [(1, False), (16, True)])
def test_a_job_that_waits_long_needs_attention(minutes, late):
    due = timezone.now() - timedelta(minutes=minutes)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, scheduled_at)"
            " VALUES ('sending', 'x', %s)",
            [due],
        )

    assert ("sending" in advised("queue")) is late


@pytest.mark.parametrize(("power", "told"), [([], ""), (["It is a superuser."], "superuser")])
def test_a_role_that_could_slip_past_the_policies_needs_attention(monkeypatch, power, told):
    monkeypatch.setattr(servers, "powers", lambda connection: power)

    assert told in str(advised("role"))
    assert bool(advised("role")) is bool(power)


@pytest.mark.parametrize(("seconds", "apart"), [(0, set()), (60, {"PostgreSQL", "Redis"})])
def test_a_clock_that_is_wrong_needs_attention(monkeypatch, seconds, apart):
    def now():
        return real() + timedelta(seconds=seconds)

    real = timezone.now
    monkeypatch.setattr(servers.timezone, "now", now)

    assert advised("clocks").keys() == apart


@pytest.mark.parametrize(
    ("total", "free", "short"), [(10**12, 10**11 * 2, False), (10**12, 10**10, True)]
)
def test_a_disk_that_is_nearly_full_needs_attention(monkeypatch, total, free, short):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(total, total - free, free))

    assert bool(advised("disk")) is short


@pytest.mark.parametrize(
    ("made", "on_a_laptop", "ill"),
    [(None, False, True), (27, False, True), (25, False, False), (None, True, False)],
)
def test_a_server_without_a_backup_of_this_day_needs_attention(
    monkeypatch, settings, made, on_a_laptop, ill
):
    made_at = made and timezone.now() - made * HOUR
    monkeypatch.setattr(machine, "newest", lambda directory: made_at)
    settings.EMBEDDED = on_a_laptop

    assert bool(advised("backup")) is ill


@pytest.mark.parametrize(("copied", "ill"), [(None, True), (28, True), (26, False)])
def test_a_backup_that_was_not_copied_elsewhere_needs_attention(settings, tmp_path, copied, ill):
    settings.EMBEDDED = False
    assert "the newest copy" not in asked("backup")

    settings.BACKUP_COPY_TO = "s3://backups/acme"
    if copied:
        name = Name("full", (), timezone.now() - copied * HOUR)
        files = [name.archive(encrypted=False), name.manifest]
        (tmp_path / NOTE).write_text(json.dumps({"to": settings.BACKUP_COPY_TO, "files": files}))

    assert ("the newest copy" in advised("backup")) is ill


WELL = {
    "EMBEDDED": False,
    "ALLOWED_HOSTS": ["a.example"],
    "PUBLIC_URL": "https://a.example",
    "LOG_LEVEL": "INFO",
}
KEY = "the same for both"


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({}, None),
        ({"DEBUG": True}, "DEBUG"),
        ({"ALLOWED_HOSTS": ["*"]}, "ALLOWED_HOSTS"),
        ({"ALLOWED_HOSTS": ["b.example"]}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "http://a.example"}, "PUBLIC_URL"),
        ({"TOKEN_KEYS": [KEY], "CREDENTIAL_KEYS": ["x", KEY]}, "CREDENTIAL_KEYS"),
        ({"PGBOUNCER_STATS": {"HOST": "p", "PORT": 1}}, "WORKER_DATABASE_URL"),
        ({"LOG_LEVEL": "ERROR"}, "LOG_LEVEL"),
        ({"SECURE_HSTS_SECONDS": 0}, "security.W004"),
    ],
)
def test_a_setting_that_looks_wrong_is_named_and_its_value_is_not_shown(
    monkeypatch, settings, wrong, name
):
    if "SECURE_HSTS_SECONDS" not in wrong:  # the tests' own settings are none of a server's
        monkeypatch.setattr(configuration, "_framework", lambda: iter(()))
    settings.WORKER_DATABASE = {"HOST": "p", "PORT": 1}
    for key, value in (WELL | wrong).items():
        setattr(settings, key, value)

    found = advised("settings")

    assert KEY not in str(found)
    assert (name in found) if name else (found == {})
