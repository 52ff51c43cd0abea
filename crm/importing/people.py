"""Which rows of a file speak of one person, and of which position: decided for the whole file.

By the LinkedIn page, then by what the base knows of the address, then by name and company.
"""

from collections.abc import Mapping
from typing import Any

from crm.importing.columns import PERSON_FACTS
from crm.importing.identifiers import MADE_BY_ROW
from crm.importing.staging import make, run

# A row's own mark: the person the base knows by its page or address, else its page.
PERSON_ROWS = """
WITH first AS (
    SELECT DISTINCT ON (row) row, id FROM pg_temp.owners ORDER BY row, position_id
), marked AS (
    SELECT l.row, l.email, l.page_key, l.name_key, l.first_name, l.last_name,
        refs.leader AS company_row, coalesce(page.id, first.id) AS id,
        coalesce('b' || coalesce(page.id, first.id), 'l' || l.page_key) AS mark
    FROM pg_temp.live AS l JOIN pg_temp.refs ON refs.ref = l.company_ref
    LEFT JOIN pg_temp.known_pages AS page USING (page_key)
    LEFT JOIN first ON first.row = l.row
    WHERE l.email IS NOT NULL
), named AS (
    SELECT DISTINCT ON (company_row, name_key) company_row, name_key, mark, id FROM marked
    WHERE mark IS NOT NULL AND name_key IS NOT NULL ORDER BY company_row, name_key, row
)
SELECT m.row, m.email, m.page_key, m.first_name, m.last_name, m.company_row,
    CASE WHEN m.mark IS NULL THEN named.id ELSE m.id END AS id,
    coalesce(m.mark, named.mark, 'n' || m.company_row || ' ' || m.name_key, 'e' || m.email) AS key
FROM marked AS m LEFT JOIN named USING (company_row, name_key)
"""
PERSON_KEYS = """
SELECT key, min(row) AS row, min(id::text)::uuid AS id, min(page_key) AS page_key,
    (array_agg(company_row ORDER BY row))[1] AS company_row,
    (array_agg(email ORDER BY row))[1] AS email,
    (array_agg(first_name ORDER BY row))[1] AS first_name,
    (array_agg(last_name ORDER BY row))[1] AS last_name, count(*) > 1 AS several
FROM pg_temp.person_rows GROUP BY key
"""
# Two keys of the file may prove to be one person of the base.
PERSON_LEADERS = """
SELECT r.row, r.company_row, k.id AS known_id, k.email, k.page_key,
    min(k.row) OVER (PARTITION BY coalesce(k.id::text, k.key)) AS leader
FROM pg_temp.person_rows AS r JOIN pg_temp.person_keys AS k USING (key)
"""
_FACTS = ", ".join(f"r.{name}" for name in PERSON_FACTS)
_FIRST_OF_EACH = ", ".join(
    f"(array_agg(r.{name} ORDER BY r.row) FILTER (WHERE r.{name} IS NOT NULL))[1] AS {name}"
    for name in PERSON_FACTS
)
_ID = f"coalesce(l.known_id, {MADE_BY_ROW.format(row='l.leader')})"
FILE_PEOPLE = f"""
WITH sizes AS (
    SELECT leader, count(*) > 1 AS several FROM pg_temp.person_leaders GROUP BY leader
)
SELECT l.leader AS row, {_ID} AS id, l.known_id IS NOT NULL AS known,
    coalesce(r.page_key, 'email:' || r.email) AS identity_key, {_FACTS}
FROM pg_temp.person_leaders AS l JOIN sizes USING (leader)
JOIN pg_temp.staged_rows AS r ON r.row = l.row
WHERE NOT several
UNION ALL
SELECT l.leader, {_ID}, l.known_id IS NOT NULL, coalesce(
        (array_agg(r.page_key ORDER BY r.row) FILTER (WHERE r.page_key IS NOT NULL))[1],
        'email:' || (array_agg(r.email ORDER BY r.row))[1]), {_FIRST_OF_EACH}
FROM pg_temp.person_leaders AS l JOIN sizes USING (leader)
JOIN pg_temp.staged_rows AS r ON r.row = l.row
WHERE several GROUP BY l.leader, l.known_id
"""
# A person stands in a company once: later rows fill gaps, and say which row was first.
DUPLICATE_PEOPLE = """
INSERT INTO pg_temp.staged_problems (row, kind, "column", value, code, detail)
SELECT l.row, 'duplicate', %(address_column)s, r.email, 'duplicate_person',
    jsonb_build_object('row', l.first, 'value', r.email)
FROM (
    SELECT row, min(row) OVER (PARTITION BY leader, company_row) AS first
    FROM pg_temp.person_leaders
) AS l JOIN pg_temp.staged_rows AS r USING (row) WHERE l.row > l.first
"""
PLACED = f"""
SELECT DISTINCT ON (l.row) l.row, c.id AS company_id, p.id AS person_id,
    coalesce(o.position_id, {MADE_BY_ROW.format(row="l.row")}) AS id,
    o.position_id IS NOT NULL AS known
FROM (
    SELECT row, leader, company_row, min(row) OVER (PARTITION BY leader, company_row) AS first
    FROM pg_temp.person_leaders
) AS l
JOIN pg_temp.file_companies AS c ON c.row = l.company_row
JOIN pg_temp.file_people AS p ON p.row = l.leader
LEFT JOIN pg_temp.owners AS o
    ON o.row = l.row AND o.id = p.id AND o.company_id = c.id
WHERE l.row = l.first ORDER BY l.row, o.position_id
"""


def key_people() -> None:
    """Which rows mean one person, as far as the file and the base's addresses tell."""
    make("person_rows", PERSON_ROWS)
    make("person_keys", PERSON_KEYS)


def settle_people(parameters: Mapping[str, Any], address_column: str) -> None:
    """The people and positions of the file, each once, after the base was asked for them."""
    make("person_leaders", PERSON_LEADERS)
    make("file_people", FILE_PEOPLE, parameters)
    run("CREATE UNIQUE INDEX ON pg_temp.file_people (row)")
    run(DUPLICATE_PEOPLE, {"address_column": address_column})
    make("placed", PLACED, parameters)
    run("CREATE UNIQUE INDEX ON pg_temp.placed (row)")
