"""manage.py backup: what it prints, how it ends, and what it leaves when it is killed."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import psycopg
import pytest
from django.conf import settings as project_settings
from django.core.management import call_command
from django.core.management.base import CommandError
from psycopg.conninfo import conninfo_to_dict

from prospectflow.operations.backups import trying
from prospectflow.operations.backups.archives import checked
from prospectflow.operations.backups.connecting import conninfo
from prospectflow.operations.backups.locking import alone
from prospectflow.operations.backups.names import Name
from prospectflow.operations.backups.retention import newest
from prospectflow.operations.embedded import postgres
from prospectflow.operations.management.commands import backup
from prospectflow.testing import processes

from .asking import listed

SOMEBODY = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
NAME = r"prospectflow_full_\d{8}_\d{6}\.dump\.zst"
TOLD = r"[\d,]+ rows of \d+ tables, \d\.\d MB, in \d+\.\d s; \d expired file\(s\) deleted"
WAITING = (
    "SELECT application_name FROM pg_stat_activity"
    " WHERE wait_event_type = 'Lock' AND datname = current_database()"
)
TRIALS = (
    "SELECT datname FROM pg_database WHERE starts_with(datname, current_database() || '_trial')"
)


@pytest.fixture
def said(owner_url, folder, monkeypatch, capsys):
    """Run the command as the owner; what it printed."""
    monkeypatch.setattr(backup, "owner_url", lambda: owner_url)

    def said(*arguments):
        call_command("backup", *arguments)
        return capsys.readouterr().out

    return said


def refusal(said, *arguments):
    with pytest.raises(CommandError) as caught:
        said(*arguments)
    return caught.value.returncode, str(caught.value)


def start(owner_url, folder, *arguments):
    """Start the command as an operator would, in a process of its own."""
    own = {
        "DATABASE_URL": owner_url,
        "BACKUP_DIRECTORY": str(folder),
        "PATH": f"{postgres.binaries()}:{os.environ['PATH']}",
    }
    return subprocess.Popen(
        [sys.executable, "manage.py", "backup", *arguments],
        cwd=project_settings.BASE_DIR,
        env=processes.environment() | own,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def held_up(owner_url):
    """Let nobody read the companies; how to wait until a program of this name wants to."""
    with (
        psycopg.connect(owner_url) as holder,
        psycopg.connect(owner_url, autocommit=True) as watcher,
    ):
        holder.execute("LOCK TABLE crm.companies IN ACCESS EXCLUSIVE MODE")

        def until(program, process):
            while (program,) not in watcher.execute(WAITING).fetchall():
                assert process.poll() is None, process.communicate()
                time.sleep(0.05)

        yield until


def sessions_end(owner_url):
    """Wait until PostgreSQL has ended the sessions of the killed."""
    with psycopg.connect(owner_url, autocommit=True) as watcher:
        while watcher.execute(WAITING).fetchall():
            time.sleep(0.05)


def test_it_prints_what_was_made_where(said, folder):
    printed = said("full")

    (archive,) = folder.glob("*.zst")
    assert re.fullmatch(rf"{NAME}: {TOLD}\.\n", printed)
    assert printed.startswith(archive.name)


def test_one_schema_goes_where_it_is_told(said, tmp_path, folder):
    said("data", "--schema", "crm", "--to", str(tmp_path / "elsewhere"))

    (archive,) = (tmp_path / "elsewhere").glob("prospectflow_data_crm_*.zst")
    assert checked(archive).manifest.schemas == ("crm",)
    assert not folder.exists()


def test_elsewhere_nothing_of_anybodys_is_deleted(said, tmp_path):
    expired = tmp_path / "prospectflow_data_crm_20200101_020000.dump.zst"
    expired.touch()

    assert "0 expired file(s) deleted" in said("data", "--schema", "crm", "--to", str(tmp_path))
    assert expired.exists()


def test_each_run_tells_the_log_one_line(said, caplog):
    said("full")
    said("schema")

    lines = [(each.levelname, each.getMessage()) for each in caplog.records]
    assert [level for level, _ in lines] == ["INFO", "INFO"]
    assert lines[0][1].startswith("Backed up prospectflow_full_")


def test_what_has_expired_is_deleted_and_what_killed_runs_left(said, folder):
    left = folder / "prospectflow_abc.partial"
    left.mkdir(parents=True)
    (left / "dump").touch()
    somebodys = folder / "photos.partial"
    somebodys.mkdir()
    expired = folder / "prospectflow_full_20200101_020000.dump.zst"
    expired.touch()

    assert "1 expired file(s) deleted" in said("full")
    assert not left.exists()
    assert somebodys.exists()
    assert not expired.exists()


def test_a_trial_restore_leaves_nothing_behind(said, owner_url, folder, identity):
    assert re.match(rf"{NAME}\.age", said("full", "--trial-restore"))

    assert not list(folder.glob("*.partial"))

    with psycopg.connect(owner_url) as owner:
        assert owner.execute(TRIALS).fetchall() == []


def test_a_trial_that_finds_other_rows_than_were_counted_has_failed(
    said, owner_url, folder, monkeypatch
):
    monkeypatch.setattr(trying, "load", _losing_organisations(trying.load))

    code, sentence = refusal(said, "full", "--trial-restore")

    assert code == 1
    assert re.search(r"/prospectflow_failed_full_.*iam.organisations has 0", sentence)
    with psycopg.connect(owner_url) as owner:
        assert owner.execute(TRIALS).fetchall() == []
    (kept,) = folder.glob("*.zst")
    assert checked(kept).manifest.mark == "failed"
    assert newest(folder) is None


def test_what_failed_its_trial_goes_once_another_was_made(said, folder, monkeypatch):
    with monkeypatch.context() as failing:
        failing.setattr(trying, "load", _losing_organisations(trying.load))
        refusal(said, "full", "--trial-restore")

    said("full", "--trial-restore")
    assert [Name.read(file.name).mark for file in folder.iterdir()] == ["", ""]


def _losing_organisations(load):
    def lose(server, dump, *, into):
        load(server, dump, into=into)
        with server.connect(into) as session:
            session.execute("TRUNCATE iam.organisations CASCADE")

    return lose


def test_a_trial_drops_what_a_killed_one_left_and_no_database_of_another_name(said, owner_url):
    ours = conninfo_to_dict(owner_url)["dbname"]
    left, somebodys = f"{ours}_trial_20261101_020000", f"{ours}_trial_of_theirs"
    with psycopg.connect(owner_url, autocommit=True) as owner:
        for name in (left, somebodys):
            owner.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        try:
            said("full", "--trial-restore")
            assert owner.execute(TRIALS).fetchall() == [(somebodys,)]
        finally:
            for name in (left, somebodys):
                owner.execute(f'DROP DATABASE IF EXISTS "{name}"')


@pytest.mark.parametrize("arguments", [("data",), ("full", "--schema", "crm")])
def test_what_is_no_whole_database_cannot_be_tried(said, arguments, folder):
    code, sentence = refusal(said, *arguments, "--trial-restore")

    assert (code, sentence) == (
        2,
        "Only a whole backup can be tried: full, without --schema.",
    )
    assert not folder.exists()


def test_an_encrypted_one_cannot_be_tried_without_the_key(said, identity, settings, folder):
    settings.BACKUP_IDENTITY = ""

    code, sentence = refusal(said, "full", "--trial-restore")

    assert code == 2
    assert "set BACKUP_IDENTITY" in sentence


def test_it_is_refused_and_logged_while_another_runs(said, owner_url, folder, caplog):
    with alone(owner_url):
        code, sentence = refusal(said, "full")

    assert code == 2
    assert sentence.endswith("is running: wait for its end.")
    assert [each.levelname for each in caplog.records] == ["ERROR"]
    assert not folder.exists()


def test_daily_it_makes_one_at_once_and_no_other_before_the_hour(said, folder, monkeypatch):
    rounds = iter(range(3))
    monkeypatch.setattr(backup, "sleep", lambda seconds: next(rounds, None) is None and sys.exit())

    with pytest.raises(SystemExit):
        said("full", "--daily", "02:00")
    assert len(list(folder.glob("*.zst"))) == 1


def test_daily_it_goes_on_after_one_that_was_refused(said, owner_url, folder, monkeypatch, capsys):
    monkeypatch.setattr(backup, "sleep", lambda seconds: sys.exit())

    with alone(owner_url), pytest.raises(SystemExit):
        said("full", "--daily", "02:00")
    assert "is running" in capsys.readouterr().err


def test_an_hour_that_is_none_is_refused(said):
    assert refusal(said, "full", "--daily", "25:00") == (
        1,
        "Error: argument --daily: “25:00” is no hour such as 02:00",
    )


def test_an_operators_backup_can_be_read(owner_url, folder, db):
    with start(owner_url, folder, "full") as process:
        printed, complained = process.communicate(timeout=120)

    assert (process.returncode, re.match(NAME, printed) is not None) == (0, True), complained
    (archive,) = folder.glob("*.zst")
    assert " TABLE DATA crm companies " in listed(archive)


@pytest.mark.parametrize(("kind", "program"), [("full", ""), ("schema", "pg_dump")])
def test_killed_it_leaves_nothing_that_could_be_taken_for_a_backup(
    owner_url, folder, said, db, kind, program
):
    with held_up(owner_url) as until, start(owner_url, folder, kind) as process:
        until(program, process)
        process.kill()
    sessions_end(owner_url)

    assert not [file for file in folder.glob("prospectflow_*") if file.is_file()]
    assert said(kind).startswith(f"prospectflow_{kind}_")
    assert not list(folder.glob("*.partial"))


@pytest.mark.parametrize("recipients", ["", SOMEBODY], ids=["plain", "encrypted"])
def test_told_to_stop_it_takes_away_what_is_not_finished(
    owner_url, folder, db, monkeypatch, recipients
):
    monkeypatch.setenv("BACKUP_RECIPIENTS", recipients)
    with held_up(owner_url) as until, start(owner_url, folder, "schema") as process:
        until("pg_dump", process)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)

    assert process.returncode == 143
    assert list(folder.iterdir()) == []


def test_the_way_to_the_database_keeps_its_options():
    database = {"HOST": "db", "PORT": "", "NAME": "p f", "OPTIONS": {"sslmode": "require", "x": 1}}

    assert conninfo(database) == "host=db dbname='p f' sslmode=require"
