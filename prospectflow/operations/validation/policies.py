"""Row-level security: enabled, forced, and one policy of the one known form."""

from collections.abc import Iterator

from prospectflow.tenancy.constraints import TenantIsolation

from .catalogue import NOBODY, place, present_tenant_models, rows, same, serve

POLICIES = """
SELECT polname::text, polpermissive, polcmd = '*' AND polroles = '{0}',
    pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)
FROM pg_policy WHERE polrelid = to_regclass(%s) ORDER BY polname
"""


def policies() -> Iterator[str]:
    """Every tenant's table is isolated by the one policy, its owner included."""
    serve(NOBODY)  # else PostgreSQL would refuse to plan what the policies are compared with
    for model in present_tenant_models():
        yield from (f"{place(model)} {what}" for what in _of(place(model)))


def _of(table: str) -> Iterator[str]:
    [(enabled, forced)] = rows(
        "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = to_regclass(%s)",
        table,
    )
    if not enabled:
        yield "has row-level security switched off"
    if not forced:
        yield "does not FORCE row-level security on its owner"
    found = rows(POLICIES, table)
    if "tenant_isolation" not in [name for name, *_ in found]:
        yield "has no policy tenant_isolation"
    for name, permissive, for_all, condition, check in found:
        yield from _form(table, name, permissive and for_all, condition, check)


def _form(
    table: str, name: str, for_all: bool, condition: str | None, check: str | None
) -> Iterator[str]:
    if name != "tenant_isolation":
        yield f"has the further policy {name}"
        return
    if not for_all:
        yield "has a tenant_isolation that is not permissive for every command and role"
    if check is not None:
        yield f"has a tenant_isolation with a check of its own: {check}"
    if condition is None or not same(TenantIsolation.condition, condition, table):
        yield f"has a tenant_isolation of another form: {condition}"
