"""The processes that read a file serve the one that began them, and nobody else."""

import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from crm.importing import parallel
from crm.importing.errors import ReaderKilled
from crm.importing.profiles import choose
from crm.importing.reading import open_source

SAMPLE = Path(__file__).parents[1] / "sample" / "pharow-marseille.csv"
READING = f"""
import multiprocessing, sys
from crm.importing import parallel
from crm.importing.profiles import choose
from crm.importing.reading import open_source

if __name__ == "__main__":
    parallel.ALONE, parallel.BATCH = 0, 100
    source = open_source({str(SAMPLE)!r})
    pieces = parallel.parsed(source, choose(source.headers), processes=2)
    rows = next(pieces).count
    print(*(each.pid for each in multiprocessing.active_children()), flush=True)
    sys.stdin.readline()
    print(rows + sum(each.count for each in pieces), flush=True)
"""


@pytest.fixture
def reader(tmp_path):
    """A process that has begun to read, and goes on when it is told a line."""
    script = tmp_path / "reading.py"
    script.write_text(READING)
    with subprocess.Popen(
        [sys.executable, script],
        env=os.environ | {"PYTHONPATH": str(Path(parallel.__file__).parents[2])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        yield process
        process.kill()


def children(reader):
    return [int(pid) for pid in reader.stdout.readline().split()]


def test_several_processes_read_what_one_reads(monkeypatch):
    source = open_source(SAMPLE)
    alone = list(parallel.parsed(source, choose(source.headers), processes=1))
    monkeypatch.setattr(parallel, "ALONE", 0)

    together = list(parallel.parsed(source, choose(source.headers), processes=2))

    assert [each.rows for each in together] == [each.rows for each in alone]
    assert [each.problems for each in together] == [each.problems for each in alone]


def test_a_process_that_is_killed_leaves_none_behind(reader):
    assert len(children(reader)) == 2

    reader.kill()

    # They write to the same pipe: it ends when the last of them has.
    assert reader.communicate(timeout=60)[0] == ""


def test_ctrl_c_on_a_terminal_is_the_first_ones_to_answer(reader):
    for child in children(reader):
        os.kill(child, signal.SIGINT)

    assert reader.communicate("go on\n", timeout=60)[0] == "1080\n"


def test_a_process_that_was_killed_while_it_read_is_told(monkeypatch):
    monkeypatch.setattr(parallel, "ALONE", 0)
    monkeypatch.setattr(parallel, "BATCH", 100)
    source = open_source(SAMPLE)
    pieces = parallel.parsed(source, choose(source.headers), processes=2)
    next(pieces)
    for child in multiprocessing.active_children():
        child.kill()

    with pytest.raises(ReaderKilled, match="import it again"):
        list(pieces)
