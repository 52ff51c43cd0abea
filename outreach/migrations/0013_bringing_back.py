"""While an organisation is brought back, what was sent comes in as it was."""

from importlib import import_module

from django.db import migrations

# The organisation's own row comes last: as long as there is none, nothing can be sent for it.
APPROVED = """
CREATE OR REPLACE FUNCTION outreach.require_approved_draft() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.direction = 'outbound' AND NEW.draft_id IS NULL
        AND EXISTS (SELECT FROM iam.organisations WHERE id = NEW.organisation_id)
    THEN
        RAISE EXCEPTION 'Nothing is sent without an approved draft'
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
    END IF;
    IF TG_OP = 'UPDATE' AND (
        NEW.direction <> OLD.direction
        OR NEW.content_hash IS DISTINCT FROM OLD.content_hash
        OR NEW.draft_id <> OLD.draft_id
        OR (OLD.draft_id IS NULL AND NEW.draft_id IS NOT NULL)
    ) THEN
        RAISE EXCEPTION 'What was sent is not rewritten'
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NEW;
END $$;
"""
BEFORE = (
    import_module("outreach.migrations.0001_initial")
    .APPROVED.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
    .replace("LANGUAGE plpgsql AS", "LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS")
)


class Migration(migrations.Migration):
    dependencies = [("outreach", "0012_monitoring")]

    operations = [migrations.RunSQL(APPROVED, BEFORE)]
