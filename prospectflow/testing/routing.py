"""Whether a statement stays within one organisation, as PostgreSQL itself plans it."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import psycopg

from prospectflow.tenancy.checks import tenant_models

TABLES = frozenset(model._meta.db_table for model in tenant_models())
NAMED = re.compile(rf"\b({'|'.join(sorted(TABLES))})\b")
PLANNED = re.compile(
    r"\s*(?:CREATE TEMP\w* TABLE [^;]*?\bAS\s+)?"
    r"((?:\(\s*)*(?:SELECT|WITH|INSERT|UPDATE|DELETE|MERGE)\b.*)",
    re.DOTALL | re.IGNORECASE,
)
# What the policy says, what the column's default says, or an organisation by its id.
ONE_ORGANISATION = re.compile(
    r'(?:"?\w+"?\.)?organisation_id = (?:'
    r"COALESCE\(\(NULLIF\(btrim\(current_setting\('app\.organisation_id'.*"
    r"|iam\.current_organisation_id\(\)|'[0-9a-f-]{36}'::uuid)"
)
TIED = re.compile(r'"?(\w+)"?\.organisation_id = "?(\w+)"?\.organisation_id')
# PostgreSQL puts whatever an operator joins into brackets of its own, an OR's sides too.
MARK = re.compile(r"""'(?:[^']|'')*'|"[^"]*"|[()]| AND """)
CONDITIONS = ("Filter", "Index Cond", "Recheck Cond", "TID Cond")
SERVING = "prospectflow_app"


class Watch:
    """Has each new statement of the serving role planned again, and keeps those that roam.

    A wrapper for a Django connection. `roaming` holds a line for each statement of which some
    table of organisations is read without saying whose rows, or which cannot be planned again;
    what is written the policies hold.
    """

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.planned = 0
        self.roaming: list[str] = []

    def __call__(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any
    ) -> Any:
        answer = execute(sql, params, many, context)
        database = context["connection"]
        text = sql if isinstance(sql, str) else sql.as_string(database.connection)
        if text not in self.known:
            self.known.add(text)
            self._look(database, text, params[0] if many else params)
        return answer

    def _look(self, database: Any, sql: str, params: Any) -> None:
        found = PLANNED.fullmatch(sql)
        if found is None or not NAMED.search(sql) or database.settings_dict["USER"] != SERVING:
            return
        try:
            plan = explained(database.connection, found[1], params)
        except psycopg.OperationalError:  # the test has just ended this session, or its patience
            self.known.discard(sql)
        except psycopg.Error as error:
            self.roaming.append(f"{error} when planned again: {sql}")
        else:
            self.planned += 1
            self.roaming += [f"{table} in {sql}" for table in sorted(roamed(plan))]

    def install(self, connection: Any, **kwargs: Any) -> None:
        """Watch this connection from now on; a receiver of connection_created."""
        if self not in connection.execute_wrappers:
            connection.execute_wrappers.append(self)


def explained(database: psycopg.Connection[Any], sql: str, params: Any) -> Any:
    """PostgreSQL's plan; it leaves the transaction as it was, and raises what PostgreSQL raises."""
    with database.transaction(force_rollback=True), database.cursor() as cursor:
        cursor.execute(f"EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) {sql}", params or None)
        [[plan]] = cursor.fetchall()
    return (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]


class Scan(NamedTuple):
    """One reading of a table of organisations: under which alias, and on which conditions."""

    table: str
    alias: str
    demands: list[str]

    def is_bound(self, bound: set[str]) -> bool:
        """Whether its rows are one organisation's: named, or that of a row bound already."""
        tied = [found.groups() for each in self.demands if (found := TIED.fullmatch(each))]
        return any(map(ONE_ORGANISATION.fullmatch, self.demands)) or any(
            self.alias in pair and not bound.isdisjoint(pair) for pair in tied
        )


def roamed(plan: Any) -> set[str]:
    """The tables of organisations that this plan reads, whoever's rows they are."""
    loose, bound = list(_scans(plan)), set[str]()
    while now := {scan.alias for scan in loose if scan.is_bound(bound)}:
        bound |= now
        loose = [scan for scan in loose if scan.alias not in bound]
    return {scan.table for scan in loose}


def _scans(plan: Any) -> Iterator[Scan]:
    table = plan.get("Relation Name")
    if table in TABLES and "Scan" in plan["Node Type"]:
        said = [plan[name] for name in CONDITIONS if name in plan]
        yield Scan(table, plan["Alias"], [part for each in said for part in demanded(each)])
    for part in plan.get("Plans", ()):
        yield from _scans(part)


def demanded(condition: str) -> list[str]:
    """What a condition of a plan demands in any case: all that AND joins, and nothing of an OR."""
    depth, begin, parts, closed = 0, 0, [], 0
    for mark in MARK.finditer(condition):
        if mark[0] == " AND " and depth == 0:
            parts.append(condition[begin : mark.start()])
            begin = mark.end()
        depth += {"(": 1, ")": -1}.get(mark[0], 0)
        if depth == 0 and mark[0] == ")":
            closed = closed or mark.end()
    if parts:
        return [each for part in [*parts, condition[begin:]] for each in demanded(part)]
    is_wrapped = condition.startswith("(") and closed == len(condition)
    return demanded(condition[1:-1]) if is_wrapped else [condition]
