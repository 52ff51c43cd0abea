"""How fast mails are claimed, decided on, sent, planned and foreseen, beside peers of the same run.

Claiming is measured against the same statement as the owner of the tables, whom no policy looks
after; sending against smtplib, which finds its bytes ready-made, and against django-post_office
as it comes, which renders the same mails, legal footer and all, from a template. One worker, which
has sent some mails before, sends from two mailboxes at once: with more, its threads wait for each
other on few cores. Sink (aiosmtpd, which takes commands in groups), peer and workers are processes
of their own, on this machine.
"""

import argparse
import gc
import json
import os
import random
import smtplib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import batched
from pathlib import Path
from statistics import median
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prospectflow.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from benchmarks.of_sending import claiming, filling  # noqa: E402
from benchmarks.of_sending.filling import NOW  # noqa: E402
from benchmarks.of_sending.sink import sink  # noqa: E402
from outreach.models import Campaign, Message, Task  # noqa: E402
from outreach.services.enrolling import enroll_everyone  # noqa: E402
from outreach.services.planning import plan_after  # noqa: E402
from outreach.services.policy import may_send_each  # noqa: E402
from outreach.services.sending import send_batch  # noqa: E402
from outreach.services.simulating import options_for, simulate  # noqa: E402
from prospectflow.operations import embedded  # noqa: E402
from prospectflow.operations.scratch import scratch_database  # noqa: E402
from prospectflow.tenancy.context import tenant  # noqa: E402
from prospectflow.testing.asking import serve_as  # noqa: E402
from prospectflow.testing.factories import make_organisation  # noqa: E402
from tracking.services import place_pixel  # noqa: E402

PEER = Path(__file__).parent / "of_sending" / "peer.py"
FIRST = 10_000  # waiting tasks with which the cost of a claim is compared
MAILBOXES = 2  # that one worker serves at once
AT_ONCE = 1_000  # tasks whose successors are planned together
DAYS = 60

type Figures = Iterator[tuple[str, float, str]]


@dataclass(frozen=True)
class Size:
    """How much is claimed, sent, decided on, planned and foreseen."""

    organisations: int
    waiting: int
    claims: int
    mails: int
    decided: int
    planned: int
    prospects: int


FULL = Size(200, 1_000_000, 400, 5_000, 10_000, 100_000, 10_000)
QUICK = Size(20, 100_000, 100, 1_000, 1_000, 1_000, 500)
TINY = Size(20, 20_000, 20, 100, 200, 300, 100)


@contextmanager
def served() -> Iterator[None]:
    """An empty database, reached as the serving role."""
    with scratch_database():
        call_command("migrate", verbosity=0)
        serve_as("app")
        yield


def way(role: embedded.servers.Role) -> str:
    """The URL by which a role reaches the database that is served."""
    name = connection.settings_dict["NAME"]
    return embedded.database_url(settings.LOCAL_DIRECTORY, role=role, database=name)


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def claims(size: Size) -> Figures:
    with served():
        each = FIRST // size.organisations
        places = filling.fill_claims(way("superuser"), size.organisations, each)
        chosen = list(range(len(places))) * max(1, each // claiming.BATCH // 2)
        few = claiming.cost(places, chosen)
        more = (size.waiting - FIRST) // size.organisations
        filling.fill_claims(way("superuser"), 0, more)
        many = claiming.cost(places, chosen)
        claimed: list[UUID] = []
        for workers in (1, 2, 4):
            yield from _race(places, workers, size.claims, claimed)
    yield "claiming: tasks claimed twice", len(claimed) - len(set(claimed)), "<= 0"
    title = f"claiming: cost with {size.waiting:,} waiting by that with {FIRST:,}"
    yield title, many / few, "<= 1.3"


def _race(places: claiming.Places, workers: int, count: int, claimed: list[UUID]) -> Figures:
    """Ours and the bare statement in turn, so that neither has the fuller tables to itself."""
    chance = random.Random(workers)  # noqa: S311
    ways = (claiming.ours, partial(claiming.bare, url=way("owner")))
    rates: list[list[float]] = [[], []]
    for number in range(4):
        for turn in (0, 1) if number % 2 else (1, 0):
            chosen = [chance.choices(range(len(places)), k=count // 4) for _ in range(workers)]
            rate, taken = claiming.raced(ways[turn], places, chosen)
            rates[turn].append(rate)
            claimed += taken
    ours, bare = (median(found) for found in rates)
    yield f"claiming: tasks/s of {workers} worker(s)", ours, ">= 1"
    yield f"claiming: speed by the bare statement, {workers} worker(s)", ours / bare, ">= 0.6"


def sendings(size: Size) -> Figures:
    with sink() as port:
        with served():
            _send_all(*_queued(MAILBOXES, port, MAILBOXES), MAILBOXES)
            organisation_id, mailboxes = _queued(size.mails, port, MAILBOXES)
            gc.freeze()  # as manage.py worker does
            ours = seconds(lambda: _send_all(organisation_id, mailboxes, size.mails))
            bare = _by_smtplib(organisation_id, port)
            text, html = _seen(organisation_id)
        peer = _by_post_office(size.mails, port, text, html)
    yield "sending: mails/s", size.mails / ours, ">= 1"
    yield "sending: speed by smtplib with ready-made bytes", bare / ours, ">= 0.4"
    yield "sending: speed by django-post_office", peer / ours, ">= 3"


def _queued(mails: int, port: int, count: int = 1) -> tuple[UUID, list[UUID]]:
    """The organisation that has so many mails to send, and its mailboxes."""
    organisation_id = make_organisation().pk
    with tenant(organisation_id):
        mailboxes = filling.make_mailboxes(count, port, at_once=True)
        for mailbox, part in zip(mailboxes, batched(range(mails), mails // count), strict=True):
            campaign = filling.make_running(mailbox, steps=2)
            filling.make_approved(campaign, filling.make_positions(len(part), start=part[0]))
    filling.analyze(way("superuser"))
    return organisation_id, [mailbox.pk for mailbox in mailboxes]


def _send_all(organisation_id: UUID, mailboxes: list[UUID], mails: int) -> None:
    with ThreadPoolExecutor(len(mailboxes)) as jobs:
        sent = sum(jobs.map(partial(_send_from, organisation_id), mailboxes))
    if sent != mails:
        raise AssertionError(f"{sent} of {mails} mails left.")


def _send_from(organisation_id: UUID, mailbox_id: UUID) -> int:
    sent, begun = 0, time.perf_counter()

    def clock() -> datetime:
        return NOW + timedelta(seconds=time.perf_counter() - begun)

    with closing(connection):
        while batch := send_batch(
            organisation_id, mailbox_id, clock=clock, worker="benchmark", frozen=place_pixel
        ):
            sent += len(batch)
    return sent


def _by_smtplib(organisation_id: UUID, port: int) -> float:
    """The seconds of one connection, with the very bytes that we sent."""
    with tenant(organisation_id):
        mails = list(Message.objects.outbound().values_list("from_address", "to_address", "raw"))

    def work() -> None:
        with smtplib.SMTP("127.0.0.1", port, "[127.0.0.1]") as server:
            for sender, recipient, raw in mails:
                server.sendmail(sender, [recipient], bytes(raw))

    return seconds(work)


def _seen(organisation_id: UUID) -> tuple[str, str]:
    """What the recipient of one of our mails sees, footer and way out, as text and as html."""
    with tenant(organisation_id):
        message = Message.objects.outbound().latest("id")
        return message.body_text, message.body_html


def _by_post_office(mails: int, port: int, text: str, html: str) -> float:
    name = f"scratch_post_office_{os.getpid()}"
    embedded.create_database(settings.LOCAL_DIRECTORY, name)
    url = embedded.database_url(settings.LOCAL_DIRECTORY, role="owner", database=name)
    command = [sys.executable, PEER, str(port), str(mails), text, html]
    try:
        told = subprocess.run(  # noqa: S603
            command,
            env=os.environ | {"PEER_DATABASE_URL": url},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    finally:
        embedded.drop_database(settings.LOCAL_DIRECTORY, name)
    return float(told.stdout.split()[-1])


def decisions(size: Size) -> Figures:
    with served():
        organisation_id, _ = _queued(size.decided, 1)
        with tenant(organisation_id):
            tasks = list(Task.objects.order_by("id"))
            few = _queries(tasks[:100])
            took = seconds(lambda: may_send_each(tasks, now=NOW))
            many = _queries(tasks)
    yield f"deciding: seconds for {size.decided:,} tasks", took, "< 10"
    yield f"deciding: queries for {size.decided:,} tasks", many, "< 60"
    yield "deciding: queries more than for a hundred tasks", many - few, "<= 20"


def _queries(tasks: list[Task]) -> int:
    with CaptureQueriesContext(connection) as captured:
        may_send_each(tasks, now=NOW)
    return len(captured)


def plans(size: Size) -> Figures:
    with served():
        organisation_id = make_organisation().pk
        with tenant(organisation_id):
            mailboxes = filling.make_mailboxes(5, 1, at_once=False)
            campaign = filling.make_running(mailboxes[0], steps=3)
            for part in batched(range(size.planned), 20_000):
                filling.make_positions(len(part), start=part[0])
            connection.cursor().execute("SET LOCAL statement_timeout = 0")
        took = seconds(lambda: _enrolled(organisation_id, campaign))
        for step in (0, 1):
            took += _followed(organisation_id, campaign, step)
        with tenant(organisation_id):
            planned = Task.objects.count()
    if planned != 3 * size.planned:
        raise AssertionError(f"{planned} tasks were planned for {size.planned} people.")
    yield f"planning: seconds for {size.planned:,} enrolments of three steps", took, "< 60"


def _enrolled(organisation_id: UUID, campaign: Campaign) -> None:
    while True:
        with tenant(organisation_id):
            if not enroll_everyone(campaign, at=NOW).enrolled:
                return


def _followed(organisation_id: UUID, campaign: Campaign, step: int) -> float:
    """The seconds in which the mails of one step are followed by those of the next."""
    with tenant(organisation_id):
        Task.objects.filter(step_index=step).update(status="sent")
        tasks = list(Task.objects.filter(step_index=step).select_related("campaign"))
    began = time.perf_counter()
    for part in batched(tasks, AT_ONCE):
        with tenant(organisation_id):
            plan_after(part, now=NOW)
    return time.perf_counter() - began


def simulations(size: Size) -> Figures:
    with served():
        organisation_id = make_organisation().pk
        with tenant(organisation_id):
            mailboxes = filling.make_mailboxes(5, 1, at_once=False)
            campaign = filling.make_running(mailboxes[0], steps=3)
            for mailbox in mailboxes[1:]:
                campaign.mailboxes.create(mailbox=mailbox)
            filling.make_positions(size.prospects)
        _enrolled(organisation_id, campaign)
        with tenant(organisation_id):
            options = options_for(campaign, days=DAYS, reply_rate=0.03)
            took = seconds(lambda: simulate(campaign, options, now=NOW))
    yield f"simulating: seconds for {size.prospects:,} prospects, {DAYS} days", took, "< 20"


PARTS = {
    "claiming": claims,
    "sending": sendings,
    "deciding": decisions,
    "planning": plans,
    "simulating": simulations,
}
MET: dict[str, Callable[[float, float], bool]] = {
    ">=": lambda value, limit: value >= limit,
    "<=": lambda value, limit: value <= limit,
    "<": lambda value, limit: value < limit,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything")
    parser.add_argument("--tiny", action="store_true", help="just enough to see that it works")
    parser.add_argument("--only", choices=PARTS, action="append", help="these parts alone")
    told = parser.parse_args()
    size = TINY if told.tiny else QUICK if told.quick else FULL
    embedded.start(settings.LOCAL_DIRECTORY)
    for name in told.only or PARTS:
        for figure, value, goal in PARTS[name](size):
            relation, limit = goal.split()
            met = MET[relation](value, float(limit))
            line = {"figure": figure, "value": round(value, 3), "goal": goal, "met": met}
            print(json.dumps(line), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
