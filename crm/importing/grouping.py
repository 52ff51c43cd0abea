"""Which rows of a file speak of one company: decided once for the whole file, whatever its order.

By SIREN, else by Pharow's number, else by domain and name, else by the address of the row alone.
A row with a weaker mark joins the company that bears it beside a stronger one.
"""

from collections.abc import Mapping
from typing import Any

from crm.importing.columns import COMPANY_FACTS
from crm.importing.identifiers import MADE_BY_ROW
from crm.importing.staging import ask, by_index, make, run

DUPLICATE_ADDRESSES = """
WITH first AS (
    SELECT email, min(row) AS row FROM pg_temp.staged_rows WHERE usable AND email IS NOT NULL
    GROUP BY email HAVING count(*) > 1
), among_refused AS (
    SELECT email, min(row) AS row FROM pg_temp.staged_rows AS usable_row
    WHERE usable AND email IN (SELECT email FROM pg_temp.staged_rows WHERE NOT usable)
    GROUP BY email
)
INSERT INTO pg_temp.staged_problems (row, kind, "column", value, code, detail)
SELECT r.row, 'duplicate', %(address_column)s, r.email, 'duplicate_address',
    jsonb_build_object('row', first.row, 'value', r.email)
FROM pg_temp.staged_rows AS r
JOIN (SELECT * FROM first UNION SELECT * FROM among_refused) AS first USING (email)
WHERE r.row > first.row
"""
# The rows that the file itself lets go on. Whether each still `goes` once the base was asked does
# not change which of them speak of one company: what goes on another day makes the same ids.
LIVE = """
SELECT r.row, r.company_ref, r.email, r.page_key, r.name_key, true AS goes
FROM pg_temp.staged_rows AS r
WHERE r.usable AND NOT EXISTS (
    SELECT FROM pg_temp.staged_problems AS p
    WHERE p.row = r.row AND p.kind IN ('refused', 'duplicate'))
"""
REFS = """
SELECT c.ref, l.row, c.row AS cells, siren, pharow_company_id, domain, name_key, name, address
FROM (SELECT company_ref AS ref, min(row) AS row FROM pg_temp.live GROUP BY company_ref) AS l
JOIN (SELECT ref, min(row) AS row FROM pg_temp.staged_companies GROUP BY ref) AS f USING (ref)
JOIN pg_temp.staged_companies AS c ON c.ref = f.ref AND c.row = f.row
"""
KEYED = """
WITH siren_of AS (
    SELECT DISTINCT ON (pharow_company_id) pharow_company_id, siren FROM pg_temp.refs
    WHERE siren IS NOT NULL AND pharow_company_id IS NOT NULL ORDER BY pharow_company_id, row
), numbered AS (
    SELECT refs.*, CASE
        WHEN refs.siren IS NOT NULL THEN 's' || refs.siren
        WHEN siren_of.siren IS NOT NULL THEN 's' || siren_of.siren
        WHEN pharow_company_id IS NOT NULL THEN 'p' || pharow_company_id END AS number
    FROM pg_temp.refs LEFT JOIN siren_of USING (pharow_company_id)
), sites AS (
    -- Companies of one name may share a site: then nobody can tell which of them is meant.
    SELECT domain, name_key, min(number) AS number FROM numbered
    WHERE number IS NOT NULL AND domain IS NOT NULL
    GROUP BY domain, name_key HAVING min(number) = max(number)
)
SELECT numbered.ref, numbered.row, cells, siren, pharow_company_id, domain, name, coalesce(
    numbered.number, sites.number, 'd' || domain || ' ' || name_key, 'a' || address,
    'r' || ref) AS key
FROM numbered LEFT JOIN sites USING (domain, name_key)
"""
COMPANY_KEYS = """
SELECT key, min(row) AS row, min(siren) AS siren, min(pharow_company_id) AS pharow_company_id,
    (array_agg(domain ORDER BY row) FILTER (WHERE domain IS NOT NULL))[1] AS domain,
    (array_agg(name ORDER BY row))[1] AS name
FROM pg_temp.ref_leaders GROUP BY key
"""
# Companies of the file that prove to be one of the base are one.
LEADERS = """
WITH one AS (
    SELECT k.key, m.id, coalesce(m.renames, true) AS renames,
        min(k.row) OVER (PARTITION BY coalesce(m.id::text, k.key)) AS leader
    FROM pg_temp.company_keys AS k LEFT JOIN pg_temp.company_match AS m USING (key)
)
SELECT l.ref, l.row, l.cells, one.leader, one.id AS known_id, renames, true AS goes
FROM pg_temp.ref_leaders AS l JOIN one USING (key)
"""
NAMED_OTHERWISE = """
INSERT INTO pg_temp.staged_problems (row, kind, "column", value, code, detail)
SELECT l.row, 'note', %(name_column)s, left(c.name, 200), 'company_named_otherwise',
    jsonb_build_object('name', known.name, 'value', left(c.name, 200))
FROM pg_temp.refs AS r JOIN pg_temp.live AS l ON l.company_ref = r.ref
JOIN pg_temp.staged_companies AS c ON c.ref = r.ref AND c.row = r.cells
CROSS JOIN LATERAL (SELECT name FROM crm.companies WHERE id = r.known_id OFFSET 0) AS known
WHERE NOT r.renames AND l.goes
"""
# What refused rows alone say of a company is not taken in.
REFUSED_ALONE = """
UPDATE pg_temp.refs AS r SET goes = false
WHERE NOT EXISTS (SELECT FROM pg_temp.live AS l WHERE l.company_ref = r.ref AND l.goes)
"""
# A company met by an address alone keeps its names.
_TOLD = {
    name: f"CASE WHEN l.renames THEN c.{name} END"
    if name in ("name", "brand_name")
    else f"c.{name}"
    for name in COMPANY_FACTS
}
_FIRST_OF_EACH = ", ".join(
    f"(array_agg({told} ORDER BY l.row) FILTER (WHERE {told} IS NOT NULL))[1] AS {name}"
    for name, told in _TOLD.items()
)
_FACTS = ", ".join(f"{told} AS {name}" for name, told in _TOLD.items())
# Unknown columns stay with the row's position, or with its company where no person is told.
_KEPT = """CASE WHEN NOT %(people)s THEN (
    SELECT kept FROM pg_temp.staged_rows AS r WHERE r.row = l.leader LIMIT 1) END"""
# Within a file the first value of a fact stands, and later rows fill gaps.
FILE_COMPANIES = f"""
WITH sizes AS (
    SELECT leader, count(*) > 1 AS several FROM pg_temp.refs WHERE goes GROUP BY leader
)
SELECT l.leader AS row, coalesce(l.known_id, {MADE_BY_ROW.format(row="l.leader")}) AS id,
    l.known_id IS NOT NULL AS known, {_FACTS}, {_KEPT} AS kept
FROM pg_temp.refs AS l JOIN sizes USING (leader)
JOIN pg_temp.staged_companies AS c ON c.ref = l.ref AND c.row = l.cells
WHERE NOT several AND goes
UNION ALL
SELECT l.leader, coalesce(l.known_id, {MADE_BY_ROW.format(row="l.leader")}),
    l.known_id IS NOT NULL, {_FIRST_OF_EACH}, {_KEPT}
FROM pg_temp.refs AS l JOIN sizes USING (leader)
JOIN pg_temp.staged_companies AS c ON c.ref = l.ref AND c.row = l.cells
WHERE several AND goes GROUP BY l.leader, l.known_id
"""
# A number of Pharow's belongs to one company: to whom it belonged before, else to the first.
TAKEN = """
UPDATE pg_temp.file_companies AS f SET pharow_company_id = NULL
FROM (SELECT row, row_number() OVER (PARTITION BY pharow_company_id ORDER BY known DESC, row) AS n
      FROM pg_temp.file_companies WHERE pharow_company_id IS NOT NULL) AS b
WHERE b.row = f.row AND n > 1
"""
TAKEN_IN_BASE = """
UPDATE pg_temp.file_companies AS f SET pharow_company_id = NULL
WHERE f.pharow_company_id IS NOT NULL AND EXISTS (
    SELECT FROM crm.companies AS c
    WHERE c.pharow_company_id = f.pharow_company_id AND c.id <> f.id OFFSET 0)
"""


def leave_out_repeated(address_column: str) -> None:
    """Of the rows with one address the first counts; the others say which that is."""
    run(DUPLICATE_ADDRESSES, {"address_column": address_column})


def gather_rows() -> None:
    """The rows that go on, and the distinct sets of company cells among them."""
    make("live", LIVE)
    make("refs", REFS)


def key_companies() -> None:
    """Which sets of cells mean one company, as far as the file itself tells."""
    make("ref_leaders", KEYED)
    make("company_keys", COMPANY_KEYS)


def settle_companies(parameters: Mapping[str, Any], name_column: str, *, people: bool) -> None:
    """The companies of the file, each once, with its facts, after the base was asked for them."""
    run("DROP TABLE pg_temp.refs")
    make("refs", LEADERS)
    if ask("SELECT FROM pg_temp.live WHERE NOT goes LIMIT 1"):
        run(REFUSED_ALONE)
    if ask("SELECT FROM pg_temp.refs WHERE NOT renames LIMIT 1"):
        run(NAMED_OTHERWISE, {"name_column": name_column})
    make("file_companies", FILE_COMPANIES, dict(parameters) | {"people": people})
    run("CREATE UNIQUE INDEX ON pg_temp.file_companies (row)")
    run(TAKEN)
    with by_index():
        run(TAKEN_IN_BASE)
