"""Workers that claim tasks of one organisation after the other, each in a process of its own."""

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from statistics import median
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection

from benchmarks.of_sending.filling import NOW
from outreach.services.sending.leasing import LEASE, TAKE, lease
from prospectflow.tenancy.context import tenant

BATCH = 50
# The same statement for a role that no policy looks after: it says itself whose tasks.
BARE = TAKE.replace(
    "t.mailbox_id = %(mailbox)s",
    "t.organisation_id = %(organisation)s AND t.mailbox_id = %(mailbox)s",
).replace("iam.current_organisation_id()", "%(organisation)s")

type Places = Sequence[tuple[UUID, UUID]]
type Claim = Callable[[int], list[UUID]]
type Way = Callable[[Places], AbstractContextManager[Claim]]


@contextmanager
def ours(places: Places) -> Iterator[Claim]:
    """What lease() takes as the serving role, one organisation a transaction."""

    def claim(number: int) -> list[UUID]:
        organisation_id, mailbox_id = places[number]
        with tenant(organisation_id):
            taken = lease(mailbox_id, now=NOW, worker="benchmark", limit=BATCH)
        return [task.pk for task in taken]

    yield claim


@contextmanager
def bare(places: Places, url: str) -> Iterator[Claim]:
    """What the bare statement takes as the owner of the tables."""
    with psycopg.connect(url, prepare_threshold=None) as owner:

        def claim(number: int) -> list[UUID]:
            cursor = owner.execute(BARE.encode(), _told(*places[number]))
            place = [column.name for column in cursor.description or ()].index("id")
            taken = [row[place] for row in cursor]
            owner.commit()
            return taken

        yield claim


def _told(organisation_id: UUID, mailbox_id: UUID) -> dict[str, Any]:
    return {
        "organisation": organisation_id,
        "mailbox": mailbox_id,
        "now": NOW,
        "worker": "benchmark",
        "until": NOW + LEASE,
        "limit": BATCH,
        "but": [],
    }


def raced(way: Way, places: Places, chosen: Sequence[Sequence[int]]) -> tuple[float, list[UUID]]:
    """Tasks a second that workers claim together, and which; each from the places chosen for it."""
    connection.close()
    context = multiprocessing.get_context("fork")
    start, results = context.Barrier(len(chosen)), context.Queue()
    processes = [
        context.Process(target=_work, args=(way, places, each, start, results)) for each in chosen
    ]
    for process in processes:
        process.start()
    found = [results.get() for _ in processes]
    for process in processes:
        process.join()
    took = max(ended for _, ended, _ in found) - min(began for began, _, _ in found)
    claimed = [identifier for _, _, taken in found for identifier in taken]
    return len(claimed) / took, claimed


def _work(way: Way, places: Places, chosen: Sequence[int], start: Any, results: Any) -> None:
    with way(places) as claim:
        claim(chosen[0])
        start.wait()
        began = time.monotonic()
        taken = [identifier for number in chosen[1:] for identifier in claim(number)]
        results.put((began, time.monotonic(), taken))


def cost(places: Places, chosen: Sequence[int]) -> float:
    """The seconds of one claim, by one worker; the median, after one to warm up."""
    taken = []
    with ours(places) as claim:
        for number in chosen:
            began = time.perf_counter()
            claim(number)
            taken.append(time.perf_counter() - began)
    return median(taken[1:])
