"""How fast files of prospects go in: by the whole pipeline, by bare SQL, by the ORM, in one run.

Every way stores the same generated Pharow rows as the serving role, below the policies, with all
keys and indexes. The bare SQL is COPY into a staging table and three upserts, without any check or
telephone number; the ORM stores the same columns, and the numbers, which the pipeline does as well.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import batched, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prospectflow.settings")
django.setup()

import psycopg  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from crm.models import Company, Person, Phone, Position  # noqa: E402
from outreach.services.importing import perform_import  # noqa: E402
from outreach.services.uploads import begin, receive  # noqa: E402
from prospectflow.environment import database_from  # noqa: E402
from prospectflow.operations import embedded  # noqa: E402
from prospectflow.operations.scratch import scratch_database  # noqa: E402
from prospectflow.tenancy.context import tenant  # noqa: E402
from prospectflow.testing.factories import make_organisation  # noqa: E402
from prospectflow.testing.prospects import HEADERS, pharow_rows  # noqa: E402

MEGABYTE = 1 << 20
COMPANY = {
    "hq_siret": "SIRET du siège",
    "brand_name": "Nom commercial",
    "name": "Nom légal",
    "main_phone": "Tél standard",
    "generic_email": "Email générique",
    "naf_sector": "Secteur NAF",
    "activity": "Activité source Pharow",
    "founding_year": "Année de création",
    "founding_date": "Date de création",
    "employee_range": "Tranche d'effectif corrigée",
    "website_url": "URL du site internet",
    "hq_address": "Adresse du siège complète",
}
PERSON = {
    "first_name": "Prénom",
    "last_name": "Nom",
    "salutation": "Civilité",
    "linkedin_url": "URL LinkedIn du prospect",
}
POSITION = {
    "job_title": "Poste occupé",
    "list_name": "Nom de la liste Pharow",
    "email": "Email",
    "email_status": "Type d'email",
}
# Column of the bare staging table -> header of the file.
STAGED = {"siren": "SIREN"} | COMPANY | PERSON | POSITION
BARE = (
    """
    INSERT INTO crm.companies (siren, hq_siret, brand_name, name, main_phone, generic_email,
        naf_sector, activity, founding_year, founding_date, employee_range, website_url,
        hq_address, domain)
    SELECT DISTINCT ON (siren) siren, hq_siret, nullif(brand_name, ''), name, main_phone,
        generic_email, naf_sector, activity, founding_year::smallint, founding_date::date,
        employee_range, website_url, hq_address, split_part(email, '@', 2)
    FROM bare ORDER BY siren, number
    ON CONFLICT (organisation_id, siren) DO UPDATE SET name = excluded.name
    WHERE companies.name IS DISTINCT FROM excluded.name
    """,
    """
    INSERT INTO crm.people (first_name, last_name, salutation, linkedin_url, identity_key)
    SELECT DISTINCT ON (mark) first_name, last_name, salutation, nullif(linkedin_url, ''), mark
    FROM (
        SELECT *, CASE WHEN linkedin_url = '' THEN 'email:' || email
                       ELSE 'linkedin:' || substr(linkedin_url, 26) END AS mark
        FROM bare
    ) AS marked
    ORDER BY mark, number
    ON CONFLICT (organisation_id, identity_key) DO UPDATE SET last_name = excluded.last_name
    WHERE people.last_name IS DISTINCT FROM excluded.last_name
    """,
    """
    INSERT INTO crm.positions (company_id, person_id, job_title, list_name, email, email_status)
    SELECT c.id, p.id, bare.job_title, bare.list_name, bare.email, bare.email_status
    FROM bare JOIN crm.companies AS c USING (siren)
    JOIN crm.people AS p ON p.identity_key = CASE
        WHEN bare.linkedin_url = '' THEN 'email:' || bare.email
        ELSE 'linkedin:' || substr(bare.linkedin_url, 26) END
    ON CONFLICT (organisation_id, company_id, person_id, email) DO UPDATE
    SET job_title = excluded.job_title
    WHERE positions.job_title IS DISTINCT FROM excluded.job_title
    """,
)
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


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


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


def bare(organisation_id: UUID, path: Path) -> float:
    """The seconds of COPY and three upserts in one transaction."""
    return seconds(lambda: _bare(organisation_id, path))


def _bare(organisation_id: UUID, path: Path) -> None:
    fields = ", ".join(f"{name} text" for name in STAGED)
    with tenant(organisation_id), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0; SET LOCAL work_mem = '128MB'")
        # There are no statistics yet, and the planner would pair every row with every other.
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(f"CREATE TEMPORARY TABLE bare (number integer, {fields}) ON COMMIT DROP")
        with cursor.copy("COPY bare FROM STDIN") as copy:
            for lines in batched(_bare_lines(path), 5_000):
                copy.write("".join(lines))
        cursor.execute("ANALYZE bare")
        for statement in BARE:
            cursor.execute(statement)


def _bare_lines(path: Path) -> Iterator[str]:
    places = [HEADERS.index(header) for header in STAGED.values()]
    with path.open(newline="", encoding="utf-8-sig") as file:
        for number, cells in enumerate(islice(csv.reader(file), 1, None)):
            yield f"{number}\t" + "\t".join([cells[place] for place in places]) + "\n"


def by_bulk_create(organisation_id: UUID, rows: int) -> float:
    """The seconds of Django's own upserts, 5,000 rows at a time."""
    batches = [list(each) for each in batched(pharow_rows(rows), 5_000)]

    def work() -> None:
        for batch in batches:
            with tenant(organisation_id):
                _upsert(batch)

    return seconds(work)


def _upsert(batch: list[list[str]]) -> None:
    companies = {cells[11]: _company(cells) for cells in batch}
    people = {_mark(cells): _person(cells) for cells in batch}
    _bulk(Company, companies.values(), ["siren"], COMPANY)
    _bulk(Person, people.values(), ["identity_key"], PERSON)
    ids = dict(Company.objects.filter(siren__in=companies).values_list("siren", "id"))
    marks = Person.objects.filter(identity_key__in=people).values_list("identity_key", "id")
    owners = dict(marks)
    positions = [
        Position(
            company_id=ids[cells[11]], person_id=owners[_mark(cells)], **_told(cells, POSITION)
        )
        for cells in batch
    ]
    _bulk(Position, positions, ["company", "person", "email"], ["job_title", "list_name"])
    phones = [
        Phone(person_id=owners[_mark(cells)], **each) for cells in batch for each in _phones(cells)
    ]
    _bulk(Phone, phones, ["person", "source", "number"], ["raw"])


def _bulk(model: type, rows: Iterable[object], keys: list[str], fields: Iterable[str]) -> None:
    model.objects.bulk_create(
        list(rows),
        update_conflicts=True,
        unique_fields=["organisation", *keys],
        update_fields=list(fields),
    )


def by_update_or_create(organisation_id: UUID, rows: int) -> float:
    """The seconds of Django's update_or_create, one transaction a row."""

    def work() -> None:
        for cells in pharow_rows(rows):
            with tenant(organisation_id):
                _store_one(cells)

    return seconds(work)


def _store_one(cells: list[str]) -> None:
    company, _ = Company.objects.update_or_create(
        siren=cells[11], defaults=_told(cells, COMPANY) | _domain(cells)
    )
    person, _ = Person.objects.update_or_create(
        identity_key=_mark(cells), defaults=_told(cells, PERSON)
    )
    told = _told(cells, POSITION)
    Position.objects.update_or_create(
        company=company, person=person, email=told["email"], defaults=told
    )
    for each in _phones(cells):
        Phone.objects.update_or_create(person=person, **each)


def _told(cells: list[str], columns: Mapping[str, str]) -> dict[str, str]:
    """What the row says: column -> text, or nothing where the cell is empty."""
    return {name: cells[HEADERS.index(header)] or None for name, header in columns.items()}


def _company(cells: list[str]) -> Company:
    return Company(siren=cells[11], **_told(cells, COMPANY), **_domain(cells))


def _domain(cells: list[str]) -> dict[str, str]:
    return {"domain": cells[6].partition("@")[2]}


def _person(cells: list[str]) -> Person:
    return Person(identity_key=_mark(cells), **_told(cells, PERSON))


def _mark(cells: list[str]) -> str:
    return f"linkedin:{cells[4][25:]}" if cells[4] else f"email:{cells[6]}"


def _phones(cells: list[str]) -> Iterator[dict[str, str]]:
    for source, header in (("pharow", "Tél portable"), ("kaspr_1", "Tél Kaspr (1)")):
        if number := cells[HEADERS.index(header)]:
            yield {"source": source, "number": number.replace(" ", ""), "kind": "mobile"}


class Memory:
    """The most memory that this process and those it started had at once, in bytes."""

    def __init__(self) -> None:
        self.most, self.over = 0, Event()
        self.thread = Thread(target=self._watch)

    def __enter__(self) -> "Memory":
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.over.set()
        self.thread.join()

    def _watch(self) -> None:
        while not self.over.wait(0.2):
            self.most = max(self.most, sum(map(_share, _family(os.getpid()))))


def _family(pid: int) -> list[int]:
    """The process and its children; the database's are not among them."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        threads = [int(each.name) for each in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return []
    children = {int(child) for child in text.split()}
    for thread in threads:
        path = Path(f"/proc/{pid}/task/{thread}/children")
        children |= {int(child) for child in path.read_text().split()} if path.exists() else set()
    return [pid, *(each for child in children for each in _family(child))]


def _share(pid: int) -> int:
    """The process's own pages and its part of the shared ones."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:")), 0)


def measure(rows: int, held: int, sample: int, folder: Path) -> Iterator[tuple[str, float, str]]:
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
    rows, held, sample = (100_000, 500_000, 1_000) if quick else (1_000_000, 5_000_000, 10_000)
    embedded.start(settings.LOCAL_DIRECTORY)
    with TemporaryDirectory() as folder:
        for figure, value, goal in measure(rows, held, sample, Path(folder)):
            relation, limit = goal.split()
            met = value >= float(limit) if relation == ">=" else value < float(limit)
            told = {"figure": figure, "value": round(value, 2), "goal": goal, "met": met}
            print(json.dumps(told), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
