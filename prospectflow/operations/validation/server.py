"""The server: its version, its settings for the serving role, its extensions and operators."""

from collections.abc import Iterator

from .catalogue import column, rows

OLDEST = 180_000
WANTED = {
    "row_security": "on",
    "search_path": "public, iam, crm, outreach, tracking, extensions",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "session_replication_role": "origin",
    "server_encoding": "UTF8",
    "standard_conforming_strings": "on",
    "fsync": "on",
    "full_page_writes": "on",
}
OF_THE_ROLE = (
    *("search_path", "jit", "max_parallel_workers_per_gather"),
    *("statement_timeout", "idle_in_transaction_session_timeout"),
)
EXTENSIONS = ("pg_trgm", "btree_gin")
OPERATORS = {"search.~~~*(text,text)": "search.ilike_lp", "search.~~~(text,text)": "search.like_lp"}


def version_and_settings() -> Iterator[str]:
    """PostgreSQL 18 or later, with what the serving role and the search stand on."""
    [version] = column("SELECT current_setting('server_version_num')::int")
    if version < OLDEST:
        yield f"PostgreSQL {version // 10000} runs, and 18 is needed"
    for name, wanted in WANTED.items():
        [found] = column("SELECT current_setting(%s, true)", name)
        if found != wanted:
            yield f"{name} is {found!r}, not {wanted!r}"
    yield from _of_the_role()
    yield from _extensions()
    yield from _search()


def _of_the_role() -> Iterator[str]:
    set_on_role = column(
        "SELECT split_part(unnest(setconfig), '=', 1) FROM pg_db_role_setting"
        " WHERE setrole = current_user::regrole"
    )
    for name in OF_THE_ROLE:
        if name not in set_on_role:
            yield f"{name} is not set by ALTER ROLE: a pooler would not pass it on"


def _extensions() -> Iterator[str]:
    found = dict(rows("SELECT extname::text, extnamespace::regnamespace::text FROM pg_extension"))
    for name in EXTENSIONS:
        if found.get(name) != "extensions":
            yield f"the extension {name} is not in the schema extensions: {found.get(name)}"


def _search() -> Iterator[str]:
    """Below row-level security a condition reaches an index only by a leakproof operator."""
    for operator, function in OPERATORS.items():
        found = rows(
            "SELECT oprcode::regproc::text, proleakproof, has_function_privilege(p.oid, 'EXECUTE')"
            " FROM pg_operator JOIN pg_proc p ON p.oid = oprcode"
            " WHERE pg_operator.oid = to_regoperator(%s)",
            operator,
        )
        if found != [(function, True, True)]:
            yield f"the operator {operator} is not the leakproof {function}: {found or 'missing'}"
    if not rows(
        "SELECT FROM pg_opclass JOIN pg_namespace n ON n.oid = opcnamespace"
        " WHERE opcname = 'gin_trgm_lp' AND nspname = 'search'"
    ):
        yield "the operator class search.gin_trgm_lp is missing"
