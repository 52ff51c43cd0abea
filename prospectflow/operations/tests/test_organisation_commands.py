"""The commands that take one organisation out and bring it back: they tell, ask, and conclude."""

import io
import time
from pathlib import Path

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from iam.models import Organisation
from outreach.models import Campaign
from prospectflow.operations.organisations.archives import opened
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_campaign, make_organisation
from prospectflow.testing.processes import run, start


@pytest.fixture
def acme(committed) -> Organisation:
    organisation = make_organisation(name="Acme", slug="acme")
    with tenant(organisation.pk):
        make_campaign(name="Spring")
    return organisation


def said(*arguments: object) -> str:
    out = io.StringIO()
    call_command(*map(str, arguments), stdout=out)
    return out.getvalue()


def archive_in(folder: Path) -> Path:
    [archive] = folder.glob("prospectflow_organisation_acme_2*.zip")
    return archive


def campaigns(organisation: Organisation) -> list[str]:
    with tenant(organisation.pk):
        return sorted(Campaign.objects.values_list("name", flat=True))


def test_an_organisation_goes_out_and_comes_back_by_the_real_commands(acme, tmp_path):
    assert run("backup_organisation", "acme", "--to", str(tmp_path))[0] == 0
    with tenant(acme.pk):
        Campaign.objects.all().delete()
        make_campaign(name="By mistake")

    code, printed, _ = run("restore_organisation", str(archive_in(tmp_path)), "--yes")

    assert code == 0
    assert "Acme (acme), as it was on" in printed
    assert "Its sending is stopped." in printed
    assert campaigns(acme) == ["Spring"]
    [before] = tmp_path.glob("*_before_*.zip")
    assert f"What it holds now is in {before}." in printed
    time.sleep(1)  # what it holds now gets a name of its own, which tells the second
    said("restore_organisation", before, "--yes")
    assert campaigns(acme) == ["By mistake"]


WAITING = """
SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = %s
"""


def kill_where_it_waits(owner_url: str, lock: str, *arguments: object) -> None:
    """Kill the command, as `kill -9` does, once it waits for this lock."""
    with psycopg.connect(owner_url) as owner:
        owner.execute(lock.encode())
        with start(*map(str, arguments)) as process:
            name = connection.settings_dict["NAME"]
            while owner.execute(WAITING, [name]).fetchone() == (0,):
                assert process.poll() is None, process.communicate()
                owner.execute("SELECT pg_stat_clear_snapshot()")  # else who is new is never seen
                time.sleep(0.05)
            process.kill()


def test_killed_in_the_middle_it_has_changed_nothing(acme, tmp_path, owner_url):
    said("backup_organisation", "acme", "--to", tmp_path)
    with tenant(acme.pk):
        Campaign.objects.update(name="Summer")

    lock = "SELECT FROM outreach.campaigns FOR UPDATE"
    kill_where_it_waits(owner_url, lock, "restore_organisation", archive_in(tmp_path), "--yes")

    assert campaigns(acme) == ["Summer"]


def test_killed_while_it_writes_it_leaves_no_file_of_that_name(acme, tmp_path, owner_url):
    lock = "LOCK tracking.pixels IN ACCESS EXCLUSIVE MODE"
    kill_where_it_waits(owner_url, lock, "backup_organisation", "acme", "--to", tmp_path)

    [left] = tmp_path.iterdir()
    assert left.suffix == ".partial"
    said("backup_organisation", "acme", "--to", tmp_path)
    assert not left.exists()
    assert opened(archive_in(tmp_path)).contents.slug == "acme"


def test_backups_go_where_all_backups_go(acme, tmp_path, settings):
    settings.BACKUP_DIRECTORY = tmp_path / "backups"

    assert "rows of" in said("backup_organisation", "acme")

    assert opened(archive_in(tmp_path / "backups")).contents.slug == "acme"


def test_whoever_does_not_type_the_slug_changes_nothing(acme, tmp_path, monkeypatch):
    said("backup_organisation", "acme", "--to", tmp_path)
    with tenant(acme.pk):
        make_campaign(name="Summer")

    for answer in ("yes\n", "\n", ""):
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        with pytest.raises(CommandError, match="Nothing was changed") as refused:
            said("restore_organisation", archive_in(tmp_path))
        assert refused.value.returncode == 1

    assert campaigns(acme) == ["Spring", "Summer"]
    monkeypatch.setattr("sys.stdin", io.StringIO("acme\n"))
    said("restore_organisation", archive_in(tmp_path))
    assert campaigns(acme) == ["Spring"]


def test_an_organisation_that_was_deleted_is_said_to_be_missing(acme, tmp_path):
    said("backup_organisation", "acme", "--to", tmp_path)
    with tenant(acme.pk):
        Organisation.objects.filter(pk=acme.pk).delete()

    printed = said("restore_organisation", archive_in(tmp_path), "--yes")

    assert "It is not in this database: its members come back with it." in printed
    assert campaigns(acme) == ["Spring"]


@pytest.mark.parametrize(
    ("command", "argument", "sentence"),
    [
        ("backup_organisation", "nobody", 'There is no organisation "nobody"'),
        ("restore_organisation", "missing.zip", "missing.zip cannot be read: No such file"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_exit_code_2(acme, command, argument, sentence):
    with pytest.raises(CommandError, match=sentence) as refused:
        said(command, argument)

    assert refused.value.returncode == 2
