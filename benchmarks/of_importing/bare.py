"""The same rows by bare SQL: COPY into a staging table, then three upserts."""

import csv
from collections.abc import Iterator
from itertools import batched, islice
from pathlib import Path
from uuid import UUID

from django.db import connection

from benchmarks.of_importing.clock import seconds
from benchmarks.of_importing.columns import COMPANY, PERSON, POSITION
from prospectflow.tenancy.context import tenant
from prospectflow.testing.prospects import HEADERS

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
