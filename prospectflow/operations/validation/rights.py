"""Roles and grants: what the serving role may do, exactly."""

from collections.abc import Iterator

from django.db import connection

from prospectflow.tenancy import SCHEMAS
from prospectflow.tenancy.roles import powers

from .catalogue import column, rows

PLACES = [*SCHEMAS, "public"]
OWNER = "prospectflow_owner"
USUAL = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})
EXCEPT = {
    "iam.audit_events": frozenset({"SELECT", "INSERT"}),
    "outreach.platform": frozenset({"SELECT", "UPDATE"}),  # one row, ever
    "public.django_migrations": frozenset({"SELECT"}),
    "public.procrastinate_events": frozenset({"SELECT", "INSERT"}),
}
RIGHTS = """
SELECT n.nspname || '.' || c.relname, right_, pg_get_userbyid(relowner)::text,
    has_table_privilege(c.oid, right_) OR (right_ IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
        AND has_any_column_privilege(c.oid, right_))
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace,
    unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER',
                 'MAINTAIN']) AS right_
WHERE relkind IN ('r', 'p', 'v', 'm') AND nspname = ANY (%s)
ORDER BY 1, 2
"""
# They run with the owner's rights: trigger functions too, where a reference cascades.
FUNCTIONS = """
SELECT p.oid::regprocedure::text,
    CASE WHEN prosecdef THEN 'SECURITY DEFINER' ELSE 'a trigger function' END,
    pg_get_userbyid(proowner)::text,
    EXISTS (SELECT FROM unnest(proconfig) AS setting
            WHERE setting ~ '^search_path=pg_catalog, ([a-z]+, )*pg_temp$'),
    prosecdef AND EXISTS (SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner)))
            WHERE grantee = 0 AND privilege_type = 'EXECUTE')
FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
WHERE (prosecdef OR prorettype = 'trigger'::regtype) AND nspname = ANY (%s)
"""
OWNED = """
SELECT 'relation ' || oid::regclass::text FROM pg_class WHERE relowner = current_user::regrole
UNION ALL
SELECT 'function ' || oid::regprocedure::text FROM pg_proc WHERE proowner = current_user::regrole
UNION ALL
SELECT 'schema ' || nspname FROM pg_namespace WHERE nspowner = current_user::regrole
UNION ALL
SELECT 'database ' || datname FROM pg_database WHERE datdba = current_user::regrole
"""
MAKING = """
SELECT 'databases' FROM pg_roles WHERE rolname = current_user AND rolcreatedb
UNION ALL SELECT 'roles' FROM pg_roles WHERE rolname = current_user AND rolcreaterole
UNION ALL SELECT 'schemas' WHERE has_database_privilege(current_database(), 'CREATE')
"""
TEMPORARY = "SELECT has_database_privilege(current_database(), 'TEMP')"


def roles_and_grants() -> Iterator[str]:
    """The serving role owns nothing, makes nothing that stays, and slips past nothing."""
    yield from powers(connection)
    yield from (f"the serving role owns the {thing}" for thing in column(OWNED))
    yield from (f"the serving role may make {things}" for things in column(MAKING))
    if column(TEMPORARY) != [True]:
        yield "the serving role may make no temporary tables, in which imports are prepared"
    yield from _grants()
    yield from _functions()


def _grants() -> Iterator[str]:
    for table, right, owner, granted in rows(RIGHTS, PLACES):
        wanted = right in EXCEPT.get(table, USUAL)
        if granted and not wanted:
            yield f"the serving role has {right} on {table}"
        if wanted and not granted:
            yield f"the serving role lacks {right} on {table}"
        if owner != OWNER and right == "SELECT":
            yield f"{table} belongs to {owner}, not to {OWNER}"


def _functions() -> Iterator[str]:
    for name, kind, owner, has_fixed_path, for_everybody in rows(FUNCTIONS, PLACES):
        if owner != OWNER:
            yield f"{name} is {kind} and belongs to {owner}, not to {OWNER}"
        if not has_fixed_path:
            yield f"{name} is {kind} without a fixed search_path that ends in pg_temp"
        if for_everybody:
            yield f"{name} is {kind} and may be called by PUBLIC"
