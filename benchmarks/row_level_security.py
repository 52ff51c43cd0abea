"""What row-level security costs: as requests, as single statements, and in a search by words.

Each is asked as the application asks it, below the policies, and again as the owner of the tables,
whom no policy binds, with the organisation named in the statement instead. Both are asked in turn,
of the same rows; what is told is the median of the ratios of five such pairs. The short form has
20,000 companies in ten organisations, the full one 2,000,000 in 200, and as many people, positions
and enrolments. The API counts in one place, the numbers of a campaign: that is the request that
counts.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from statistics import median
from typing import Any
from unittest import mock
from uuid import UUID

import django
import psycopg

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prospectflow.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from benchmarks.console import fill  # noqa: E402
from crm.models import Company, Position  # noqa: E402
from outreach import querysets  # noqa: E402
from prospectflow.api.viewsets import TenantViewSet  # noqa: E402
from prospectflow.operations import embedded  # noqa: E402
from prospectflow.tenancy.context import tenant  # noqa: E402
from prospectflow.testing.asking import api, asking, serve_as, token  # noqa: E402
from prospectflow.testing.factories import (  # noqa: E402
    make_campaign,
    make_organisation,
    make_user,
)

PAIRS = 5
SUBJECT = "owner-of-one-organisation"
# What bootstrap.sql gives the serving role, for the owner as well: the policies alone shall differ.
ALIKE = "SET jit = off; SET max_parallel_workers_per_gather = 0"
STATEMENTS: dict[str, Callable[[Any, Any], object]] = {
    "point read": lambda companies, _: companies.get(siren="100000777"),
    "page of 50 by name": lambda companies, _: list(companies.order_by("name", "id")[:50]),
    "page of 50 by date": lambda companies, _: list(companies.order_by("-id")[:50]),
    "three-table join": lambda _, positions: list(
        positions.select_related("company", "person").order_by("-id")[:50]
    ),
    "filtered list": lambda companies, _: list(
        companies.filter(department="13").order_by("-id")[:50]
    ),
    "count": lambda companies, _: companies.count(),
}
SEARCHES = {"many": "dupont", "few": "gauardan plomberie", "nobody": "zyxw"}
REQUESTS = {
    "page of 50 by name": ("/api/v1/companies/", "sort=name&limit=50"),
    "page of 50 by date": ("/api/v1/companies/", "limit=50"),
    "three-table join": ("/api/v1/positions/", "limit=50"),
    "filtered list": ("/api/v1/positions/", "email_status=generic&limit=50"),
}
# As the superuser, past triggers and policies.
ENROL = """
INSERT INTO outreach.campaign_enrollments
    (organisation_id, campaign_id, position_id, enrolled_at, state)
SELECT p.organisation_id, c.id, p.id, now(), 'finished'
FROM crm.positions p JOIN outreach.campaigns c USING (organisation_id)
"""


class Side:
    """The rows of one organisation, seen below the policies or as their owner without any."""

    def __init__(self, role: str, organisation_id: UUID) -> None:
        self.role, self.organisation_id = role, organisation_id

    def rows(self, model: Any) -> Any:
        rows = model.objects.all()
        return rows.filter(organisation_id=self.organisation_id) if self.role == "owner" else rows

    def scope(self) -> Any:
        serve_as(self.role)
        with connection.cursor() as cursor:
            cursor.execute(ALIKE)
        return transaction.atomic() if self.role == "owner" else tenant(self.organisation_id)

    def statement(self, ask: Callable[[Any, Any], object]) -> str:
        """The one statement with which the application asks this."""
        with self.scope(), CaptureQueriesContext(connection) as asked:
            ask(self.rows(Company), self.rows(Position))
        return asked[-1]["sql"]

    def named(self) -> Any:
        """Requests name the organisation in their statements, where no policy does it for them."""
        named = ExitStack()
        if self.role == "owner":
            for place, name in ((TenantViewSet, "get_queryset"), (querysets, "_rows")):
                named.enter_context(mock.patch.object(place, name, self._of_one(place, name)))
        return named

    def _of_one(self, place: Any, name: str) -> Callable[[Any], Any]:
        whole = getattr(place, name)
        return lambda asked: whole(asked).filter(organisation_id=self.organisation_id)


def milliseconds(ask: Callable[[], object], times: int) -> float:
    """The median of so many, after a few that warm the caches."""
    taken = []
    for _ in range(times + 5):
        began = time.perf_counter()
        ask()
        taken.append((time.perf_counter() - began) * 1000)
    return median(taken[5:])


def run(statement: str) -> Callable[[], object]:
    def ask() -> object:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()

    return ask


def paired(one: Callable[[Side], float], sides: tuple[Side, Side]) -> float:
    """The median ratio of the first side by the second, each pair asked one after the other."""
    pairs = [[one(side) for side in sides] for _ in range(PAIRS)]
    return median(ours / theirs for ours, theirs in pairs)


def statements(sides: tuple[Side, Side], times: int) -> Iterator[tuple[str, float, float]]:
    for name, ask in STATEMENTS.items():
        written = {side.role: side.statement(ask) for side in sides}

        def one(side: Side, written: dict[str, str] = written) -> float:
            with side.scope():
                return milliseconds(run(written[side.role]), times)

        yield f"row-level security: {name}, one statement", paired(one, sides), 1.6


def searches(sides: tuple[Side, Side], times: int) -> Iterator[tuple[str, float, float]]:
    for found, text in SEARCHES.items():

        def one(side: Side, text: str = text) -> float:
            with side.scope():
                companies = side.rows(Company).order_by("name", "id")
                return milliseconds(lambda: list(companies.searched_for_a_page(text)[:51]), times)

        yield f"row-level security: search that finds {found}", paired(one, sides), 2


def enrol_all(places: Sequence[UUID]) -> dict[UUID, UUID]:
    """For each organisation the campaign in which everybody of it is."""
    campaigns = {}
    for organisation_id in places:
        with tenant(organisation_id):
            campaigns[organisation_id] = make_campaign().pk
    name = connection.settings_dict["NAME"]
    url = embedded.database_url(settings.LOCAL_DIRECTORY, role="superuser", database=name)
    with psycopg.connect(url, autocommit=True) as superuser:
        superuser.execute("SET session_replication_role = replica")
        superuser.execute(ENROL)
        superuser.execute("VACUUM ANALYZE outreach.campaign_enrollments, outreach.campaigns")
    return campaigns


def requests(
    sides: tuple[Side, Side], campaign: UUID, times: int
) -> Iterator[tuple[str, float, float]]:
    with sides[0].scope():
        key = Company.objects.get(siren="100000777").pk
    bearer = token(SUBJECT)
    for name, (path, query) in {
        "point read": (f"/api/v1/companies/{key}/", ""),
        **REQUESTS,
        "count": (f"/api/v1/campaigns/{campaign}/", ""),
    }.items():

        def one(side: Side, path: str = path, query: str = query) -> float:
            serve_as(side.role)
            with side.named():
                return milliseconds(asking(path, bearer, query), times)

        yield f"row-level security: {name}, request", paired(one, sides), 1.15


def measure(organisations: int, rows: int, times: int) -> Iterator[tuple[str, float, float]]:
    owner = make_user(cognito_sub=SUBJECT)
    serve_as("app")
    places = [make_organisation(owner=owner if n == 7 else None) for n in range(organisations)]
    fill(places, rows)
    campaigns = enrol_all([place.pk for place in places])
    sides = Side("app", places[7].pk), Side("owner", places[7].pk)
    yield from statements(sides, times)
    yield from requests(sides, campaigns[places[7].pk], times)
    yield from searches(sides, max(times // 4, 5))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="20,000 companies instead of 2,000,000"
    )
    size = (10, 2_000, 15) if parser.parse_args().quick else (200, 10_000, 100)
    with api():
        for figure, value, limit in measure(*size):
            line = {"figure": figure, "value": round(value, 2), "goal": f"<= {limit}"}
            print(json.dumps(line | {"met": value <= limit}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
