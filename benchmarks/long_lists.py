"""A page of 50 companies: a tenant with a million of them against one with a thousand."""

import argparse
import json
import os
import time
from collections.abc import Callable
from statistics import quantiles

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prospectflow.settings")
django.setup()

import psycopg  # noqa: E402
from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402

from prospectflow.operations import embedded  # noqa: E402
from prospectflow.testing.asking import api, asking, round_trips, serve_as, token  # noqa: E402
from prospectflow.testing.factories import make_organisation, make_user  # noqa: E402

FILL = """
INSERT INTO crm.companies (organisation_id, name)
SELECT %s, md5(n::text) || ' conseil' FROM generate_series(1, %s) n
"""


def fill(organisation_id: object, rows: int) -> None:
    name = connection.settings_dict["NAME"]
    url = embedded.database_url(settings.LOCAL_DIRECTORY, role="superuser", database=name)
    with psycopg.connect(url, autocommit=True) as superuser:
        superuser.execute("SET session_replication_role = replica")
        superuser.execute(FILL, [organisation_id, rows])
        superuser.execute("ANALYZE crm.companies")


def milliseconds(ask: Callable[[], bytes]) -> float:
    began = time.perf_counter()
    ask()
    return (time.perf_counter() - began) * 1000


def p95(times: list[float]) -> float:
    return quantiles(times, n=20)[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    with api():
        serve_as("app")
        pages = []
        most = 100_000 if quick else 1_000_000
        for rows in (most, 1000):
            subject = f"owner-of-{rows}"
            organisation = make_organisation(owner=make_user(cognito_sub=subject))
            fill(organisation.pk, rows)
            pages.append(asking("/api/v1/companies/", token(subject), "limit=50"))
        trips = len(round_trips(pages[0]))
        times = [[milliseconds(page) for page in pages] for _ in range(60 if quick else 400)][20:]
        large, small = (p95(list(each)) for each in zip(*times, strict=True))
    for figure, value, limit in (
        (f"list of 50: p95 with {most:,} rows by that with 1,000", large / small, 1.5),
        ("list of 50: round trips to PostgreSQL", trips, 5),
    ):
        line = {"figure": figure, "value": round(value, 2), "goal": f"<= {limit}"}
        print(json.dumps(line | {"met": value <= limit}))  # noqa: T201


if __name__ == "__main__":
    main()
