"""`make bench` runs every benchmark and tells what each found, in docs/benchmarks.md."""

import json

import pytest
from django.conf import settings

from benchmarks import collecting
from benchmarks.collecting import Result

SCRIPTS = collecting.scripts()
NOW = "on 2026-11-24 in the short form on two cores"
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


def run(script, *, patience=None):
    return collecting.run(script, quick=True, patience=patience)


def test_every_benchmark_is_run():
    there = settings.BASE_DIR.joinpath("benchmarks").glob("*.py")

    assert {path.stem for path in there} - {"collecting"} == {path.stem for path in SCRIPTS}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_every_benchmark_says_what_it_measures_and_has_a_short_form(path):
    assert len(collecting.method(path)) > 50
    assert "--quick" in path.read_text()


def test_the_page_has_figures_of_every_benchmark():
    told = collecting.chapters((settings.BASE_DIR / "docs" / "benchmarks.md").read_text())

    assert list(told) == list(collecting.SHARES)
    assert [
        name for name, chapter in told.items() if "\n|---|---:|---:|---|\n| " not in chapter
    ] == []


def test_a_figure_that_misses_its_goal_is_marked_and_one_without_a_goal_is_not_judged():
    bare = {"figure": "c", "value": 2}

    lines = Result("one", "How.", [MET, MISSED, bare]).chapter(NOW).splitlines()

    assert lines[-5:-2] == [
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
    result = run(script(slow), patience=2)

    assert (result.figures, tidied.exists()) == ([MET], True)
    assert result.trouble.startswith("Stopped")


def test_a_benchmark_that_will_not_end_is_killed(script, monkeypatch):
    monkeypatch.setattr(collecting, "TIDYING_SECONDS", 0.5)
    stubborn = f"""
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
print({json.dumps(MET)!r}, flush=True)
while True:
    time.sleep(1)
"""
    result = run(script(stubborn), patience=2)

    assert (result.figures, result.trouble[:7]) == ([MET], "Stopped")


def test_each_has_its_share_and_what_one_leaves_falls_to_those_behind_it(monkeypatch):
    monkeypatch.setattr(collecting, "SHARES", {"one": 1, "two": 3, "three": 1})

    assert collecting.share(["one", "two", "three"], 500) == 100
    assert collecting.share(["two", "three"], 480) == 360
    assert collecting.share(["three"], -1) == 0


def test_what_is_not_measured_anew_stays_as_it_is(tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    before = {name: Result(name, "How.", [MET]).chapter(NOW) for name in collecting.SHARES}
    page.write_text(collecting.written(before))
    monkeypatch.setattr(collecting, "run", lambda path, **_: Result(path.stem, "How.", [MISSED]))

    assert collecting.measure(["pooler", "backup"], full=True, page=page)

    after = collecting.chapters(page.read_text())
    assert {name for name in before if after[name] != before[name]} == {"pooler", "backup"}
    assert "in the full form" in after["pooler"]
