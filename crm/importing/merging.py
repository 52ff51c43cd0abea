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
    "siren": "t.siren IS NOT NULL",
    "pharow_company_id": "t.pharow_company_id IS NOT NULL",
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
    marked: bool = False  # whether `rows` say themselves which of them are changed

    def changed(self) -> str:
        """The working table of the known rows for which the file has something newer."""
        return f"changed_{self.table}"

    def news(self) -> str:
        """SQL: the rows `s`, and whether each is changed."""
        rows = f"{self.rows} AS s"
        return rows if self.marked else f"pg_temp.{self.changed()} AS c JOIN {rows} USING (row)"


COMPANIES = Target("companies", "pg_temp.file_companies", COMPANY_FACTS)
PEOPLE = Target("people", "pg_temp.file_people", PERSON_FACTS, ("identity_key",))
POSITIONS_TARGET = Target("positions", POSITIONS, POSITION_FACTS, ("company_id", "person_id"))
TARGETS = (COMPANIES, PEOPLE, POSITIONS_TARGET)

_BY_HAND = "t.provenance -> '{name}' ->> 'source' = 'hand'"
_DIFFERS = "(s.{name} IS NOT NULL AND s.{name} IS DISTINCT FROM t.{name})"
# Learnt from a newer file, although that one was imported before this.
_IS_NEWER = """(%(at)s::timestamptz
    < coalesce(t.provenance -> '{name}' ->> 'at', t.provenance -> '*' ->> 'at')::timestamptz)"""
_LEARNT_COLUMN = "(s.kept IS NOT NULL AND t.kept <> t.kept || s.kept)"


def takes(name: str) -> str:
    """SQL: whether the stored row `t` takes this fact over from `s`."""
    clauses = [_DIFFERS.format(name=name)]
    clauses += [f"{each.format(name=name)} IS NOT TRUE" for each in (_BY_HAND, _IS_NEWER)]
    if name in STICKY:
        clauses.append(f"NOT ({STICKY[name]})")
    return "(" + " AND ".join(clauses) + ")"


# A page that is learnt becomes the mark by which the person is known.
_LEARNT_PAGE = (
    "(s.identity_key LIKE 'linkedin:%%' AND s.identity_key <> t.identity_key"
    f" AND (s.linkedin_url = t.linkedin_url OR {takes('linkedin_url')}))"
)


def _learns(target: Target) -> list[str]:
    """SQL: what else a stored row may learn."""
    return [_LEARNT_PAGE if target.table == "people" else _LEARNT_COLUMN]


def compare(target: Target, at: str) -> None:
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
        {"at": at},
    )


def tell_of_hands(target: Target, columns: Mapping[str, str]) -> None:
    """Note which cells were not taken over, since somebody had written otherwise by hand."""
    if not ask(f"SELECT FROM pg_temp.{target.changed()} WHERE kept_by_hand IS NOT NULL LIMIT 1"):
        return
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


def tally_phones() -> tuple[int, int, int]:
    """How many telephone numbers the file makes, changes (none), and finds."""
    created, known = ask(
        "SELECT count(*) FILTER (WHERE NOT known), count(*) FILTER (WHERE known)"
        " FROM pg_temp.file_phones"
    )[0]
    return created, 0, known


# Statements that store; `provenance` is what a new row knows of its facts, `origin` what a new fact
# of an old row is told to come from.


def insertion(target: Target, *, again: bool = False) -> str:
    """SQL: the new rows of a chunk; `again` where some of them may be there from before."""
    values = {"id": "s.id", "provenance": "%(provenance)s::jsonb"}
    values |= {name: f"s.{name}" for name in (*target.keys, *target.facts)}
    values |= {
        name: f"coalesce(s.{name}, {DEFAULTS[name]})" for name in DEFAULTS if name in target.facts
    }
    if target.table != "people":
        values["kept"] = "coalesce(s.kept, '{}')"
    where = f"s.row {IN_CHUNK}"
    if again:
        where = f"({where}{_REFERRED.get(target.table, '')}) AND {_absent(target)}"
    return (
        f"INSERT INTO crm.{target.table} ({', '.join(values)}) SELECT {', '.join(values.values())}"
        f" FROM {target.rows} AS s WHERE NOT s.known AND {where} ORDER BY s.row"
    )


# Of an earlier chunk, and taken away by somebody since that was stored.
_REFERRED = {
    table: f" OR s.id IN (SELECT {key} FROM pg_temp.placed WHERE row {IN_CHUNK})"
    for table, key in (("companies", "company_id"), ("people", "person_id"))
}


def _absent(target: Target) -> str:
    """SQL: neither this row nor, made by hand meanwhile, the same position is there."""
    absent = f"NOT EXISTS (SELECT FROM crm.{target.table} WHERE id = s.id OFFSET 0)"
    if target.table != "positions":
        return absent
    return f"""{absent} AND NOT EXISTS (
        SELECT FROM crm.positions WHERE email = s.email AND company_id = s.company_id OFFSET 0)"""


def update(target: Target) -> str:
    """SQL: what the known rows of a chunk learn, each new fact with its source and date."""
    settings = {
        name: f"CASE WHEN {takes(name)} THEN s.{name} ELSE t.{name} END" for name in target.facts
    }
    sources = ", ".join(
        f"'{name}', CASE WHEN {takes(name)} THEN %(origin)s::jsonb END" for name in target.facts
    )
    settings["provenance"] = f"t.provenance || jsonb_strip_nulls(jsonb_build_object({sources}))"
    if target.table == "people":
        learnt = f"CASE WHEN {_LEARNT_PAGE} THEN s.identity_key ELSE t.identity_key END"
        settings["identity_key"] = learnt
    if target.table != "people":
        settings["kept"] = "t.kept || coalesce(s.kept, '{}')"
    return (
        f"UPDATE crm.{target.table} AS t"
        f" SET {', '.join(f'{name} = {value}' for name, value in settings.items())}"
        f" FROM {target.news()} WHERE t.id = s.id AND changed AND row {IN_CHUNK}"
        f" AND ({' OR '.join([*map(takes, target.facts), *_learns(target)])})"
    )


PHONES = f"""
INSERT INTO crm.phones (id, person_id, number, kind, source, raw)
SELECT id, person_id, number, kind, source, raw FROM pg_temp.file_phones
WHERE NOT known AND row {IN_CHUNK} ORDER BY row
ON CONFLICT DO NOTHING
"""
