"""Run every benchmark, and write docs/benchmarks.md: figures, day, machine and method."""

import argparse
import ast
import json
import os
import platform
import re
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
TIDYING_SECONDS = 20  # for an interrupted one, to stop its servers and drop its database
# In the order in which they run, and of the short form's time what each may take of the whole.
SHARES = {
    "row_level_security": 80,
    "pooler": 65,
    "backup": 70,
    "api_campaign": 40,
    "console": 70,
    "import": 75,
    "long_lists": 30,
    "mail_building": 10,
    "search_below_policies": 30,
    "sending": 105,
    "token_verifying": 10,
}
HEAD = """\
<!-- Written by `make bench`: do not edit. -->
# Figures

Each is measured beside a peer or a limit of the same run, since ratios travel from machine to
machine and milliseconds do not. A figure that misses its goal is marked, and nothing fails: a busy
machine is no defect. `make bench` runs the short form within ten minutes, `make bench FULL=1` the
full one, which takes hours, on a machine that does nothing else. `make bench FULL=1 ONLY="backup
pooler"` measures these two anew; the other chapters stay as they are.
"""


@dataclass
class Result:
    """What one benchmark said, or why it said nothing."""

    script: str
    method: str
    figures: list[dict[str, Any]] = field(default_factory=list)
    trouble: str = ""
    seconds: float = 0.0

    def chapter(self, measured: str) -> str:
        """Its part of the page; `measured` says on which day, in which form and where."""
        rows = "\n".join(_row(figure) for figure in self.figures)
        table = f"\n| Figure | Value | Goal | |\n|---|---:|---:|---|\n{rows}\n" if rows else ""
        trouble = f"\n**{self.trouble}**\n" if self.trouble else ""
        took = f"\nMeasured {measured}, in {self.seconds:.0f} s.\n"
        return f"## {self.script}\n\n{self.method}\n{table}{trouble}{took}"


def _row(figure: dict[str, Any]) -> str:
    goal = figure.get("goal", "")
    judged = "" if not goal else "met" if figure["met"] else "**missed**"
    return f"| {figure['figure']} | {figure['value']:,} | {goal} | {judged} |"


def scripts() -> list[Path]:
    """Every benchmark, in the order in which they run."""
    return [HERE / f"{name}.py" for name in SHARES]


def share(left: list[str], seconds: float) -> float:
    """The seconds that the first of these may take; what it leaves, the others have more."""
    return max(seconds, 0) * SHARES[left[0]] / sum(SHARES[name] for name in left)


def method(script: Path) -> str:
    """What a benchmark says of itself."""
    return ast.get_docstring(ast.parse(script.read_text())) or ""


def run(script: Path, *, quick: bool, patience: float | None) -> Result:
    """Run one for so many seconds at most; what it has printed till then counts in any case."""
    result, began = Result(script.stem, method(script)), time.monotonic()
    command = [sys.executable, str(script), *(["--quick"] if quick else [])]
    told = os.environ | {"PYTHONPATH": str(HERE.parent)}
    with subprocess.Popen(  # noqa: S603
        command, env=told, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        printed, result.trouble = _heard(process, patience)
    result.figures, result.seconds = list(figures(printed)), time.monotonic() - began
    return result


def _heard(process: subprocess.Popen[str], patience: float | None) -> tuple[str, str]:
    """All that it printed, and what went wrong."""
    try:
        printed, _ = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        return _interrupted(process), "Stopped: its share of the ten minutes was over."
    except KeyboardInterrupt:
        _interrupted(process)
        raise
    code = process.returncode
    return printed, f"Ended with exit code {code}." if code else ""


def _interrupted(process: subprocess.Popen[str]) -> str:
    """All that it printed, once it has tidied up, or has had the time to."""
    os.killpg(process.pid, signal.SIGINT)
    try:
        return process.communicate(timeout=TIDYING_SECONDS)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.communicate()[0]


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


def chapters(page: str) -> dict[str, str]:
    """What the page tells of each benchmark."""
    parts = re.split(r"^(?=## )", page, flags=re.MULTILINE)[1:]
    return {part.split()[1]: part.strip() + "\n" for part in parts}


def written(told: dict[str, str]) -> str:
    """The whole document."""
    return "\n".join([HEAD, *(told[name] for name in SHARES if name in told)])


def measure(names: list[str], *, full: bool, page: Path) -> bool:
    """Run these, and write down each at once; whether all came to an end by themselves."""
    told, end, well = chapters(page.read_text()), time.monotonic() + SHORT_SECONDS, True
    for place, name in enumerate(names):
        patience = None if full else share(names[place:], end - time.monotonic())
        result = run(HERE / f"{name}.py", quick=not full, patience=patience)
        told[name] = result.chapter(_measured("full" if full else "short"))
        page.write_text(written(told))
        well = well and "exit code" not in result.trouble
    return well


def _measured(form: str) -> str:
    return f"on {datetime.now(UTC):%Y-%m-%d} in the {form} form on {machine()}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="as long as it takes")
    parser.add_argument("--only", choices=SHARES, nargs="+", help="measure these anew")
    told = parser.parse_args()
    names = [name for name in SHARES if name in (told.only or SHARES)]
    return 0 if measure(names, full=told.full, page=PAGE) else 1


if __name__ == "__main__":
    sys.exit(main())
