"""`make bench` runs every benchmark and tells what each found, in docs/benchmarks.md."""

import json
import re

import pytest
from django.conf import settings

from benchmarks import collecting
from benchmarks.collecting import Result

SCRIPTS = collecting.scripts()
MET = {"figure": "a by b", "value": 1234.5, "goal": ">= 1", "met": True}
MISSED = MET | {"met": False}


@pytest.fixture
def script(tmp_path):
    """A benchmark of the test's own."""

    def written(text):
        path = tmp_path / "one.py"
        path.write_text(text)
        return path

    return written


def run(script, *, until=float("inf")):
    return collecting.run(script, quick=True, until=until)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_every_benchmark_says_what_it_measures_and_has_a_short_form(path):
    assert len(collecting.method(path)) > 50
    assert "--quick" in path.read_text()


def test_the_page_has_a_chapter_of_every_benchmark():
    page = (settings.BASE_DIR / "docs" / "benchmarks.md").read_text()

    assert re.findall(r"^## (\w+)$", page, re.MULTILINE) == [path.stem for path in SCRIPTS]


def test_a_figure_that_misses_its_goal_is_marked_and_one_without_a_goal_is_not_judged():
    bare = {"figure": "c", "value": 2}

    lines = Result("one", "How.", [MET, MISSED, bare]).chapter().splitlines()

    assert lines[-3:] == [
        "| a by b | 1,234.5 | >= 1 | met |",
        "| a by b | 1,234.5 | >= 1 | **missed** |",
        "| c | 2 |  |  |",
    ]


def test_figures_are_found_among_other_lines(script, capsys):
    result = run(script(f'"""How."""\nprint("a word")\nprint({json.dumps(MET)!r})\n'))

    assert (result.method, result.figures, result.trouble) == ("How.", [MET], "")
    assert json.loads(capsys.readouterr().out) == MET


def test_a_benchmark_that_breaks_is_told_with_what_it_had_found(script):
    result = run(script(f"print({json.dumps(MET)!r}, flush=True)\nraise SystemExit(3)\n"))

    assert (result.figures, result.trouble) == ([MET], "Ended with exit code 3.")


def test_a_benchmark_that_takes_too_long_is_interrupted_and_may_tidy_up(script, tmp_path):
    tidied = tmp_path / "tidied"
    slow = f"""
import pathlib, time
print({json.dumps(MET)!r}, flush=True)
try:
    time.sleep(60)
finally:
    pathlib.Path({str(tidied)!r}).touch()
"""
    result = run(script(slow), until=collecting.time.monotonic() + 2)

    assert (result.figures, tidied.exists()) == ([MET], True)
    assert result.trouble.startswith("Stopped")


def test_nothing_begins_once_the_time_is_over(script):
    assert run(script("raise SystemExit(1)"), until=0).trouble.startswith("Left out")
