"""Kill -9 in the middle of either command leaves the old state, and the next one does its work.

FAULT_KILLS says at how many random instants besides: a tenth of it (`make faults`: 500).
"""

import os
import random
import signal
import time
from contextlib import closing, contextmanager
from functools import partial

import pytest
from django.core.management import call_command

from prospectflow.operations.management.commands import restore as restore_command

from .restorable import (
    NAME,
    SETTLED,
    change_everything,
    contents,
    databases,
    manage,
    server,
    url,
    without,
)

pytestmark = pytest.mark.faults

AT_RANDOM = int(os.environ.get("FAULT_KILLS", "0")) // 10
LASTS_SECONDS = 4.0


@contextmanager
def no_renaming():
    """Whoever renames our database waits until the block ends; all else goes on."""
    with closing(server().connect("postgres")) as session, session.transaction():
        session.execute(f"COMMENT ON DATABASE \"{NAME}\" IS 'held'")
        yield


def kill_after(word, process):
    """Kill the command as soon as it says that it begins this step."""
    with process:
        said = next((line for line in process.stdout if line.startswith(word)), None)
        process.kill()
    assert said, f"it never came to {word}: {process.stderr}"
    assert process.returncode == -signal.SIGKILL


def kill_within(seed, process):
    with process:
        time.sleep(random.Random(seed).uniform(0, LASTS_SECONDS))
        process.kill()


KILLS = [
    partial(kill_after, "Restoring"),  # the longest step,
    partial(kill_after, "Giving"),  # and the one that must be done whole or not at all
]
AT_ANY_TIME = [partial(kill_within, seed) for seed in range(AT_RANDOM)]


def drafts(folder):
    return list(folder.glob("*.partial"))


def test_a_killed_restore_changed_nothing_or_was_done_and_the_next_clears_up(
    present, backup, own_folder, monkeypatch
):
    before = contents()
    change_everything()
    changed = contents()
    for kill in KILLS:
        with no_renaming():
            kill(manage("restore", str(backup), "--yes"))

        assert contents() == changed
        assert len(drafts(own_folder)) == 1
    for kill in AT_ANY_TIME:
        kill(manage("restore", str(backup), "--yes"))
        if contents() != changed:
            assert without(contents(), SETTLED) == without(before, SETTLED)
            assert changed in [contents(name) for name in databases() if "_before_" in name]
            change_everything()
            changed = contents()

    monkeypatch.setattr(restore_command, "owner_url", lambda: url(NAME))
    call_command("restore", str(backup), "--yes")

    assert without(contents(), SETTLED) == without(before, SETTLED)
    kept = databases() - {NAME}
    assert all("_before_" in name for name in kept)
    assert changed in [contents(name) for name in kept]
    assert not drafts(own_folder)


def test_a_killed_backup_leaves_nothing_that_bears_a_name(present, own_folder):
    with manage("backup", "full") as backing_up:
        while not list(own_folder.glob("*/*.dump.zst")) and backing_up.poll() is None:
            time.sleep(0.01)
        backing_up.kill()
    assert not list(own_folder.glob("*.zst"))

    with manage("backup", "full") as again:
        _, complaint = again.communicate(timeout=120)

    assert again.returncode == 0, complaint
    assert {path.suffix for path in own_folder.iterdir()} == {".zst", ".json"}
