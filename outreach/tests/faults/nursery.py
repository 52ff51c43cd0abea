"""Senders that really are processes, and really die."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from prospectflow.testing import processes

KILLED = -signal.SIGKILL


@dataclass(frozen=True)
class Ending:
    """How senders ended: their exit codes, and the point at which one died as it was told."""

    codes: list[int]
    point: str

    @property
    def was_killed(self) -> bool:
        """Whether one of them was killed before it was done."""
        return KILLED in self.codes


class Nursery:
    """Where senders come from; one start for as many as are needed."""

    def __init__(self, process: "subprocess.Popen[str]", complaints: Path) -> None:
        self.process, self.complaints = process, complaints
        self.senders: list[int] = []

    def start(
        self,
        organisation_id: UUID,
        mailbox_id: UUID,
        at: datetime,
        *,
        die_at: int = 0,
        kill_after: float | None = None,
        senders: int = 1,
    ) -> None:
        """Let senders begin on one mailbox, at the hour that their clock shows."""
        told: dict[str, Any] = {
            "organisation_id": str(organisation_id),
            "mailbox_id": str(mailbox_id),
            "now": at.isoformat(),
            "die_at": die_at,
            "kill_after": kill_after,
            "senders": senders,
        }
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(told) + "\n")
        self.process.stdin.flush()
        self.senders = self._heard()

    def ending(self) -> Ending:
        """How those that were started last ended; waits for it."""
        return Ending(**self._heard())

    def run(self, *args: Any, **options: Any) -> Ending:
        """Start senders, and wait until they have ended."""
        self.start(*args, **options)
        return self.ending()

    def complained(self) -> str:
        """What the senders wrote to standard error since this was asked last."""
        said = self.complaints.read_text()
        self.complaints.write_text("")
        return said

    def _heard(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"The senders' parent is gone: {self.complaints.read_text()}"
        return json.loads(line)


@contextmanager
def nursery(folder: Path, **environment: str) -> Iterator[Nursery]:
    """Senders on the database of this test, or on the one that the environment names."""
    complaints = folder / "senders.log"
    with (
        complaints.open("a") as log,
        subprocess.Popen(
            [sys.executable, "-m", "outreach.tests.faults.doomed"],
            cwd=settings.BASE_DIR,
            env=processes.environment()
            | {"DJANGO_SETTINGS_MODULE": "prospectflow.settings"}
            | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        try:
            yield Nursery(process, complaints)
        finally:
            process.kill()
