"""A hundred clients: programs, browsers, and strangers who speak to the pooler itself."""

import json
import random
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from threading import Thread
from typing import Any

import psycopg

from prospectflow.tenancy.tests.load.cast import COMPANIES, Member, stranger_to
from prospectflow.tenancy.tests.load.judging import Findings

BUSY = 503  # a lock, a time-out, a session that was killed: no reason of tenancy
PROGRAMS, BROWSERS, STRANGERS = 76, 14, 10
API = "/api/v1"


class Client(Thread):
    """Somebody who asks one thing after the other until the load is over."""

    def __init__(self, number: int, port: int, cast: list[Member], findings: Findings) -> None:
        super().__init__(name=f"client-{number}")
        self.cast, self.findings, self.port = cast, findings, port
        self.chance = random.Random(number)
        self.member = cast[number % len(cast)]
        self.line: HTTPConnection | None = None

    def run(self) -> None:
        while not self.findings.over.is_set():
            try:
                self.ask_something()
            except (OSError, HTTPException):
                self.hang_up()
                self.findings.count("hung up")
            except Exception as error:
                self.findings.broken.append(f"{type(self).__name__}: {error!r}")
                self.findings.over.set()
        self.hang_up()

    def ask_something(self) -> None:
        raise NotImplementedError

    def hang_up(self) -> None:
        """Close the line, whatever is still on its way."""
        if self.line is not None:
            self.line.close()
        self.line = None

    def send(self, method: str, path: str, headers: dict[str, str], body: Any = None) -> None:
        self.line = self.line or HTTPConnection("127.0.0.1", self.port, timeout=60)
        told = {"Content-Type": "application/json"} if body is not None else {}
        self.line.request(
            method, path, json.dumps(body) if body is not None else None, headers | told
        )

    def ask(self, what: str, expected: set[int], *asked: Any) -> tuple[int, bytes]:
        """Send and judge one request; 503 is always an answer."""
        self.send(*asked)
        answer = self.line.getresponse()  # type: ignore[union-attr]
        status, body = answer.status, answer.read()
        self.findings.answered(what, self.asks_for.number, repr(asked), status, body)
        if status not in expected | {BUSY}:
            self.findings.broken.append(f"{what} {asked[:2]}: {status} {body[:300]!r}")
        return status, body

    @property
    def asks_for(self) -> Member:
        """The organisation whose rows the present request is about."""
        return self.member


class Program(Client):
    """Asks the API by a token; whose person belongs to two organisations asks for either."""

    place: Member | None = None

    @property
    def asks_for(self) -> Member:
        return self.place or self.member

    @property
    def headers(self) -> dict[str, str]:
        named = {"X-Organisation": self.asks_for.slug}
        return named | {"Authorization": f"Bearer {self.member.token}"}

    def ask_something(self) -> None:
        both = (
            [self.member, self.cast[self.member.number + 1]] if self._is_in_two else [self.member]
        )
        self.place = self.chance.choice(both)
        self.chance.choice(self.WAYS)(self)

    @property
    def _is_in_two(self) -> bool:
        return self.member.number % 2 == 0

    def _own(self) -> str:
        return self.chance.choice(self.asks_for.companies)

    def _strangers(self) -> str:
        return self.chance.choice(stranger_to(self.member, self.cast, self.chance).companies)

    def lists(self) -> None:
        name = self.chance.choice(["companies", "people", "positions"])
        path = f"{API}/{name}/?limit=100"
        status, body = self.ask("list", {200}, "GET", path, self.headers)
        if status == 200 and len(json.loads(body)["results"]) < COMPANIES:
            self.findings.broken.append(f"list: {self.asks_for.slug} misses its own {name}")

    def searches(self) -> None:
        someone = self.chance.choice(self.cast)
        path = f"{API}/companies/?search={someone.mark}"
        self.ask("search", {200}, "GET", path, self.headers)

    def reads(self) -> None:
        self.ask("read", {200}, "GET", f"{API}/companies/{self._own()}/", self.headers)

    def reads_a_strangers(self) -> None:
        path = f"{API}/companies/{self._strangers()}/"
        method = self.chance.choice(["GET", "PATCH", "DELETE"])
        body = {"name": self.asks_for.mark} if method == "PATCH" else None
        self.ask("a stranger's", {404}, method, path, self.headers, body)

    def counts(self) -> None:
        path = f"{API}/statistics/totals/"
        status, body = self.ask("totals", {200}, "GET", path, self.headers)
        sent = json.loads(body)["totals"]["sent"] if status == 200 else 0
        if sent and sent != 1000 + self.asks_for.number:
            self.findings.leaked(f"totals: {self.asks_for.number} was told {sent}")

    def makes(self) -> None:
        body = {"name": f"{self.asks_for.mark} made"}
        status, said = self.ask("make", {201}, "POST", f"{API}/companies/", self.headers, body)
        if status != 201:
            return
        made = json.loads(said)["id"]
        if self.chance.random() < 0.5:
            self.ask("delete", {204}, "DELETE", f"{API}/companies/{made}/", self.headers)
        else:
            self.findings.made[made] = self.asks_for.number

    def changes(self) -> None:
        body = {"name": f"{self.asks_for.mark} {self.chance.randrange(99)}"}
        path = f"{API}/companies/{self._own()}/"
        self.ask("change", {200}, "PATCH", path, self.headers, body)

    def errs(self) -> None:
        path = f"{API}/companies/"
        self.ask("error", {400}, "POST", path, self.headers, {"name": ""})
        self.ask("error", {400}, "GET", f"{path}?limit=many", self.headers)
        self.ask("error", {401}, "GET", path, {"Authorization": "Bearer none"})

    def points_at_a_strangers(self) -> None:
        body = {"company": self._strangers(), "email": "x@example.com"}
        self.ask("a stranger's", {400}, "POST", f"{API}/positions/", self.headers, body)

    def takes_away(self) -> None:
        path = f"{API}/companies/export/?format=ndjson"
        self.ask("export", {200}, "GET", path, self.headers)

    def gives_up(self) -> None:
        """Cancel: hang up before the answer, or in the middle of it."""
        name = self.chance.choice(["companies/export/", "positions/export/", "companies/"])
        self.send("GET", f"{API}/{name}", self.headers)
        self.line.sock.settimeout(self.chance.choice([0.01, 0.1]))  # type: ignore[union-attr]
        with suppress(OSError):
            self.line.sock.recv(200)  # type: ignore[union-attr]
        self.hang_up()
        self.findings.count("given up")

    WAYS: list[Callable[["Program"], None]] = [
        lists, lists, searches, reads, reads_a_strangers, counts, makes, changes, errs,
        points_at_a_strangers, takes_away, takes_away, gives_up,
    ]  # fmt: skip


class Browser(Client):
    """Looks at pages of the console."""

    def ask_something(self) -> None:
        cookie = {"Cookie": self.member.cookie}
        pages = ["/crm/company/", "/crm/position/", "/", f"/campaigns/{self.member.campaign}/"]
        self.ask("page", {200}, "GET", self.chance.choice(pages), cookie)


class Stranger(Client):
    """Speaks to the pooler as the role that serves, and has no organisation."""

    def ask_something(self) -> None:
        try:
            with psycopg.connect(self.url, autocommit=True, prepare_threshold=None) as session:
                for _ in range(20):
                    self.look(session)
                self.leave_in_the_middle(session)
        except psycopg.OperationalError:
            self.findings.count("stranger cut off")

    def look(self, session: psycopg.Connection) -> None:
        """Whatever session of the pool this is: nobody's organisation is left behind in it."""
        left = session.execute("SELECT current_setting('app.organisation_id', true)").fetchone()
        if left and left[0]:
            self.findings.leaked(f"a stranger was left {left[0]}")
        try:
            session.execute("SELECT id FROM crm.companies LIMIT 1")
        except psycopg.errors.InsufficientPrivilege:
            self.findings.count("stranger refused")
        else:
            self.findings.leaked("a stranger could ask for companies")

    def leave_in_the_middle(self, session: psycopg.Connection) -> None:
        """Begin to serve an organisation, and be gone before the end."""
        session.execute("BEGIN")
        told = [str(self.member.organisation_id)]
        session.execute("SELECT set_config('app.organisation_id', %s, true)", told)
        for (name,) in session.execute("SELECT name FROM crm.companies").fetchall():
            if self.member.mark not in name:
                self.findings.leaked(f"{self.member.number} read {name}")
        session.close()
        self.findings.count("left in the middle")

    url = ""


def clients(port: int, url: str, cast: list[Member], findings: Findings) -> list[Client]:
    """All of them, not yet begun."""
    Stranger.url = url
    kinds = [Program] * PROGRAMS + [Browser] * BROWSERS + [Stranger] * STRANGERS
    return [kind(number, port, cast, findings) for number, kind in enumerate(kinds)]
