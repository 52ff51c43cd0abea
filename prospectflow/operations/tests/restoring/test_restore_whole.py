"""A whole backup is restored over a database that has changed since, and that is in use."""

import io
from contextlib import closing
from types import SimpleNamespace

import psycopg
import pytest
from django.core.management import call_command

from outreach.services.switches import is_restored
from prospectflow.operations.backups.archives import verified
from prospectflow.operations.backups.restoring import leading_to
from prospectflow.operations.backups.retention import newest
from prospectflow.tenancy import SCHEMAS

from .restorable import (
    NAME,
    SETTLED,
    change_everything,
    contents,
    databases,
    execute,
    of_schema,
    restored,
    url,
    without,
)

KEPT = f"{NAME}_before_20261124_093000"
LEFT_OVER = f"{NAME}_restoring_20261124_080000"  # by a restore that was killed
SOMEBODYS = f"{NAME}_restoring_of_somebody"


@pytest.fixture(scope="module")
def outcome(standing, backup, tmp_path_factory):
    """What was there before, and what came of it."""
    found = SimpleNamespace(before=contents(), told=[], folder=tmp_path_factory.mktemp("backups"))
    change_everything()
    execute("INSERT INTO procrastinate_workers DEFAULT VALUES")
    for name in (LEFT_OVER, SOMEBODYS):
        execute(f'CREATE DATABASE "{name}" TEMPLATE prospectflow_template')
    found.changed = contents()
    with closing(psycopg.connect(url(NAME, "app"))) as found.session:
        found.session.execute("SELECT 1")  # in the middle of a transaction
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("django.conf.settings.BACKUP_DIRECTORY", found.folder)
            found.jobs = restored(backup, tell=found.told.append)
        yield found


def test_every_row_is_as_it_was(outcome):
    assert without(contents(), SETTLED) == without(outcome.before, SETTLED)


def test_the_present_is_kept_and_nothing_of_ours_is_left(outcome):
    changed = outcome.changed
    assert all(of_schema(changed, each) != of_schema(outcome.before, each) for each in SCHEMAS)
    assert contents(KEPT) == changed
    assert databases() == {NAME, KEPT, SOMEBODYS}


def test_what_is_restored_is_as_the_models_say_and_sends_nothing(outcome):
    with leading_to(url(NAME, role="app")):
        call_command("validate_database", stdout=io.StringIO())
        assert is_restored()


def test_only_jobs_that_no_tick_makes_wait_in_its_queue(outcome):
    jobs = execute("SELECT queue_name, status::text FROM procrastinate_jobs")
    assert jobs == [("imports", "todo")] * outcome.jobs
    assert outcome.jobs == 2
    assert execute("SELECT count(*) FROM procrastinate_workers") == [(0,)]


def test_a_safety_backup_holds_the_present_and_is_not_relied_upon(outcome, own_folder):
    """What was perhaps not good any more must not count as the last good backup."""
    [safety] = outcome.folder.glob("*.zst")
    assert newest(outcome.folder) is None
    with verified(safety) as archive:
        assert archive.manifest.rows["tracking.campaign_daily_stats"] == 0


def test_open_sessions_ended_and_new_ones_meet_what_was_restored(outcome):
    with pytest.raises(psycopg.OperationalError):
        outcome.session.execute("SELECT 1")
    with psycopg.connect(url(NAME, "app")) as session:
        names = session.execute("SELECT name FROM iam.organisations").fetchall()
    assert not [name for (name,) in names if "since" in name]


def test_each_step_is_told(outcome):
    assert [words.split()[0] for words in outcome.told] == [
        "The",
        "Restoring",
        "Comparing",
        "Giving",
    ]
