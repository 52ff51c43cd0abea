"""Which companies and people of a file the base knows already. It reads, and stores nothing.

Rows that this very import made before it died do not count: it finds them by their ids.
"""

from collections.abc import Mapping
from typing import Any

from crm.importing.identifiers import MADE_HERE
from crm.importing.staging import ask, by_index, make, run

_NOT_MADE_HERE = f"NOT ({MADE_HERE})"
_NEW = "NOT EXISTS (SELECT FROM pg_temp.company_match AS m WHERE m.key = k.key)"
# A SIREN tells two companies apart, whatever else they share; so does Pharow's number.
_FITS = "(k.siren IS NULL OR c.siren IS NULL)"
_FITS_AS_WELL = f"""{_FITS} AND (k.pharow_company_id IS NULL
    OR c.pharow_company_id IS NULL OR k.pharow_company_id = c.pharow_company_id)"""
BY_SIREN = f"""
INSERT INTO pg_temp.company_match (key, row, siren, id, renames)
SELECT k.key, k.row, k.siren, c.id, true
FROM pg_temp.company_keys AS k CROSS JOIN LATERAL (
    SELECT id FROM crm.companies WHERE siren = k.siren OFFSET 0) AS c
WHERE k.siren IS NOT NULL AND {_NOT_MADE_HERE.format(id="c.id")}
"""
BY_PHAROW_ID = f"""
SELECT k.key, k.row, k.siren, c.id, true AS renames
FROM pg_temp.company_keys AS k CROSS JOIN LATERAL (
    SELECT id, siren FROM crm.companies
    WHERE pharow_company_id = k.pharow_company_id OFFSET 0) AS c
WHERE k.pharow_company_id IS NOT NULL AND {_NEW} AND {_FITS} AND {_NOT_MADE_HERE.format(id="c.id")}
"""
# The company to which the base ties one of the rows' addresses: one of that name; else any, whose
# name then stays, where the file tells no number, by which it would be met and renamed next time.
# An address at a mail provider tells nothing of a company of another name. The newest such position
# counts: the one that this row made, when it comes again.
BY_ADDRESS = f"""
SELECT DISTINCT ON (k.key) k.key, k.row, k.siren, c.id, same_name AS renames
FROM pg_temp.company_keys AS k
JOIN pg_temp.ref_leaders AS r ON r.key = k.key
JOIN pg_temp.live AS l ON l.company_ref = r.ref
CROSS JOIN LATERAL (
    SELECT id, company_id FROM crm.positions WHERE email = l.email OFFSET 0) AS p
CROSS JOIN LATERAL (
    SELECT id, siren, pharow_company_id, crm.name_key(name) = crm.name_key(k.name) AS same_name
    FROM crm.companies WHERE id = p.company_id OFFSET 0) AS c
CROSS JOIN LATERAL (
    SELECT email_is_free FROM pg_temp.staged_rows WHERE row = l.row OFFSET 0) AS address
WHERE {_NEW} AND {_FITS_AS_WELL} AND {_NOT_MADE_HERE.format(id="p.id")}
    AND {_NOT_MADE_HERE.format(id="c.id")} AND (
        same_name OR NOT email_is_free AND k.siren IS NULL AND k.pharow_company_id IS NULL)
ORDER BY k.key, same_name DESC, l.row, p.id DESC
"""
# Companies of one name may share a site: without a SIREN nobody can tell which is meant.
BY_SITE = f"""
SELECT k.key, k.row, k.siren, c.id, true AS renames
FROM pg_temp.company_keys AS k CROSS JOIN LATERAL (
    SELECT min(id::text)::uuid AS id, min(siren) AS siren,
        min(pharow_company_id) AS pharow_company_id, count(*) AS times
    FROM crm.companies AS c WHERE c.domain = k.domain
        AND crm.name_key(c.name) = crm.name_key(k.name) AND {_NOT_MADE_HERE.format(id="c.id")}
    OFFSET 0) AS c
WHERE k.domain IS NOT NULL AND {_NEW} AND {_FITS_AS_WELL} AND c.times = 1
"""
# Of several companies of the file with SIRENs of their own the first is the one meant.
MATCHED = """
INSERT INTO pg_temp.company_match (key, row, siren, id, renames)
WITH found AS ({query}), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY id, siren IS NULL ORDER BY row) AS place FROM found
)
SELECT key, row, siren, id, renames FROM ranked AS r
WHERE siren IS NULL OR (place = 1 AND NOT EXISTS (
    SELECT FROM pg_temp.company_match AS m WHERE m.id = r.id AND m.siren IS NOT NULL))
"""

KNOWN_PAGES = f"""
SELECT k.page_key, p.id FROM (
    SELECT DISTINCT page_key FROM pg_temp.live WHERE page_key IS NOT NULL
        AND EXISTS (SELECT FROM crm.people)) AS k
CROSS JOIN LATERAL (SELECT id FROM crm.people WHERE identity_key = k.page_key OFFSET 0) AS p
WHERE {_NOT_MADE_HERE.format(id="p.id")}
"""
# A page that somebody stored without making it the person's mark.
KNOWN_BY_URL = f"""
INSERT INTO pg_temp.known_pages (page_key, id)
SELECT DISTINCT ON (l.page_key) l.page_key, p.id
FROM pg_temp.live AS l JOIN pg_temp.staged_rows AS r USING (row) CROSS JOIN LATERAL (
    SELECT id FROM crm.people WHERE linkedin_url = r.linkedin_url OFFSET 0) AS p
WHERE l.page_key IS NOT NULL AND EXISTS (SELECT FROM crm.people)
    AND NOT EXISTS (SELECT FROM pg_temp.known_pages AS k WHERE k.page_key = l.page_key)
    AND {_NOT_MADE_HERE.format(id="p.id")}
ORDER BY l.page_key, p.id
"""
# The people to whom the base ties a row's address, first those of its positions.
OWNERS = f"""
SELECT l.row, p.person_id AS id, p.id AS position_id, p.company_id
FROM pg_temp.live AS l CROSS JOIN LATERAL (
    SELECT id, person_id, company_id FROM crm.positions WHERE email = l.email OFFSET 0) AS p
WHERE l.email IS NOT NULL AND EXISTS (SELECT FROM crm.positions)
    AND {_NOT_MADE_HERE.format(id="p.id")}
"""
OWNERS_WITHOUT_POSITION = f"""
INSERT INTO pg_temp.owners (row, id)
SELECT l.row, p.id
FROM pg_temp.live AS l CROSS JOIN LATERAL (
    SELECT id FROM crm.people WHERE identity_key = 'email:' || l.email OFFSET 0) AS p
WHERE l.email IS NOT NULL AND EXISTS (SELECT FROM crm.people)
    AND NOT EXISTS (SELECT FROM pg_temp.owners AS o WHERE o.row = l.row)
    AND {_NOT_MADE_HERE.format(id="p.id")}
"""
FIRST_OWNERS = "SELECT DISTINCT ON (row) row, id FROM pg_temp.owners ORDER BY row, position_id"
# An address that the base knows as somebody else's: by another LinkedIn page, or by a page and
# another name. Nobody can say which is right, so the row is refused.
OF_ANOTHER = """
INSERT INTO pg_temp.staged_problems (row, kind, "column", value, code, detail)
SELECT l.row, 'refused', %(address_column)s, l.email, 'address_of_another', jsonb_build_object(
    'value', l.email, 'person', btrim(concat_ws(' ', person.first_name, person.last_name)))
FROM (
    SELECT l.row, l.email, l.page_key, first.id AS owner, page.id AS of_page
    FROM pg_temp.live AS l JOIN pg_temp.first_owners AS first USING (row)
    LEFT JOIN pg_temp.known_pages AS page USING (page_key)
    WHERE l.goes AND l.page_key IS NOT NULL AND page.id IS DISTINCT FROM first.id OFFSET 0
) AS l JOIN pg_temp.staged_rows AS r USING (row)
CROSS JOIN LATERAL (SELECT * FROM crm.people WHERE id = l.owner OFFSET 0) AS person
WHERE CASE
    WHEN l.of_page IS NOT NULL THEN NOT EXISTS (
        SELECT FROM pg_temp.owners AS o WHERE o.row = l.row AND o.id = l.of_page)
    ELSE person.linkedin_url IS NOT NULL
        AND (crm.name_key(coalesce(r.first_name, '')), crm.name_key(coalesce(r.last_name, '')))
            <> (crm.name_key(coalesce(person.first_name, '')),
                crm.name_key(coalesce(person.last_name, ''))) END
"""
# A page that the base does not know is that of the person to whom it ties an address beside it.
LEARNT_PAGES = """
INSERT INTO pg_temp.known_pages (page_key, id)
SELECT DISTINCT ON (l.page_key) l.page_key, first.id
FROM pg_temp.live AS l JOIN pg_temp.first_owners AS first USING (row)
WHERE l.goes AND l.page_key IS NOT NULL
    AND NOT EXISTS (SELECT FROM pg_temp.known_pages AS k WHERE k.page_key = l.page_key)
ORDER BY l.page_key, l.row
"""
LEAVE_OUT_REFUSED = """
UPDATE pg_temp.live AS l SET goes = false FROM pg_temp.staged_problems AS p
WHERE p.row = l.row AND p.kind = 'refused' AND l.goes
"""
# A colleague of that name, unless two LinkedIn pages tell them apart; the first in the file.
COLLEAGUES = f"""
UPDATE pg_temp.person_keys AS k SET id = found.id
FROM (
    SELECT DISTINCT ON (id) key, id FROM (
        SELECT DISTINCT ON (k.key) k.key, k.row, person.id
        FROM pg_temp.person_keys AS k
        JOIN pg_temp.person_rows AS l USING (row)
        JOIN pg_temp.staged_rows AS r USING (row)
        JOIN pg_temp.file_companies AS c ON c.row = l.company_row AND c.known
        CROSS JOIN LATERAL (
            SELECT id, person_id FROM crm.positions WHERE company_id = c.id OFFSET 0) AS p
        CROSS JOIN LATERAL (SELECT * FROM crm.people WHERE id = p.person_id OFFSET 0) AS person
        WHERE k.id IS NULL AND r.last_name IS NOT NULL
            AND {_NOT_MADE_HERE.format(id="p.id")} AND {_NOT_MADE_HERE.format(id="person.id")}
            AND (k.page_key IS NULL OR person.linkedin_url IS NULL)
            AND crm.name_key(person.last_name) = crm.name_key(r.last_name)
            AND crm.name_key(coalesce(person.first_name, ''))
                = crm.name_key(coalesce(r.first_name, ''))
        ORDER BY k.key, p.id
    ) AS candidate
    WHERE NOT EXISTS (SELECT FROM pg_temp.person_keys AS taken WHERE taken.id = candidate.id)
    ORDER BY id, row
) AS found
WHERE found.key = k.key
"""


def match_companies(parameters: Mapping[str, Any]) -> None:
    """Find the companies of the file that the base knows: company_match."""
    run(
        "CREATE TEMPORARY TABLE company_match"
        " (key text, row integer, siren text, id uuid, renames boolean)"
    )
    if not ask("SELECT FROM crm.companies LIMIT 1"):
        return
    with by_index():
        run(BY_SIREN, parameters)
        for query in (BY_PHAROW_ID, BY_ADDRESS, BY_SITE):
            run("ANALYZE pg_temp.company_match")
            run(MATCHED.format(query=query), parameters)


def match_addresses(parameters: Mapping[str, Any], address_column: str) -> None:
    """Find whose pages and addresses the base knows, and refuse rows that contradict it."""
    with by_index():
        make("known_pages", KNOWN_PAGES, parameters)
        run(KNOWN_BY_URL, parameters)
        make("owners", OWNERS, parameters)
        run(OWNERS_WITHOUT_POSITION, parameters)
        make("first_owners", FIRST_OWNERS)
        run(OF_ANOTHER, {"address_column": address_column})
        run(LEAVE_OUT_REFUSED)
        if run(LEARNT_PAGES):
            run(OF_ANOTHER, {"address_column": address_column})
            run(LEAVE_OUT_REFUSED)


def match_colleagues(parameters: Mapping[str, Any]) -> None:
    """Find people by their name among those of a company that the base knows."""
    with by_index():
        run(COLLEAGUES, parameters)
