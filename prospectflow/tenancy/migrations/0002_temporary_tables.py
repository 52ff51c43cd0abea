"""The serving role may make temporary tables, and none of them can stand in for a real one.

PostgreSQL looks for a table or a type among the temporary ones first, unless the search path names
pg_temp elsewhere. What runs with the owner's rights must therefore name it, and last: functions of
SECURITY DEFINER, and trigger functions, which the owner runs where a reference cascades.
"""

from django.db import migrations

TEMPORARY_TABLES = """
DO $$ BEGIN
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO prospectflow_app', current_database());
END $$
"""
NO_TEMPORARY_TABLES = """
DO $$ BEGIN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM prospectflow_app', current_database());
END $$
"""
TRIGGER_FUNCTIONS = (
    "public.set_updated_at()",
    "outreach.require_approved_draft()",
    "outreach.unapprove_changed_draft()",
)


def for_each(template):
    return ";".join(template.format(function=function) for function in TRIGGER_FUNCTIONS)


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0001_initial"), ("outreach", "0001_initial")]

    operations = [
        migrations.RunSQL(
            for_each("ALTER FUNCTION {function} SET search_path = pg_catalog, pg_temp"),
            for_each("ALTER FUNCTION {function} RESET search_path"),
        ),
        migrations.RunSQL(TEMPORARY_TABLES, NO_TEMPORARY_TABLES),
    ]
