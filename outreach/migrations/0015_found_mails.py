"""A mail that left in the time a restored database has forgotten, to whomever, is written down."""

from importlib import import_module

from django.db import migrations, models

# Such a row is of no task, and never gets one: nothing can leave because of it.
APPROVED = """
CREATE OR REPLACE FUNCTION outreach.require_approved_draft() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.direction = 'outbound' AND NEW.draft_id IS NULL
        AND NOT (NEW.provider = 'imap' AND NEW.status = 'sent'
                 AND NEW.task_id IS NULL AND NEW.enrollment_id IS NULL)
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
        OR (NEW.direction = 'outbound' AND OLD.task_id IS NULL AND NEW.task_id IS NOT NULL)
    ) THEN
        RAISE EXCEPTION 'What was sent is not rewritten'
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NEW;
END $$;
"""
BEFORE = import_module("outreach.migrations.0013_bringing_back").APPROVED

WAS_FOUND = models.Q(provider="imap", task__isnull=True, draft__isnull=True)
INBOUND = models.Q(direction="inbound")
FROZEN = models.Q(rfc822_message_id__isnull=False, content_hash__isnull=False)


class Migration(migrations.Migration):
    dependencies = [("outreach", "0014_one_index_less")]

    operations = [
        migrations.RunSQL(APPROVED, BEFORE),
        migrations.RemoveConstraint("message", "messages_outbound_has_position"),
        migrations.AddConstraint(
            "message",
            models.CheckConstraint(
                condition=INBOUND | models.Q(position__isnull=False) | WAS_FOUND,
                name="messages_outbound_has_position",
            ),
        ),
        migrations.RemoveConstraint("message", "messages_outbound_is_frozen"),
        migrations.AddConstraint(
            "message",
            models.CheckConstraint(
                condition=INBOUND | FROZEN | WAS_FOUND, name="messages_outbound_is_frozen"
            ),
        ),
    ]
