"""Each command that docs/operations.md tells people to type is typed here, or in the rehearsal."""

import io
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class
from django.db import connection

from deploy.rehearsal.compose_commands import parsed
from deploy.rehearsal.composition import resolved
from deploy.rehearsal.page import OPERATIONS, sections, words
from prospectflow.errors import DomainError
from prospectflow.operations.embedded import postgres
from prospectflow.operations.tests.stages import STAGES, Place, staged
from prospectflow.operations.tests.test_deployment import PROFILES, given
from prospectflow.testing import processes

PLAIN = {
    heading: [each for each in commands if not each.startswith("docker compose")]
    for heading, commands in sections().items()
}
COMPOSE = sorted(
    set(re.findall(r"`(docker compose [^`]+)`", OPERATIONS.read_text()))
    | {each for every in sections().values() for each in every if each.startswith("docker")}
)
INLINE = sorted(set(re.findall(r"`(?:python )?manage\.py ([^`…|]+)`", OPERATIONS.read_text())))
UNTIL_TOLD = ("python manage.py worker", "python manage.py worker --queues sending,reading")
# The rest is typed in this process, which costs no start of Django's.
IN_A_SHELL = re.compile(
    r"[A-Z_]+=|deploy/|python manage\.py (worker|import_prospects|migrate|restore |backup )"
)
ANSWERS = {
    "python manage.py sending status --organisation acme": 1,  # no mail leaves
    "python manage.py doctor": 1,  # no worker is alive
    "python manage.py doctor --format json": 1,
}
WHEN_ASKED = "yes\n"


@pytest.fixture
def place(tmp_path, owner_url, committed, settings):
    return Place(tmp_path, owner_url, settings)


def typed(command, place, monkeypatch):
    """The command's exit code, and what it printed where that is known."""
    real = command
    for example, found in place.real.items():
        real = real.replace(example, found)
    if command in UNTIL_TOLD:
        return told_to_end(words(real), place)
    if IN_A_SHELL.match(command):
        return in_a_shell(real, place)
    monkeypatch.chdir(place.folder)
    monkeypatch.setattr("sys.stdin", io.StringIO(WHEN_ASKED))
    return here(words(real)[1:]), ""


def here(argv):
    """What manage.py does with these words, without a process of its own."""
    command = load_command_class(get_commands()[argv[1]], argv[1])
    try:
        command.run_from_argv(argv)
    except SystemExit as ended:
        return ended.code or 0
    except DomainError as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 2
    return 0


def environment(place):
    programs = [Path(sys.executable).parent, postgres.binaries(), os.environ["PATH"]]
    told = processes.environment() | place.environment | {"PATH": ":".join(map(str, programs))}
    return {key: value for key, value in told.items() if value}


def in_a_shell(command, place):
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=place.folder,
        env=environment(place),
        input=WHEN_ASKED,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


def told_to_end(argv, place):
    """A worker, which is told to end once it has begun."""
    with subprocess.Popen(
        argv, cwd=place.folder, env=environment(place), stderr=subprocess.PIPE, text=True
    ) as worker:
        while worker.poll() is None and not anybody_works():
            time.sleep(0.05)
        worker.send_signal(signal.SIGTERM)
        _, complaint = worker.communicate(timeout=60)
    return worker.returncode, complaint


def anybody_works():
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM procrastinate_workers)")
        return cursor.fetchone()[0]


@pytest.mark.parametrize("heading", [heading for heading, commands in PLAIN.items() if commands])
def test_each_command_of_the_page_does_its_work(heading, place, monkeypatch, capsys):
    with staged(heading, place):
        for command in PLAIN[heading]:
            place.before_each()
            code, told = typed(command, place, monkeypatch)
            assert code == ANSWERS.get(command, 0), (command, told, capsys.readouterr())


def test_every_stage_has_its_section():
    assert set(STAGES) - set(sections()) == set()


@pytest.mark.parametrize("command", COMPOSE)
def test_a_command_for_compose_names_services_that_are_there(command):
    given_words = parsed(words(command))
    found = resolved(given(), *PROFILES)["services"]
    named = {*getattr(given_words, "services", ()), getattr(given_words, "service", "web")}

    assert named - set(found) == set()
    assert set(given_words.profile or ()) - set(PROFILES) == set()


@pytest.mark.parametrize("command", INLINE)
def test_a_command_within_a_sentence_exists_with_its_options(command):
    name, *options = re.sub(r"[\[\]]", "", command).split()
    parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
    known = {flag for action in parser._actions for flag in action.option_strings}

    assert {option for option in options if option.startswith("--")} - known == set()


def test_the_page_is_read_as_it_is_written():
    assert "deploy/make-secrets .env" in PLAIN["Installing"]
    assert PLAIN["Roles"][0].endswith("psql -X -v ON_ERROR_STOP=1 -f deploy/database/bootstrap.sql")
    assert len(COMPOSE) > 15
