"""Stores what was worked out of a file: new rows, newer facts, telephone numbers; chunk by chunk.

A newer value that is not empty replaces an older one, and notes its source and date. What somebody
wrote by hand stays, and is told; an address that proved bad and a company's opposition stay too.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from crm.importing.columns import COMPANY_FACTS, PERSON_FACTS, POSITION_FACTS
from crm.importing.staging import ask, make, run

IN_CHUNK = "BETWEEN %(first)s AND %(last)s"
# What an import may set and never takes back.
STICKY = {
    "email_status": "t.email_status IN ('invalid', 'do_not_contact')",
    "diffusion": "t.diffusion = 'P'",
}
# What a row needs in the base although a file may be silent about it.
DEFAULTS = {
    "name": "coalesce(s.brand_name, s.siren)",
    "email_status": "'unknown'",
    "diffusion": "'O'",
    "country": "'FR'",
    "email_is_role": "false",
    "email_is_free": "false",
    "email_is_disposable": "false",
}
POSITIONS = """(
    SELECT s.*, p.id, p.known, p.company_id, p.person_id
    FROM pg_temp.placed AS p JOIN pg_temp.staged_rows AS s USING (row))"""


@dataclass(frozen=True)
class Target:
    """A table of the base, and the working table that holds what a file says of its rows."""

    table: str
    rows: str
    facts: Mapping[str, str]
    keys: tuple[str, ...] = ()  # columns that a new row has besides, named alike in both

    def changed(self) -> str:
        """The working table of the known rows for which the file has something newer."""
        return f"changed_{self.table}"


COMPANIES = Target("companies", "pg_temp.file_companies", COMPANY_FACTS)
PEOPLE = Target("people", "pg_temp.file_people", PERSON_FACTS, ("identity_key",))
POSITIONS_TARGET = Target("positions", POSITIONS, POSITION_FACTS, ("company_id", "person_id"))
TARGETS = (COMPANIES, PEOPLE, POSITIONS_TARGET)

_BY_HAND = "t.provenance -> '{name}' ->> 'source' = 'hand'"
_DIFFERS = "(s.{name} IS NOT NULL AND s.{name} IS DISTINCT FROM t.{name})"
# A page that is learnt becomes the mark by which the person is known.
_LEARNT_PAGE = "(s.identity_key LIKE 'linkedin:%%' AND s.identity_key <> t.identity_key)"
_LEARNT_COLUMN = "(s.kept IS NOT NULL AND t.kept <> t.kept || s.kept)"


def takes(name: str) -> str:
    """SQL: whether the stored row `t` takes this fact over from `s`."""
    clauses = [_DIFFERS.format(name=name), f"{_BY_HAND.format(name=name)} IS NOT TRUE"]
    if name in STICKY:
        clauses.append(f"NOT ({STICKY[name]})")
    return "(" + " AND ".join(clauses) + ")"


def _learns(target: Target) -> list[str]:
    """SQL: what else a stored row may learn."""
    return {"people": [_LEARNT_PAGE], "positions": [_LEARNT_COLUMN]}.get(target.table, [])


def compare(target: Target) -> None:
    """Find the known rows that the file changes, and tell of what stays because of a hand."""
    anything = " OR ".join([*map(takes, target.facts), *_learns(target)])
    kept = ", ".join(
        f"CASE WHEN {_DIFFERS.format(name=name)} AND {_BY_HAND.format(name=name)} THEN '{name}' END"
        for name in target.facts
    )
    by_hand = f"CASE WHEN t.provenance @? '$.*.source ? (@ == \"hand\")' THEN ARRAY[{kept}] END"
    make(
        target.changed(),
        f"SELECT * FROM (SELECT s.row, ({anything}) AS changed, {by_hand} AS kept_by_hand"
        f" FROM {target.rows} AS s CROSS JOIN LATERAL"
        f" (SELECT * FROM crm.{target.table} WHERE id = s.id OFFSET 0) AS t WHERE s.known"
        ") AS compared WHERE changed OR kept_by_hand IS NOT NULL",
    )


def tell_of_hands(target: Target, columns: Mapping[str, str]) -> None:
    """Note which cells were not taken over, since somebody had written otherwise by hand."""
    singular = {"companies": "company", "people": "person", "positions": "position"}[target.table]
    headers = {name: columns.get(f"{singular}.{name}", "") for name in target.facts}
    for name, header in headers.items():
        run(
            'INSERT INTO pg_temp.staged_problems (row, kind, "column", value, code, detail)'
            f" SELECT row, 'note', %(header)s, left(s.{name}::text, 200), 'hand_edited_kept',"
            f" jsonb_build_object('field', '{singular}.{name}', 'value', left(s.{name}::text, 200))"
            f" FROM pg_temp.{target.changed()} AS c JOIN {target.rows} AS s USING (row)"
            f" WHERE '{name}' = ANY (c.kept_by_hand)",
            {"header": header},
        )


def tally(target: Target) -> tuple[int, int, int]:
    """How many rows of the table the file makes, changes, and finds as they are."""
    created, known = ask(
        f"SELECT count(*) FILTER (WHERE NOT known), count(*) FILTER (WHERE known)"
        f" FROM {'pg_temp.placed' if target.table == 'positions' else target.rows} AS s"
    )[0]
    changed = ask(f"SELECT count(*) FROM pg_temp.{target.changed()} WHERE changed")[0][0]
    return created, changed, known - changed


def store_chunk(first: int, last: int, *, origin: Mapping[str, str]) -> None:
    """Store what the rows of the file from `first` to `last` say; inside one transaction."""
    parameters = {"first": first, "last": last} | origin
    for target in TARGETS:
        run(_insertion(target), parameters)
        if ask(f"SELECT FROM pg_temp.{target.changed()} WHERE row {IN_CHUNK} LIMIT 1", parameters):
            run(_update(target), parameters)
    run(PHONES, parameters)


_ORIGIN = "jsonb_build_object('source', %(source)s::text, 'at', %(at)s::text)"


def _insertion(target: Target) -> str:
    names = [*target.keys, *target.facts]
    values = [
        f"coalesce(s.{name}, {DEFAULTS[name]})" if name in DEFAULTS else f"s.{name}"
        for name in names
    ]
    kept = target.table == "positions"
    return (
        f"INSERT INTO crm.{target.table} (id, provenance, {', '.join(names)}"
        f"{', kept' if kept else ''})"
        f" SELECT s.id, jsonb_build_object('*', {_ORIGIN}), {', '.join(values)}"
        f"{', coalesce(s.kept, %(nothing)s)' if kept else ''}"
        f" FROM {target.rows} AS s WHERE NOT s.known AND s.row {IN_CHUNK} ORDER BY s.row"
    ).replace("%(nothing)s", "'{}'")


def _update(target: Target) -> str:
    """Also the source and date of each fact that is new; the row's other facts keep theirs."""
    settings = [
        f"{name} = CASE WHEN {takes(name)} THEN s.{name} ELSE t.{name} END" for name in target.facts
    ]
    sources = ", ".join(
        f"'{name}', CASE WHEN {takes(name)} THEN {_ORIGIN} END" for name in target.facts
    )
    settings.append(
        f"provenance = t.provenance || jsonb_strip_nulls(jsonb_build_object({sources}))"
    )
    if target.table == "people":
        settings.append(
            f"identity_key = CASE WHEN {_LEARNT_PAGE} THEN s.identity_key ELSE t.identity_key END"
        )
    if target.table == "positions":
        settings.append("kept = t.kept || coalesce(s.kept, '{}')")
    return (
        f"UPDATE crm.{target.table} AS t SET {', '.join(settings)}"
        f" FROM pg_temp.{target.changed()} AS c JOIN {target.rows} AS s USING (row)"
        f" WHERE t.id = s.id AND c.changed AND c.row {IN_CHUNK}"
        f" AND ({' OR '.join([*map(takes, target.facts), *_learns(target)])})"
    )


PHONES = f"""
INSERT INTO crm.phones (person_id, number, kind, source, raw)
SELECT DISTINCT ON (p.id, s.source, s.number) p.id, s.number, s.kind, s.source, s.raw
FROM pg_temp.staged_phones AS s JOIN pg_temp.person_leaders AS l USING (row)
JOIN pg_temp.file_people AS p ON p.row = l.leader
WHERE s.row {IN_CHUNK} ORDER BY p.id, s.source, s.number, s.row
ON CONFLICT (organisation_id, person_id, source, number) DO NOTHING
"""
NEW_PHONES = """
SELECT count(*) FILTER (WHERE stored.id IS NULL), count(stored.id) FROM (
    SELECT DISTINCT p.id, s.source, s.number
    FROM pg_temp.staged_phones AS s JOIN pg_temp.person_leaders AS l USING (row)
    JOIN pg_temp.file_people AS p ON p.row = l.leader
) AS s LEFT JOIN LATERAL (
    SELECT id FROM crm.phones
    WHERE person_id = s.id AND source = s.source AND number = s.number OFFSET 0) AS stored ON true
"""


def tally_phones() -> tuple[int, int, int]:
    """How many telephone numbers the file makes, changes (none), and finds."""
    created, known = ask(NEW_PHONES)[0]
    return created, 0, known
