"""What an operator sees of all organisations together: numbers and states, nobody's rows."""

from django.db import migrations

# Only what an index of few rows, or a table of few rows, can tell: it is asked every 15 seconds.
MONITORED = """
CREATE FUNCTION outreach.monitored(at timestamptz)
    RETURNS TABLE (figure text, state text, value double precision) LANGUAGE sql STABLE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'campaigns', c.status, count(*) FROM outreach.campaigns c GROUP BY c.status
    UNION ALL
    SELECT 'mailboxes', m.status, count(*) FROM outreach.mailboxes m GROUP BY m.status
    UNION ALL
    SELECT 'mails', t.status, count(*) FROM outreach.tasks t
        WHERE t.status IN ('leased', 'transmitting', 'unknown') GROUP BY t.status
    UNION ALL
    SELECT 'inbox lag', '', extract(epoch FROM greatest(
        max(at - coalesce(m.last_synced_at, m.created_at)), '0'))
        FROM outreach.mailboxes m WHERE m.status = 'active'
$$;
REVOKE ALL ON FUNCTION outreach.monitored(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outreach.monitored(timestamptz) TO prospectflow_app;
"""


class Migration(migrations.Migration):
    dependencies = [("outreach", "0011_a_last_look")]

    operations = [
        migrations.RunSQL(MONITORED, "DROP FUNCTION outreach.monitored(timestamptz)"),
    ]
