"""What goes wrong meanwhile: sessions killed, statements cancelled, rows that are held too long."""

import random
import time
from threading import Thread

import psycopg

from prospectflow.tenancy.tests.load.cast import Member
from prospectflow.tenancy.tests.load.judging import Findings

STATEMENT_TIMEOUT = "400ms"
BUSY = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
    " AND usename = 'prospectflow_app' AND state <> 'idle' ORDER BY random() LIMIT 1"
)
HELD = "SELECT FROM crm.companies WHERE organisation_id = ANY(%s) FOR UPDATE"


class Trouble(Thread):
    """One kind of trouble, made again and again at random until the load is over."""

    def __init__(self, superuser_url: str, cast: list[Member], findings: Findings) -> None:
        super().__init__()
        self.url, self.cast, self.findings = superuser_url, cast, findings
        self.chance = random.Random(7)

    def run(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as session:
            while not self.findings.over.wait(self.chance.uniform(0, 0.2)):
                self.make(session)

    def make(self, session: psycopg.Connection) -> None:
        raise NotImplementedError


class Killer(Trouble):
    """Ends a session of the pool in the middle of its work, or cancels what it does."""

    def make(self, session: psycopg.Connection) -> None:
        way = self.chance.choice(["terminate", "cancel"])
        found = session.execute(BUSY).fetchone()
        if found and session.execute(f"SELECT pg_{way}_backend(%s)", found).fetchone()[0]:
            self.findings.count(way)


class Holder(Trouble):
    """Holds some organisations' companies for longer than a statement may take."""

    def make(self, session: psycopg.Connection) -> None:
        some = [member.organisation_id for member in self.chance.sample(self.cast, 5)]
        with session.transaction():
            session.execute(HELD, [some])
            time.sleep(0.8)
        self.findings.count("hold")
