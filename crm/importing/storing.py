"""Stores a file's rows, chunk by chunk, in two sessions: the first makes companies, people and
their telephone numbers, the second, one chunk behind, the positions.

PostgreSQL works for each session on one core; so two of them work. A chunk counts as stored when
the second session has committed it. Until then it may be stored again, and nothing becomes double.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from queue import Queue
from threading import Thread
from typing import NamedTuple

from django.db import connection

from crm.importing.columns import POSITION_FACTS, ROW_COLUMNS
from crm.importing.merging import (
    COMPANIES,
    IN_CHUNK,
    PEOPLE,
    PHONES,
    Target,
    insertion,
    update,
)
from crm.importing.staging import SAMPLED, ask, run

AHEAD = 2  # chunks that wait for the second session
SEARCHED_LATER = "32MB"  # new entries of the search indexes, put in their places many at a time

# What the second session is told of a chunk, beside the facts of the positions.
ARRIVING = {
    "id": "uuid",
    "known": "boolean",
    "changed": "boolean",
    "company_id": "uuid",
    "person_id": "uuid",
    "row": "integer",
    **POSITION_FACTS,
    "kept": ROW_COLUMNS["kept"],
}
ARRIVED = Target(
    table="positions",
    rows="pg_temp.arriving_positions",
    facts=POSITION_FACTS,
    keys=("company_id", "person_id"),
    marked=True,
)
# Each table is told the rows: the planner does not carry a range over from one to the other.
HANDED_OVER = f"""
SELECT p.id, p.known, coalesce(c.changed, false), p.company_id, p.person_id, p.row,
    {", ".join(f"s.{name}" for name in POSITION_FACTS)}, s.kept
FROM pg_temp.placed AS p JOIN pg_temp.staged_rows AS s ON s.row = p.row
LEFT JOIN pg_temp.changed_positions AS c ON c.row = p.row
WHERE p.row {IN_CHUNK} AND s.row {IN_CHUNK} AND (c.changed OR NOT p.known) ORDER BY p.row
"""

type Scope = Callable[[], AbstractContextManager[None]]


class Chunk(NamedTuple):
    """Rows of the file, and what the second session needs of them, as COPY writes it."""

    first: int
    last: int
    positions: bytes


class Learnt(NamedTuple):
    """Where new facts come from, and whether some of the rows may be there from before."""

    source: str
    at: str
    again: bool

    def parameters(self, first: int, last: int) -> dict[str, object]:
        """What the statements for these rows ask for."""
        origin = {"source": self.source, "at": self.at}
        return {
            "first": first,
            "last": last,
            "at": self.at,
            "origin": json.dumps(origin),
            "provenance": json.dumps({"*": origin}),
        }


def store_parties(first: int, last: int, learnt: Learnt) -> None:
    """Make the companies and people of these rows, and let known ones learn; then their numbers."""
    run(f"SET LOCAL gin_pending_list_limit = '{SEARCHED_LATER}'")
    parameters = learnt.parameters(first, last)
    for target in (COMPANIES, PEOPLE):
        run(insertion(target, again=learnt.again), parameters)
        changed = f"SELECT FROM pg_temp.{target.changed()} WHERE row {IN_CHUNK} LIMIT 1"
        if ask(changed, parameters):
            run(update(target), parameters)
    run(PHONES, parameters)


def hand_over(first: int, last: int) -> Chunk:
    """What the second session is to store of these rows."""
    parameters = {"first": first, "last": last}
    return Chunk(first, last, _out(HANDED_OVER, parameters))


def store_positions(chunk: Chunk, learnt: Learnt) -> None:
    """Make the positions of a chunk whose people are there."""
    if not chunk.positions:
        return
    with _arriving(chunk):
        parameters = learnt.parameters(chunk.first, chunk.last)
        run(insertion(ARRIVED, again=learnt.again), parameters)
        if ask("SELECT FROM pg_temp.arriving_positions WHERE changed LIMIT 1"):
            run(update(ARRIVED), parameters)


def meet_references() -> None:
    """Raises IntegrityError now, not at the commit, where a row lacks what it refers to."""
    run("SET CONSTRAINTS ALL IMMEDIATE")


@contextmanager
def _arriving(chunk: Chunk) -> Iterator[None]:
    fields = ", ".join(f"{name} {kind}" for name, kind in ARRIVING.items())
    run(f"CREATE TEMPORARY TABLE arriving_positions ({fields}) ON COMMIT DROP")
    statement = "COPY pg_temp.arriving_positions FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(chunk.positions)
    run("ANALYZE pg_temp.arriving_positions (id, row)")
    yield
    run("DROP TABLE pg_temp.arriving_positions")


def _out(query: str, parameters: dict[str, int]) -> bytes:
    # Two whole numbers of our own making; COPY takes no parameters.
    statement = f"COPY ({query % parameters}) TO STDOUT"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        return b"".join(bytes(piece) for piece in copy)


class Behind(AbstractContextManager["Behind"]):
    """The second session: a thread with a connection of its own that stores what it is given.

    `done` is called in its transaction. What goes wrong there is raised by the next `give`, or
    when the context ends, after everything that was given before has been stored.
    """

    def __init__(self, scope: Scope, learnt: Learnt, done: Callable[[int], None]) -> None:
        self.scope, self.learnt, self.done = scope, learnt, done
        self.waiting: Queue[Chunk | None] = Queue(AHEAD)
        self.trouble: BaseException | None = None
        self.thread = Thread(target=self._work, name="import, second session")

    def __enter__(self) -> "Behind":
        self.thread.start()
        return self

    def give(self, chunk: Chunk) -> None:
        """Have this chunk stored; its people and companies have been committed."""
        if self.trouble is None:
            self.waiting.put(chunk)
        self._raise_trouble()

    def __exit__(self, *error: object) -> None:
        self.waiting.put(None)
        self.thread.join()
        if error[0] is None:
            self._raise_trouble()

    def _work(self) -> None:
        with closing(connection):
            while chunk := self.waiting.get():
                if self.trouble is None:
                    self._store(chunk)

    def _store(self, chunk: Chunk) -> None:
        try:
            with self.scope():
                run("SET LOCAL statement_timeout = 0")
                run(f"SET LOCAL default_statistics_target = {SAMPLED}")
                store_positions(chunk, self.learnt)
                meet_references()
                self.done(chunk.last)
        except BaseException as trouble:
            self.trouble = trouble

    def _raise_trouble(self) -> None:
        if self.trouble is not None:
            raise self.trouble
