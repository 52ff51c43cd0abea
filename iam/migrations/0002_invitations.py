"""Which organisations a person was invited to, asked before any is entered."""

from django.db import migrations

INVITATIONS = """
CREATE FUNCTION iam.invitations_of(person uuid)
    RETURNS TABLE (organisation_id uuid, slug text, name text, role text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT o.id, o.slug::text, o.name, m.role
    FROM iam.organisation_users m JOIN iam.organisations o ON o.id = m.organisation_id
    WHERE m.user_id = person AND m.status = 'invited'
    ORDER BY o.name, o.id
$$;
REVOKE ALL ON FUNCTION iam.invitations_of(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iam.invitations_of(uuid) TO prospectflow_app;
"""


class Migration(migrations.Migration):
    dependencies = [("iam", "0001_initial")]
    operations = [migrations.RunSQL(INVITATIONS, "DROP FUNCTION iam.invitations_of(uuid)")]
