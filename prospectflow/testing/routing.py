"""Whether a statement stays within one organisation, as PostgreSQL itself plans it."""

import json
import re
from collections.abc import Callable, Collection, Iterator
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
    r"organisation_id = (?:COALESCE\(\(NULLIF\(btrim\(current_setting\('app\.organisation_id'"
    r"|iam\.current_organisation_id\(\)|'[0-9a-f-]{36}'::uuid)"
)
TIED = re.compile(r"(\w+)\.organisation_id = (\w+)\.organisation_id\b")
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
    said: str

    def is_bound(self, bound: Collection[str]) -> bool:
        """Whether its rows are one organisation's: named, or that of a row bound already."""
        tied = TIED.findall(self.said)
        return bool(ONE_ORGANISATION.search(self.said)) or any(
            self.alias in pair and not bound.isdisjoint(pair) for pair in tied
        )


def roamed(plan: Any) -> set[str]:
    """The tables of organisations that this plan reads, whoever's rows they are."""
    loose, bound = list(_scans(plan)), set()
    while now := {scan.alias for scan in loose if scan.is_bound(bound)}:
        bound |= now
        loose = [scan for scan in loose if scan.alias not in bound]
    return {scan.table for scan in loose}


def _scans(plan: Any) -> Iterator[Scan]:
    table = plan.get("Relation Name")
    if table in TABLES and "Scan" in plan["Node Type"]:
        said = " ".join(str(plan.get(name, "")) for name in CONDITIONS)
        yield Scan(table, plan["Alias"], said)
    for part in plan.get("Plans", ()):
        yield from _scans(part)
