"""Which rows of a file speak of one person, and of which position: decided for the whole file.

By the LinkedIn page, then by what the base knows of the address, then by name and company.
"""

from collections.abc import Mapping
from typing import Any

from crm.importing.columns import PERSON_FACTS
from crm.importing.identifiers import MADE_BY_ROW, NUMBERS_OF_ROW
from crm.importing.staging import by_index, make, run

# A row's own mark: the person the base knows by its page or address, else its page. A row without
# one joins the first that bears its name in its company.
PERSON_ROWS = """
WITH marked AS (
    SELECT l.row, l.goes, l.email, l.page_key, l.name_key, refs.leader AS company_row,
        coalesce(page.id, first.id) AS id,
        coalesce('b' || coalesce(page.id, first.id), 'l' || l.page_key) AS mark
    FROM pg_temp.live AS l JOIN pg_temp.refs ON refs.ref = l.company_ref
    LEFT JOIN pg_temp.known_pages AS page USING (page_key)
    LEFT JOIN pg_temp.first_owners AS first ON first.row = l.row
    WHERE l.email IS NOT NULL
), joins AS (
    SELECT u.row, min(m.row) AS marked_row FROM marked AS u JOIN marked AS m
        ON m.company_row = u.company_row AND m.name_key = u.name_key
    WHERE u.mark IS NULL AND m.mark IS NOT NULL GROUP BY u.row
)
SELECT m.row, m.goes, m.page_key, m.company_row, coalesce(m.id, named.id) AS id, coalesce(
    m.mark, named.mark, 'n' || m.company_row || ' ' || m.name_key, 'e' || m.email) AS key
FROM marked AS m LEFT JOIN joins ON joins.row = m.row
LEFT JOIN marked AS named ON named.row = joins.marked_row
"""
PERSON_KEYS = """
SELECT key, min(row) AS row, min(id::text)::uuid AS id, min(page_key) AS page_key,
    count(*) > 1 AS several
FROM pg_temp.person_rows GROUP BY key
"""
# Two keys of the file may prove to be one person of the base.
PERSON_LEADERS = """
WITH one AS (
    SELECT id, min(row) AS leader FROM pg_temp.person_keys WHERE id IS NOT NULL
    GROUP BY id HAVING count(*) > 1
)
SELECT r.row, r.goes, r.company_row, k.id AS known_id, coalesce(one.leader, k.row) AS leader,
    k.several OR one.leader IS NOT NULL AS several
FROM pg_temp.person_rows AS r JOIN pg_temp.person_keys AS k USING (key)
LEFT JOIN one ON one.id = k.id
"""
_FACTS = ", ".join(f"r.{name}" for name in PERSON_FACTS)
_FIRST_OF_EACH = ", ".join(
    f"(array_agg(r.{name} ORDER BY r.row) FILTER (WHERE r.{name} IS NOT NULL))[1] AS {name}"
    for name in PERSON_FACTS
)
_ID = f"coalesce(l.known_id, {MADE_BY_ROW.format(row='l.leader')})"
FILE_PEOPLE = f"""
SELECT l.leader AS row, {_ID} AS id, l.known_id IS NOT NULL AS known,
    coalesce(r.page_key, 'email:' || r.email) AS identity_key, {_FACTS}
FROM pg_temp.person_leaders AS l JOIN pg_temp.staged_rows AS r ON r.row = l.row
WHERE NOT several AND goes
UNION ALL
SELECT l.leader, {_ID}, l.known_id IS NOT NULL, coalesce(
        (array_agg(r.page_key ORDER BY r.row) FILTER (WHERE r.page_key IS NOT NULL))[1],
        'email:' || (array_agg(r.email ORDER BY r.row))[1]), {_FIRST_OF_EACH}
FROM pg_temp.person_leaders AS l JOIN pg_temp.staged_rows AS r ON r.row = l.row
WHERE several AND goes GROUP BY l.leader, l.known_id
"""
# A person stands in a company once: later rows fill gaps, and say which row was first.
REPEATED = """
SELECT row, first FROM (
    SELECT row, min(row) OVER (PARTITION BY leader, company_row) AS first
    FROM pg_temp.person_leaders WHERE several AND goes
) AS l WHERE row > first
"""
DUPLICATE_PEOPLE = """
INSERT INTO pg_temp.staged_problems (row, kind, "column", value, code, detail)
SELECT l.row, 'duplicate', %(address_column)s, r.email, 'duplicate_person',
    jsonb_build_object('row', l.first, 'value', r.email)
FROM pg_temp.repeated AS l JOIN pg_temp.staged_rows AS r USING (row)
"""
PLACED = f"""
SELECT l.row, c.id AS company_id, p.id AS person_id,
    coalesce(o.position_id, {MADE_BY_ROW.format(row="l.row")}) AS id,
    o.position_id IS NOT NULL AS known
FROM pg_temp.person_leaders AS l
JOIN pg_temp.file_companies AS c ON c.row = l.company_row
JOIN pg_temp.file_people AS p ON p.row = l.leader
LEFT JOIN pg_temp.owners AS o
    ON o.row = l.row AND o.id = p.id AND o.company_id = c.id
WHERE l.goes AND NOT EXISTS (SELECT FROM pg_temp.repeated WHERE repeated.row = l.row)
"""
# The telephone numbers of the file, and which of them the base has.
_NUMBER = f"(s.row * {NUMBERS_OF_ROW} + s.place)"
NEW_PHONES = f"""
SELECT s.*, {MADE_BY_ROW.format(row=_NUMBER)} AS id, stored.id IS NOT NULL AS known FROM (
    SELECT min(s.row) AS row, p.id AS person_id, p.known AS of_known, s.source, s.number,
        min(s.kind) AS kind, min(s.raw) AS raw,
        row_number() OVER (PARTITION BY min(s.row) ORDER BY s.source, s.number) - 1 AS place
    FROM pg_temp.staged_phones AS s JOIN pg_temp.person_leaders AS l USING (row)
    JOIN pg_temp.file_people AS p ON p.row = l.leader
    WHERE l.goes GROUP BY p.id, p.known, s.source, s.number
) AS s LEFT JOIN LATERAL (
    SELECT id FROM crm.phones WHERE s.of_known
        AND person_id = s.person_id AND source = s.source AND number = s.number OFFSET 0
) AS stored ON true
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
    make("repeated", REPEATED)
    run(DUPLICATE_PEOPLE, {"address_column": address_column})
    make("placed", PLACED, parameters)
    run("CREATE UNIQUE INDEX ON pg_temp.placed (row)")
    with by_index():
        make("file_phones", NEW_PHONES, parameters)
    run("CREATE INDEX ON pg_temp.file_phones (row)")
