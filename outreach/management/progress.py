"""How far a long command is, told on standard error: a bar on a terminal, else a line at times."""

import time
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

TOLD_EVERY = 10.0  # seconds, where nobody watches


class RowsPerSecond(ProgressColumn):
    """The speed of late."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f} rows/s" if task.speed else "")


class RowsShown:
    """Shows the rows of one file: which stage, how many, how fast, and for how long still."""

    def __init__(self, out: TextIO, name: str) -> None:
        console = Console(file=out)
        self.out, self.name, self.watched = out, name, console.is_terminal
        self.began = self.told_at = time.monotonic()
        self.stage = ""
        self.bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.completed:,.0f} rows"),
            RowsPerSecond(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not self.watched,
        )
        self.task = self.bar.add_task(name, total=None)

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.bar.stop()

    def __call__(self, stage: str, rows: int, of: int | None) -> None:
        """Show that this stage has done so many rows, of how many where that is known."""
        if stage != self.stage:
            self.stage, self.began = stage, time.monotonic()
            self.bar.reset(self.task, description=f"{self.name}: {stage}", total=of)
        self.bar.update(self.task, completed=rows, total=of)
        now = time.monotonic()
        if not self.watched and now >= self.told_at + TOLD_EVERY:
            self.told_at = now
            self.out.write(f"{self.name}: {self._line(rows, of, now - self.began)}\n")

    def _line(self, rows: int, of: int | None, seconds: float) -> str:
        speed = rows / seconds if seconds else 0.0
        line = f"{self.stage}, {rows:,} rows, {speed:,.0f} rows/s"
        return f"{line}, {(of - rows) / speed:,.0f} s left" if of and speed else line
