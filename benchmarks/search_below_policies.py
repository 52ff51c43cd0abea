"""What row-level security costs a search by name: our operator below the policy, against the same
rows and index without any policy, and against PostgreSQL's ILIKE below the policy."""

import argparse
import json
import os
import time
from statistics import median
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prospectflow.settings")
django.setup()

import psycopg  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from prospectflow.operations import embedded  # noqa: E402
from prospectflow.operations.scratch import scratch_database  # noqa: E402

FILL = """
SET session_replication_role = replica;
INSERT INTO iam.organisations (id, name, slug)
SELECT uuidv7(), 'Organisation ' || n, 'organisation-' || n FROM generate_series(1, 10) n;
INSERT INTO crm.companies (organisation_id, name)
SELECT o.id, md5(o.id::text || n) || ' conseil' FROM iam.organisations o,
    generate_series(1, %(rows)s) n;
ANALYZE crm.companies;
"""
OURS = "SELECT id FROM crm.companies WHERE {scope} name OPERATOR(search.~~~*) %s"
PLAIN = "SELECT id FROM crm.companies WHERE {scope} name ILIKE %s"


def milliseconds(database: psycopg.Connection, query: str, arguments: list[object]) -> float:
    began = time.perf_counter()
    database.execute(query, arguments).fetchall()
    return (time.perf_counter() - began) * 1000


def measure(rows: int) -> tuple[float, float]:
    """The operator's time below the policy by that without; ILIKE's by the operator's, below."""
    name = connection.settings_dict["NAME"]
    urls = {
        role: embedded.database_url(settings.LOCAL_DIRECTORY, role=role, database=name)
        for role in ("superuser", "owner", "app")
    }
    with psycopg.connect(urls["superuser"], autocommit=True) as superuser:
        for statement in FILL.replace("%(rows)s", str(rows)).split(";"):
            if statement.strip():
                superuser.execute(statement)
        found = superuser.execute("SELECT id FROM iam.organisations LIMIT 1").fetchone()
    organisation: UUID = found[0]
    with psycopg.connect(urls["owner"]) as owner, psycopg.connect(urls["app"]) as app:
        app.execute("SELECT set_config('app.organisation_id', %s, false)", [str(organisation)])
        runs = [_run(owner, app, organisation) for _ in range(15)]
    return median(a / b for a, b, _ in runs), median(c / a for a, _, c in runs)


def _run(
    owner: psycopg.Connection, app: psycopg.Connection, organisation: UUID
) -> tuple[float, float, float]:
    below = milliseconds(app, OURS.format(scope=""), ["%ab12%"])
    scope = "organisation_id = %s AND"
    without = milliseconds(owner, OURS.format(scope=scope), [organisation, "%ab12%"])
    return below, without, milliseconds(app, PLAIN.format(scope=""), ["%ab12%"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    rows = 25_000 if parser.parse_args().quick else 50_000
    embedded.start(settings.LOCAL_DIRECTORY)
    with scratch_database():
        call_command("migrate", verbosity=0)
        cost, gain = measure(rows)
    for figure, value, goal, met in (
        ("search: below the policy by without one", cost, "<= 1.6", cost <= 1.6),
        ("search: ILIKE by our operator, below the policy", gain, ">= 5", gain >= 5),
    ):
        print(json.dumps({"figure": figure, "value": round(value, 2), "goal": goal, "met": met}))  # noqa: T201


if __name__ == "__main__":
    main()
