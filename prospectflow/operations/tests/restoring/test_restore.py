"""A restore brings back what was backed up, row by row, and nothing else changes."""

import psycopg
import pytest

from prospectflow.operations.backups.archives import verified
from prospectflow.operations.backups.errors import BackupRefused, RestoreFailed
from prospectflow.operations.backups.restoring import planned, restore
from prospectflow.tenancy import SCHEMAS

from .restorable import (
    CHANGES,
    LATER,
    NAME,
    SETTLED,
    change_everything,
    contents,
    execute,
    hold_unchanged,
    manage,
    of_schema,
    restored,
    server,
    url,
    without,
)

KEPT = f"{NAME}_before_20261124_093000"


@pytest.fixture
def before(present):
    """The rows of last night; since then something changed in every schema."""
    found = contents()
    change_everything()
    return found


@pytest.mark.parametrize("schema", SCHEMAS)
def test_one_schema_comes_back_row_by_row_and_the_others_stay(before, backup, schema):
    """Nobody writes meanwhile, or what they wrote into the others would be lost."""
    changed, refused = contents(), []

    def write(step):
        with (
            psycopg.connect(url(NAME), options="-c lock_timeout=20ms") as session,
            pytest.raises(psycopg.errors.LockNotAvailable),
        ):
            session.execute(CHANGES["outreach"])
        refused.append(step)

    restored(backup, schema, tell=write)

    assert len(refused) == 4
    now = contents()
    for each in SCHEMAS:
        wanted = before if each == schema else changed
        assert without(of_schema(now, each), SETTLED) == without(of_schema(wanted, each), SETTLED)


def test_without_a_safety_backup_nothing_is_touched(before, backup, settings):
    changed = contents()
    settings.BACKUP_DIRECTORY.mkdir()
    (settings.BACKUP_DIRECTORY / "prospectflow_full_20261124_093000.dump.zst").touch()

    with pytest.raises(BackupRefused, match="is there already"):
        restored(backup)

    hold_unchanged(changed)


def test_a_schema_that_does_not_fit_the_others_any_more_is_refused(present, backup):
    execute("DELETE FROM iam.organisations WHERE slug = 'other'")
    changed = contents()

    with pytest.raises(RestoreFailed, match="What crm held then does not fit the other schemas"):
        restored(backup, "crm")

    hold_unchanged(changed)


def test_rows_that_did_not_all_come_back_are_seen(before, backup, settings):
    changed = contents()
    with verified(backup) as archive:
        archive.manifest.rows["crm.people"] += 1
        plan = planned(server(), archive, schema=None, now=LATER)
        with pytest.raises(RestoreFailed, match=r"crm\.people has \d+ row\(s\), not \d+ row\(s\)"):
            restore(plan, settings.BACKUP_DIRECTORY, now=LATER, tell=print)

    hold_unchanged(changed)


def test_an_empty_database_is_filled_without_a_safety_backup(backup, present, settings):
    wanted = contents()
    server().drop(NAME)
    with server().new(NAME):
        pass

    restored(backup)

    assert without(contents(), SETTLED) == without(wanted, SETTLED)
    assert not list(settings.BACKUP_DIRECTORY.glob("*.zst"))


def test_the_real_commands_bring_everything_back(present, settings):
    before = contents()
    with manage("backup", "full") as backing_up:
        said, complaint = backing_up.communicate(timeout=120)
    assert backing_up.returncode == 0, complaint
    [archive] = settings.BACKUP_DIRECTORY.glob("*.zst")
    change_everything()

    with manage("restore", str(archive), "--yes") as restoring:
        said, complaint = restoring.communicate(timeout=120)

    assert restoring.returncode == 0, complaint
    assert f"{NAME} is restored; it was kept as {NAME}_before_" in said
    assert without(contents(), SETTLED) == without(before, SETTLED)
    since = said.rpartition("--since ")[2].strip()
    with manage("confirm_restore", "--since", since, "--yes", role="app") as confirming:
        said, complaint = confirming.communicate(timeout=120)
    assert confirming.returncode == 0, complaint
    assert "Mails may leave again." in said
