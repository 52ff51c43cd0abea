"""The worker: round after round for every organisation, until it is told to stop."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import close_old_connections

from iam.models import Organisation
from prospectflow import jobs
from prospectflow.jobs import told

READ_EVERY = timedelta(minutes=5)
FORGET_EVERY = timedelta(days=1)


@dataclass
class Worker:
    """One of any number of workers; `clock` tells the time, aware."""

    name: str
    clock: Callable[[], datetime]
    stopping: bool = False
    heard_at: datetime | None = None
    forgot_at: datetime | None = None

    def round(self) -> int:
        """Read what must be read, send what may be sent; returns how many mails left.

        What goes wrong for one organisation is told in the log, and the others are served.
        """
        close_old_connections()
        sent = 0
        with told("The round ended early"):
            if self._is_due(self.heard_at, READ_EVERY):
                self._hear_everybody()
            for organisation_id in self._going(jobs.organisations_with_due_tasks(now=self.clock())):
                sent += self._speak(organisation_id)
            for organisation_id in self._going(
                jobs.organisations_with_due_webhooks(now=self.clock())
            ):
                with told(f"Organisation {organisation_id}'s webhooks were not told"):
                    jobs.tell_programs(organisation_id, now=self.clock())
            if self._is_due(self.forgot_at, FORGET_EVERY):
                self._forget()
        return sent

    def _is_due(self, last: datetime | None, every: timedelta) -> bool:
        """Also when the clock was set back: it may have been for longer than anybody waits."""
        return last is None or not last <= self.clock() < last + every

    def _hear_everybody(self) -> None:
        for organisation_id in self._going(_everybody()):
            with told(f"Organisation {organisation_id} was not heard"):
                jobs.hear(organisation_id, now=self.clock(), every=READ_EVERY)
        self.heard_at = self.clock()

    def _forget(self) -> None:
        jobs.forget(now=self.clock())
        for organisation_id in self._going(_everybody()):
            with told(f"Nothing of organisation {organisation_id} was forgotten"):
                jobs.forget_within(organisation_id, now=self.clock())
        self.forgot_at = self.clock()

    def _speak(self, organisation_id: UUID) -> int:
        with told(f"Organisation {organisation_id} was not served"):
            return jobs.speak(
                organisation_id,
                clock=self.clock,
                worker=self.name,
                stopping=lambda: self.stopping,
            )
        return 0

    def _going(self, organisation_ids: Iterable[UUID]) -> Iterator[UUID]:
        return (each for each in organisation_ids if not self.stopping)


def _everybody() -> list[UUID]:
    return list(Organisation.objects.order_by("pk").values_list("pk", flat=True))
