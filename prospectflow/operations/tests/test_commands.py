"""The commands that rule embedded servers and check migrations."""

import json
import os
import socket
import subprocess
import sys

import psycopg
import pytest
from django.conf import settings as project_settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from prospectflow.operations import embedded
from prospectflow.operations.demo.web import NotThisMachine, listening_address
from prospectflow.operations.management.commands.check_migrations import to_zero
from prospectflow.operations.scratch import scratch_database


@pytest.fixture
def local(settings, tmp_path):
    """The project, moved to a folder without servers."""
    settings.DEBUG = True  # the test runner turns it off
    settings.LOCAL_DIRECTORY = tmp_path / ".local"
    yield settings.LOCAL_DIRECTORY
    embedded.stop(settings.LOCAL_DIRECTORY)


def test_start_status_and_stop_say_what_runs(local, capsys):
    call_command("embedded", "start")
    pid = embedded.status(local).postgres.pid
    assert f"postgres: running, pid {pid}, postgres " in capsys.readouterr().out
    call_command("embedded", "stop")
    assert "postgres: stopped" in capsys.readouterr().out
    call_command("embedded", "status")
    assert "mail: stopped" in capsys.readouterr().out


@pytest.mark.parametrize("answer", ["", "n", "perhaps"])
def test_reset_deletes_nothing_unless_told_yes(local, monkeypatch, answer):
    embedded.start(local)
    monkeypatch.setattr("builtins.input", lambda question: answer)
    with pytest.raises(CommandError, match="Nothing was deleted"):
        call_command("embedded", "reset")
    assert embedded.status(local).postgres.running


def test_reset_deletes_once_told_yes(local):
    embedded.start(local)
    call_command("embedded", "reset", "--yes")
    assert not (local / "postgres").exists()


@pytest.mark.parametrize("command", [["embedded", "start"], ["check_migrations"]])
def test_nothing_embedded_runs_beside_a_configured_database(local, settings, command):
    settings.EMBEDDED = False
    with pytest.raises(CommandError, match="DATABASE_URL is set") as refusal:
        call_command(*command)
    assert refusal.value.returncode == 2
    assert not local.exists()


def test_nothing_embedded_runs_with_debug_off(local, settings):
    settings.DEBUG = False
    with pytest.raises(CommandError, match="set DATABASE_URL to a PostgreSQL 18 server"):
        call_command("embedded", "start")
    assert not local.exists()


def test_a_refusal_of_the_servers_is_one_sentence(settings, tmp_path):
    settings.DEBUG = True
    settings.LOCAL_DIRECTORY = tmp_path / "file"
    settings.LOCAL_DIRECTORY.touch()
    with pytest.raises(CommandError, match="cannot use") as refusal:
        call_command("embedded", "start")
    assert refusal.value.returncode == 2


def test_migrations_that_leave_a_table_behind_are_refused(django_db_setup, django_db_blocker):
    before = dict(connection.settings_dict)
    with django_db_blocker.unblock(), scratch_database():
        scratch = connection.settings_dict["NAME"]
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE public.left_behind ()")
        with pytest.raises(CommandError, match=r"still holds public\.left_behind\."):
            to_zero()
    assert connection.settings_dict == before
    url = embedded.database_url(project_settings.LOCAL_DIRECTORY, database=scratch)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)


def test_a_command_follows_the_servers_to_new_ports(tmp_path):
    local = tmp_path / ".local"
    ports = embedded.status(local).postgres.port, embedded.status(local).valkey.port
    connect = "from django.db import connection; connection.ensure_connection()"
    with (
        socket.create_server(("127.0.0.1", ports[0])),
        socket.create_server(("127.0.0.1", ports[1])),
    ):
        command = subprocess.run(
            [
                sys.executable,
                "manage.py",
                "shell",
                "--no-imports",
                "-c",
                f"{connect}; print('hello')",
            ],
            cwd=project_settings.BASE_DIR,
            env=os.environ | {"LOCAL_DIRECTORY": str(local)},
            capture_output=True,
            text=True,
        )
    embedded.stop(local)
    assert (command.stdout, command.stderr) == ("hello\n", "")
    assert set(json.loads((local / "servers.json").read_text())["ports"].values()).isdisjoint(ports)


@pytest.mark.parametrize(
    "address", ["https://127.0.0.1:8443", "http://prospects.example.com", "http://10.0.0.1:8000"]
)
def test_a_laptop_serves_nobody_elsewhere(address, settings):
    with pytest.raises(NotThisMachine, match="leads to another machine"):
        listening_address(address)


def test_serving_at_a_taken_port_is_one_sentence(settings, committed):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings.PUBLIC_URL, settings.DEBUG = f"http://127.0.0.1:{port}", True

        with pytest.raises(CommandError, match=f"Port {port} of 127.0.0.1 is taken") as refusal:
            call_command("serve")

    assert refusal.value.returncode == 2


def test_serving_for_a_laptop_is_refused_on_a_server(settings, committed):
    settings.DEBUG = False

    with pytest.raises(CommandError, match="run granian") as refusal:
        call_command("serve")

    assert refusal.value.returncode == 2
