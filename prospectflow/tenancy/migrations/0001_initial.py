"""Schemas, the functions that policies and keys stand on, and the serving role's rights."""

from django.db import migrations

SCHEMAS = ("iam", "crm", "outreach", "tracking")

FUNCTIONS = """
CREATE FUNCTION iam.raise_no_organisation() RETURNS uuid
    LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1 AS $$
BEGIN
    RAISE EXCEPTION 'app.organisation_id is not set: no organisation is being served'
        USING ERRCODE = 'insufficient_privilege',
              HINT = 'Open a scope first: with tenant(organisation_id): ...';
END $$;

CREATE FUNCTION iam.current_organisation_id() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(nullif(btrim(current_setting('app.organisation_id', true)), '')::uuid,
                    iam.raise_no_organisation())
$$;

CREATE FUNCTION public.set_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END $$;
"""
NO_FUNCTIONS = """
DROP FUNCTION public.set_updated_at();
DROP FUNCTION iam.current_organisation_id();
DROP FUNCTION iam.raise_no_organisation();
"""

RIGHTS = """
GRANT USAGE ON SCHEMA {schema} TO prospectflow_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA {schema}
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO prospectflow_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA {schema}
    GRANT USAGE ON SEQUENCES TO prospectflow_app;
"""
NO_RIGHTS = """
ALTER DEFAULT PRIVILEGES IN SCHEMA {schema}
    REVOKE SELECT, INSERT, UPDATE, DELETE ON TABLES FROM prospectflow_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA {schema}
    REVOKE USAGE ON SEQUENCES FROM prospectflow_app;
"""
# Tables start in public and are then moved, so public's defaults are the ones that count.
PLACES = ("public", *SCHEMAS)


def for_each(template, places):
    return "".join(template.format(schema=place) for place in places)


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    # The rights must stand before Django makes its own tables.
    run_before = [("contenttypes", "0001_initial")]

    operations = [
        migrations.RunSQL(
            for_each("CREATE SCHEMA {schema};", SCHEMAS),
            for_each("DROP SCHEMA {schema};", SCHEMAS),
        ),
        migrations.RunSQL(FUNCTIONS, NO_FUNCTIONS),
        migrations.RunSQL(for_each(RIGHTS, PLACES), for_each(NO_RIGHTS, PLACES)),
        migrations.RunSQL(
            "GRANT SELECT ON public.django_migrations TO prospectflow_app",
            "REVOKE SELECT ON public.django_migrations FROM prospectflow_app",
        ),
    ]
