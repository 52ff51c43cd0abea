"""What a sender asks before each mail, once connected: one statement, in its own transaction."""

from django.db import migrations

# `pause` is what the decision itself has made the mailbox wait: a longer one is a trouble's.
# In plpgsql the plans are kept; as a plain query, planning would cost more than all else of a mail.
LOOK = """
CREATE FUNCTION outreach.may_still_leave(
    organisation uuid, mail uuid, at timestamptz, pause timestamptz, hashes text[],
    domain_name text
) RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    task record;
BEGIN
    PERFORM set_config('app.organisation_id', organisation::text, true);
    SELECT t.enrollment_id, t.campaign_id, t.mailbox_id INTO task FROM outreach.tasks t
    WHERE t.organisation_id = organisation AND t.id = mail AND t.status = 'transmitting';
    RETURN FOUND
        AND EXISTS (
            SELECT FROM outreach.campaign_enrollments e
            WHERE e.organisation_id = organisation AND e.id = task.enrollment_id
                AND e.state = 'active' AND coalesce(e.paused_until <= at, true)
        )
        AND EXISTS (
            SELECT FROM outreach.campaigns c
            WHERE c.organisation_id = organisation AND c.id = task.campaign_id
                AND c.status = 'running'
        )
        AND EXISTS (
            SELECT FROM outreach.mailboxes m
            WHERE m.organisation_id = organisation AND m.id = task.mailbox_id
                AND m.status = 'active' AND coalesce(m.next_send_at <= pause, true)
        )
        AND EXISTS (SELECT FROM outreach.platform p WHERE p.sending_stopped_at IS NULL)
        AND EXISTS (
            SELECT FROM iam.organisations o
            WHERE o.id = organisation AND o.sending_stopped_at IS NULL
        )
        AND NOT EXISTS (
            SELECT FROM outreach.suppressions s
            WHERE s.organisation_id = organisation AND s.address_hash = ANY (hashes)
        )
        AND NOT EXISTS (
            SELECT FROM outreach.suppressions s
            WHERE s.organisation_id = organisation AND s.domain = domain_name
        );
END $$;
REVOKE ALL ON FUNCTION outreach.may_still_leave(
    uuid, uuid, timestamptz, timestamptz, text[], text
) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outreach.may_still_leave(
    uuid, uuid, timestamptz, timestamptz, text[], text
)
    TO prospectflow_app;
"""


class Migration(migrations.Migration):
    dependencies = [("outreach", "0010_mails_gone_wrong")]

    operations = [
        migrations.RunSQL(
            LOOK,
            "DROP FUNCTION outreach.may_still_leave"
            "(uuid, uuid, timestamptz, timestamptz, text[], text)",
        )
    ]
