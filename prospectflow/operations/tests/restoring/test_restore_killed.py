"""Kill -9 in the middle of either command leaves the old state, and the next one does its work.

FAULT_KILLS says at how many random instants besides: a tenth of it (`make faults`: 500).
"""

import os
import random
import time
from functools import partial

import pytest

from .restorable import SETTLED, change_everything, contents, databases, manage, without

pytestmark = pytest.mark.faults

AT_RANDOM = int(os.environ.get("FAULT_KILLS", "0")) // 10
LASTS_SECONDS = 4.0


def kill_after(word, process):
    """Kill the command as soon as it says that it begins this step."""
    with process:
        for line in process.stdout:
            if line.startswith(word):
                break
        process.kill()


def kill_within(seed, process):
    with process:
        time.sleep(random.Random(seed).uniform(0, LASTS_SECONDS))
        process.kill()


KILLS = [
    partial(kill_after, "Restoring"),  # the longest step,
    partial(kill_after, "Giving"),  # and the one that must be done whole or not at all
    *(partial(kill_within, seed) for seed in range(AT_RANDOM)),
]


def test_a_killed_restore_changed_nothing_or_was_done(present, backup):
    before = contents()
    for kill in KILLS:
        change_everything()
        changed = contents()

        kill(manage("restore", str(backup), "--yes"))

        if (now := contents()) != changed:
            assert without(now, SETTLED) == without(before, SETTLED)
            assert changed in [contents(name) for name in databases() if "_before_" in name]


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
