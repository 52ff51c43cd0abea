"""How fast files of prospects go in: by the whole pipeline, by bare SQL, by the ORM, in one run.

Every way stores the same generated Pharow rows as the serving role, below the policies, with all
keys and indexes. The bare SQL is COPY into a staging table and three upserts, without any check or
telephone number; the ORM stores the same columns, and the numbers, which the pipeline does as well.
The ORM is asked in the full form alone.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prospectflow.settings")
django.setup()

import psycopg  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from benchmarks.of_importing.bare import bare  # noqa: E402
from benchmarks.of_importing.clock import seconds  # noqa: E402
from benchmarks.of_importing.memory import Memory  # noqa: E402
from benchmarks.of_importing.orm import by_bulk_create, by_update_or_create  # noqa: E402
from outreach.services.importing import perform_import  # noqa: E402
from outreach.services.uploads import begin, receive  # noqa: E402
from prospectflow.environment import database_from  # noqa: E402
from prospectflow.operations import embedded  # noqa: E402
from prospectflow.operations.scratch import scratch_database  # noqa: E402
from prospectflow.tenancy.context import tenant  # noqa: E402
from prospectflow.testing.factories import make_organisation  # noqa: E402

MEGABYTE = 1 << 20
# A tenant that holds much already; as the owner of the tables, without their checks.
FULL = """
SET session_replication_role = replica;
INSERT INTO crm.companies (organisation_id, id, siren, name, domain)
SELECT %(organisation)s, uuidv7(), (500000000 + n)::text, 'SOCIÉTÉ ' || n, 'societe' || n || '.fr'
FROM generate_series(1, %(companies)s) AS n;
INSERT INTO crm.people (organisation_id, id, first_name, last_name, linkedin_url, identity_key)
SELECT %(organisation)s, uuidv7(), 'Ada', 'Lovelace ' || n,
    'https://www.linkedin.com/in/held-' || n, 'linkedin:in/held-' || n
FROM generate_series(1, %(people)s) AS n;
INSERT INTO crm.positions (organisation_id, id, company_id, person_id, email, email_status)
SELECT %(organisation)s, uuidv7(), c.id, p.id, 'held' || p.n || '@societe' || c.n || '.fr', 'valid'
FROM (SELECT id, row_number() OVER () AS n FROM crm.people
      WHERE organisation_id = %(organisation)s) AS p
JOIN (SELECT id, row_number() OVER () AS n FROM crm.companies
      WHERE organisation_id = %(organisation)s) AS c ON c.n = p.n %% %(companies)s + 1;
"""


@contextmanager
def served() -> Iterator[UUID]:
    """An empty database with one organisation, reached as the serving role."""
    with scratch_database():
        call_command("migrate", verbosity=0)
        organisation_id = make_organisation().pk
        name = connection.settings_dict["NAME"]
        connection.close()
        connection.settings_dict.update(_way("app", name))
        yield organisation_id
        connection.close()
        connection.settings_dict.update(_way("owner", name))


def _way(role: str, name: str) -> dict[str, object]:
    url = embedded.database_url(settings.LOCAL_DIRECTORY, role=role, database=name)
    return database_from(url) | {"ENGINE": connection.settings_dict["ENGINE"]}


def _superuser() -> psycopg.Connection:
    name = connection.settings_dict["NAME"]
    url = embedded.database_url(settings.LOCAL_DIRECTORY, role="superuser", database=name)
    return psycopg.connect(url, autocommit=True)


def pipeline(organisation_id: UUID, path: Path) -> float:
    """The seconds that a worker needs for the file, from its first byte to the report."""
    with tenant(organisation_id):
        upload = receive(path, at=timezone.now())
        upload = begin(upload, at=timezone.now())
    took = seconds(lambda: perform_import(organisation_id, upload.pk, clock=timezone.now))
    with tenant(organisation_id):
        upload.refresh_from_db()
    if upload.status != "completed" or upload.report["rows_refused"]:
        raise AssertionError(f"{upload.status}: {upload.parse_errors} {upload.report}")
    return took


type Figures = Iterator[tuple[str, float, str]]


def measure(rows: int, held: int, folder: Path) -> Figures:
    path = _written(folder / "prospects.csv", rows, start=0)
    with served() as organisation_id:
        basis = bare(organisation_id, path)
    with served() as organisation_id, Memory() as memory:
        empty = pipeline(organisation_id, path)
        again = pipeline(organisation_id, path)
    yield "import: rows/s of the whole pipeline", rows / empty, ">= 10000"
    yield "import: the pipeline's speed by that of the bare SQL", basis / empty, ">= 0.6"
    yield "import: most memory in MB", memory.most / MEGABYTE, "< 300"
    yield "import: rows/s of the same file again", rows / again, ">= 15000"
    with served() as organisation_id:
        _fill(organisation_id, held)
        full = pipeline(organisation_id, path)
    yield f"import: speed beside {held:,} rows by that into an empty tenant", empty / full, ">= 0.7"


def beside_the_orm(sample: int, folder: Path) -> Figures:
    few = _written(folder / "sample.csv", sample, start=0)
    with served() as organisation_id:
        ours = pipeline(organisation_id, few)
    with served() as organisation_id:
        row_by_row = by_update_or_create(organisation_id, sample)
    yield f"import: speed by update_or_create, {sample:,} rows", row_by_row / ours, ">= 60"
    many = _written(folder / "many.csv", sample * 10, start=0)
    with served() as organisation_id:
        ours = pipeline(organisation_id, many)
    with served() as organisation_id:
        bulk = by_bulk_create(organisation_id, sample * 10)
    yield f"import: speed by bulk_create, {sample * 10:,} rows", bulk / ours, ">= 2"


def _written(path: Path, rows: int, *, start: int) -> Path:
    """The file, written by another process, whose memory is not ours."""
    code = (
        "import sys; from pathlib import Path;"
        " from prospectflow.testing.prospects import write_pharow;"
        " write_pharow(Path(sys.argv[1]), int(sys.argv[2]), start=int(sys.argv[3]))"
    )
    subprocess.run([sys.executable, "-c", code, path, str(rows), str(start)], check=True)  # noqa: S603
    return path


def _fill(organisation_id: UUID, held: int) -> None:
    """People and positions, `held` of each, in companies of which there are fewer."""
    told = {"organisation": organisation_id, "people": held, "companies": int(held * 0.28)}
    with _superuser() as superuser:
        for statement in FULL.split(";"):
            if statement.strip():
                superuser.execute(statement, told if "%(" in statement else None)
        superuser.execute("VACUUM ANALYZE crm.companies, crm.people, crm.positions")


def main() -> None:
    # The processes that read the file would otherwise run this script's beginning, Django and all.
    del sys.modules["__main__"].__file__
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    size = (50_000, 100_000) if quick else (1_000_000, 5_000_000)
    embedded.start(settings.LOCAL_DIRECTORY)
    with TemporaryDirectory() as folder:
        beside = () if quick else beside_the_orm(10_000, Path(folder))
        for figure, value, goal in chain(measure(*size, Path(folder)), beside):
            relation, limit = goal.split()
            met = value >= float(limit) if relation == ">=" else value < float(limit)
            told = {"figure": figure, "value": round(value, 2), "goal": goal, "met": met}
            print(json.dumps(told), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
