"""Run every benchmark, and write docs/benchmarks.md: figures, day, machine and method."""

import argparse
import ast
import json
import math
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prospectflow.operations.embedded import postgres

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
SHORT_SECONDS = 9.5 * 60  # all of them together
LONGEST = ("import", "sending")
HEAD = """\
<!-- Written by `make bench`: do not edit. -->
# Figures

Each is measured beside a peer or a limit of the same run, since ratios travel from machine to
machine and milliseconds do not. A figure that misses its goal is marked, and nothing fails: a busy
machine is no defect. `make bench` runs the short form within ten minutes, `make bench FULL=1` the
full one, which takes hours, on a machine that does nothing else.

Measured on {day} in the {form} form: {machine}.
"""


@dataclass
class Result:
    """What one benchmark said, or why it said nothing."""

    script: str
    method: str
    figures: list[dict[str, Any]] = field(default_factory=list)
    trouble: str = ""
    seconds: float = 0.0

    def chapter(self) -> str:
        """Its part of the page."""
        rows = "\n".join(_row(figure) for figure in self.figures)
        table = f"\n| Figure | Value | Goal | |\n|---|---:|---:|---|\n{rows}\n" if rows else ""
        trouble = f"\n**{self.trouble}**\n" if self.trouble else ""
        took = f"\nTook {self.seconds:.0f} s.\n" if self.seconds else ""
        return f"## {self.script}\n\n{self.method}\n{table}{trouble}{took}"


def _row(figure: dict[str, Any]) -> str:
    goal = figure.get("goal", "")
    judged = "" if not goal else "met" if figure["met"] else "**missed**"
    return f"| {figure['figure']} | {figure['value']:,} | {goal} | {judged} |"


def scripts() -> list[Path]:
    """Every benchmark, by name, but those last that take longest."""
    found = (path for path in HERE.glob("*.py") if path != Path(__file__))
    return sorted(found, key=lambda path: (path.stem in LONGEST, path.stem))


def method(script: Path) -> str:
    """What a benchmark says of itself."""
    return ast.get_docstring(ast.parse(script.read_text())) or ""


def run(script: Path, *, quick: bool, until: float) -> Result:
    """Run one to its end, or until then; what it has printed so far counts in either case."""
    result, began = Result(script.stem, method(script)), time.monotonic()
    if began >= until:
        result.trouble = "Left out: the ten minutes were over."
        return result
    command = [sys.executable, str(script), *(["--quick"] if quick else [])]
    told = os.environ | {"PYTHONPATH": str(HERE.parent)}
    with subprocess.Popen(  # noqa: S603
        command, env=told, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        printed, result.trouble = _heard(process, None if until == math.inf else until - began)
    result.figures, result.seconds = list(figures(printed)), time.monotonic() - began
    return result


def _heard(process: subprocess.Popen[str], patience: float | None) -> tuple[str, str]:
    """All that it printed, and what went wrong."""
    try:
        printed, _ = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGINT)  # it still stops its servers, drops its database
        return process.communicate()[0], "Stopped: the ten minutes were over."
    code = process.returncode
    return printed, f"Ended with exit code {code}." if code else ""


def figures(printed: str) -> Iterator[dict[str, Any]]:
    """The figures among the lines that a benchmark printed."""
    for line in printed.splitlines():
        if line.startswith('{"figure"'):
            print(line, flush=True)  # noqa: T201
            yield json.loads(line)


def machine() -> str:
    """What it was measured on, in one line."""
    cores = os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    server = subprocess.run(  # noqa: S603
        [postgres.binaries() / "postgres", "--version"], capture_output=True, text=True
    ).stdout.split()[-1]
    return (
        f"{cores} cores ({_processor()}), {memory:.0f} GiB, {platform.system()}"
        f" {platform.release()}, Python {platform.python_version()}, PostgreSQL {server}"
    )


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text().splitlines() if listed.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def page(results: list[Result], *, form: str, day: str) -> str:
    """The whole document."""
    head = HEAD.format(day=day, form=form, machine=machine())
    return "\n".join([head, *(result.chapter() for result in results)])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="as long as it takes")
    full = parser.parse_args().full
    until = math.inf if full else time.monotonic() + SHORT_SECONDS
    results = [run(script, quick=not full, until=until) for script in scripts()]
    form, day = "full" if full else "short", f"{datetime.now(UTC):%Y-%m-%d}"
    PAGE.write_text(page(results, form=form, day=day))
    return int(any("exit code" in result.trouble for result in results))


if __name__ == "__main__":
    sys.exit(main())
