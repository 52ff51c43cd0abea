"""A task for the tests of the queue: it counts, slowly, and goes on where it was."""

import os
import time
from pathlib import Path
from uuid import UUID

from django.db import OperationalError, connection

from prospectflow.queue import Stopping, task

FOLDER = "COUNTING_FOLDER"


def counted(job: int, folder: Path | None = None) -> list[tuple[int, str]]:
    """What was written of this job so far: which process, and a number or what else it did."""
    path = (folder or Path(os.environ[FOLDER])) / f"{job}.txt"
    lines = path.read_text().splitlines() if path.exists() else []
    return [(int(line.split()[0]), line.split()[1]) for line in lines]


@task(queue="imports", lock="count")
def count(organisation_id: UUID, job: int, numbers: int, *, stopping: Stopping) -> None:
    """Count to `numbers`, twenty a second, one line each; a temporary table is needed for it."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE counting (number int)")
    done = [word for _, word in counted(job) if word.isdigit()]
    _write(job, "begins")
    for number in range(len(done) + 1, numbers + 1):
        if stopping():
            _write(job, "stops")
            return
        _write(job, str(number))
        time.sleep(0.05)
    _write(job, "ends")


@task(queue="verification", once=True)
def fail(organisation_id: UUID, job: int, *, stopping: Stopping) -> None:
    """Fail; with an even number as if the database had gone away, which is no reason to give up."""
    _write(job, "fails")
    raise ValueError if job % 2 else OperationalError


@task(queue="verification")
def ignore(organisation_id: UUID, job: int, *, stopping: Stopping) -> None:
    """Go on for a minute, whatever is asked."""
    _write(job, "begins")
    time.sleep(60)


def _write(job: int, word: str) -> None:
    with (Path(os.environ[FOLDER]) / f"{job}.txt").open("a") as file:
        file.write(f"{os.getpid()} {word}\n")
