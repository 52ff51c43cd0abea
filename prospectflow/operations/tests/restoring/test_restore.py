"""A restore brings back what was backed up, row by row, and nothing else changes."""

import psycopg
import pytest

from prospectflow.operations import embedded
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
    databases,
    execute,
    hold_unchanged,
    manage,
    of_schema,
    restored,
    server,
    url,
    without,
)

DAMAGED = f"{NAME}_damaged"
LOSE_A_FILE = "UPDATE pg_class SET relfilenode = 1 WHERE oid = 'crm.companies'::regclass"


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
    (settings.BACKUP_DIRECTORY / "prospectflow_safety_full_20261124_093000.dump.zst").touch()

    with pytest.raises(BackupRefused, match="is there already"):
        restored(backup)

    hold_unchanged(changed)


def test_what_postgresql_refuses_in_the_middle_is_told_in_a_sentence(before, backup):
    changed = contents()

    def interfere(step):
        if step.startswith("Comparing"):
            execute("DROP TABLE django_migrations", name=f"{NAME}_restoring_20261124_093000")

    with pytest.raises(RestoreFailed, match=f"^PostgreSQL ended .* {NAME} is as it was, "):
        restored(backup, tell=interfere)

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


def damage():
    """What a disk does that forgets a table's file."""
    with psycopg.connect(url(NAME, "superuser"), autocommit=True) as session:
        session.execute("SET allow_system_table_mods = on")
        session.execute(LOSE_A_FILE)
        ended = session.info.backend_pid
    with psycopg.connect(url("postgres", "superuser")) as other:
        other.execute("SELECT pg_terminate_backend(%s, 10000)", [ended])  # waits until it is gone


def test_a_damaged_database_is_set_aside_and_an_empty_one_is_filled(backup, present, settings):
    """It cannot be backed up first; what bootstrap.sql makes needs no backup."""
    wanted = contents()
    damage()
    with pytest.raises(RestoreFailed, match=f"^{NAME} could not be backed up first: .+ aside"):
        restored(backup)
    assert databases() == {NAME}

    execute(f'ALTER DATABASE "{NAME}" RENAME TO "{DAMAGED}"', name="postgres")
    embedded.create_database(settings.LOCAL_DIRECTORY, NAME)
    restored(backup)

    assert without(contents(), SETTLED) == without(wanted, SETTLED)
    assert not list(settings.BACKUP_DIRECTORY.glob("*.zst"))
    with psycopg.connect(url(NAME, "app")) as session:
        assert session.execute("SELECT current_database()").fetchone() == (NAME,)


def test_tables_of_others_are_not_taken_for_an_empty_database(backup, present):
    execute("DROP TABLE django_migrations")

    with verified(backup) as archive:
        assert not planned(server(), archive, schema=None, now=LATER).is_empty


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
