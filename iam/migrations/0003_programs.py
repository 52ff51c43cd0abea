"""Programs, operators' visits, expiring invitations, and a trail that PostgreSQL writes itself."""

from importlib import import_module

import datetime
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
import django.db.models.functions.uuid
import prospectflow.tenancy.constraints
import prospectflow.tenancy.fields
from django.db import migrations, models


CURRENT = """
CREATE FUNCTION iam.current_user_id() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT nullif(current_setting('app.user_id', true), '')::uuid
$$;
CREATE FUNCTION iam.current_service_account_id() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT nullif(current_setting('app.service_account_id', true), '')::uuid
$$;
CREATE FUNCTION iam.current_request_id() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(current_setting('app.request_id', true), '')
$$;
"""
NO_CURRENT = """
DROP FUNCTION iam.current_request_id();
DROP FUNCTION iam.current_service_account_id();
DROP FUNCTION iam.current_user_id();
"""

# Also what a cascade deletes is told, row by row; an organisation takes its trail along.
AUDIT = """
CREATE FUNCTION iam.write_audit_event() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    was jsonb := CASE WHEN TG_OP = 'INSERT' THEN '{}' ELSE to_jsonb(OLD) END;
    is_now jsonb := CASE WHEN TG_OP = 'DELETE' THEN '{}' ELSE to_jsonb(NEW) END;
    subject jsonb := was || is_now;
    untold text[] := string_to_array(TG_ARGV[1], ',')
        || '{id,organisation_id,created_at,updated_at}'::text[];
    secret text[] := string_to_array(TG_ARGV[2], ',');
    organisation uuid := coalesce(subject ->> 'organisation_id', subject ->> 'id')::uuid;
    changed jsonb;
BEGIN
    SELECT coalesce(jsonb_object_agg(k, CASE WHEN k = ANY (secret) THEN '["…", "…"]'::jsonb
            ELSE jsonb_build_array(was -> k, is_now -> k) END), '{}')
        INTO changed FROM jsonb_object_keys(subject) AS k
        WHERE k <> ALL (untold) AND was -> k IS DISTINCT FROM is_now -> k;
    IF (TG_OP = 'UPDATE' AND changed = '{}')
        OR NOT EXISTS (SELECT FROM iam.organisations WHERE id = organisation) THEN
        RETURN NULL;
    END IF;
    INSERT INTO iam.audit_events (organisation_id, user_id, at, action, object_type, object_id,
                                  description, changes)
    VALUES (
        organisation, iam.current_user_id(), now(),
        CASE TG_OP WHEN 'INSERT' THEN 'added' WHEN 'UPDATE' THEN 'changed' ELSE 'deleted' END,
        TG_ARGV[0], subject ->> 'id',
        coalesce(subject ->> 'name', subject ->> 'address', subject ->> 'domain',
                 subject ->> 'url', subject ->> 'reason',
                 (SELECT email FROM iam.users WHERE id = (subject ->> 'user_id')::uuid), ''),
        changed
    );
    RETURN NULL;
END $$;
"""

# The trail is forgotten by age alone, and never what is younger than 90 days.
FORGETTING = """
CREATE FUNCTION iam.forget_audit_events(older_than timestamptz) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH gone AS (
        DELETE FROM iam.audit_events
        WHERE at < least(older_than, now() - interval '90 days') RETURNING 1
    ) SELECT count(*) FROM gone
$$;
CREATE FUNCTION iam.forget_receipts(older_than timestamptz) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH gone AS (DELETE FROM iam.receipts WHERE at < older_than RETURNING 1)
    SELECT count(*) FROM gone
$$;
REVOKE ALL ON FUNCTION iam.forget_audit_events(timestamptz), iam.forget_receipts(timestamptz)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iam.forget_audit_events(timestamptz), iam.forget_receipts(timestamptz)
    TO prospectflow_app;
"""
NO_FORGETTING = """
DROP FUNCTION iam.forget_receipts(timestamptz);
DROP FUNCTION iam.forget_audit_events(timestamptz);
"""

# Before an organisation is entered: which may this person enter, and which were offered?
PLACES = """
CREATE FUNCTION iam.places_of(person uuid, at timestamptz)
    RETURNS TABLE (kind text, organisation_id uuid, slug text, name text, role text,
                   until timestamptz, access_after timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE m.status WHEN 'active' THEN 'membership' ELSE 'invitation' END,
        o.id, o.slug::text, o.name, m.role, m.expires_at, greatest(m.access_after, u.access_after)
    FROM iam.organisation_users m
    JOIN iam.organisations o ON o.id = m.organisation_id JOIN iam.users u ON u.id = m.user_id
    WHERE m.user_id = person
        AND (m.status = 'active' OR (m.status = 'invited' AND m.expires_at > at
                                      AND m.invited_address = u.email))
    UNION ALL
    SELECT 'visit', o.id, o.slug::text, o.name, 'operator', max(v.ends_at), u.access_after
    FROM iam.operator_entries v
    JOIN iam.organisations o ON o.id = v.organisation_id JOIN iam.users u ON u.id = v.user_id
    WHERE v.user_id = person AND v.entered_at <= at AND v.ends_at > at AND u.is_staff
    GROUP BY o.id, u.id
    ORDER BY 4, 2
$$;
REVOKE ALL ON FUNCTION iam.places_of(uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iam.places_of(uuid, timestamptz) TO prospectflow_app;
"""

# An organisation is seen from everywhere, since one must be chosen; it is made, changed and
# deleted only from inside.
INSIDE = """
ALTER TABLE iam.organisations ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY seen ON iam.organisations FOR SELECT USING (true);
CREATE POLICY made_inside ON iam.organisations FOR INSERT
    WITH CHECK (id = iam.current_organisation_id());
CREATE POLICY changed_inside ON iam.organisations FOR UPDATE
    USING (id = iam.current_organisation_id());
CREATE POLICY deleted_inside ON iam.organisations FOR DELETE
    USING (id = iam.current_organisation_id());
"""
NOT_INSIDE = """
DROP POLICY deleted_inside ON iam.organisations;
DROP POLICY changed_inside ON iam.organisations;
DROP POLICY made_inside ON iam.organisations;
DROP POLICY seen ON iam.organisations;
ALTER TABLE iam.organisations NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
"""

# One round trip from a checked token to a scope: who is it, where, as what? Or why not?
ADMISSION = """
CREATE FUNCTION iam.admit_bearer(subject text, client text, machine boolean, wanted text,
                                 issued_at timestamptz, request_id text)
    RETURNS TABLE (refusal text, user_id uuid, email text, first_name text, last_name text,
                   service_account_id uuid, account_name text,
                   organisation_id uuid, slug text, name text, role text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    account record;
    place record;
BEGIN
    IF machine THEN
        SELECT s.id, s.name, s.status = 'active' AS is_active, s.access_after,
            s.organisation_id, s.role INTO account
            FROM iam.service_accounts s WHERE s.client_id = client;
        SELECT o.id, o.slug::text AS slug, o.name, account.role AS role, 1::bigint AS places,
            NULL::timestamptz AS access_after INTO place
            FROM iam.organisations o
            WHERE o.id = account.organisation_id AND (wanted = '' OR o.slug = wanted);
    ELSE
        SELECT u.id, u.email::text AS email, u.first_name, u.last_name, u.is_active,
            u.access_after INTO account
            FROM iam.users u WHERE u.cognito_sub = subject;
        SELECT o.id, o.slug::text AS slug, o.name, m.role, count(*) OVER () AS places,
            m.access_after INTO place
            FROM iam.organisation_users m JOIN iam.organisations o ON o.id = m.organisation_id
            WHERE m.user_id = account.id AND m.status = 'active'
                AND (wanted = '' OR o.slug = wanted);
    END IF;
    refusal := CASE
        WHEN account.id IS NULL AND machine THEN 'PROGRAM_UNKNOWN'
        WHEN account.id IS NULL THEN 'ACCOUNT_UNKNOWN'
        WHEN NOT account.is_active THEN 'ACCOUNT_DISABLED'
        WHEN issued_at <= account.access_after THEN 'TOKEN_REVOKED'
        WHEN place.id IS NULL AND wanted <> '' THEN 'NOT_A_MEMBER'
        WHEN place.id IS NULL THEN 'MISSING_ORGANISATION'
        WHEN place.places > 1 THEN 'ORGANISATION_REQUIRED'
        WHEN issued_at <= place.access_after THEN 'TOKEN_REVOKED'
        ELSE '' END;
    IF refusal NOT IN ('', 'MISSING_ORGANISATION', 'ORGANISATION_REQUIRED') THEN
        RETURN NEXT;
        RETURN;
    END IF;
    IF machine THEN
        service_account_id := account.id;
        account_name := account.name;
    ELSE
        user_id := account.id;
        email := account.email;
        first_name := account.first_name;
        last_name := account.last_name;
    END IF;
    IF refusal <> '' THEN  -- outside of any organisation people may still ask who they are
        RETURN NEXT;
        RETURN;
    END IF;
    organisation_id := place.id;
    slug := place.slug;
    name := place.name;
    role := place.role;
    PERFORM set_config('app.organisation_id', organisation_id::text, true),
        set_config('app.user_id', coalesce(user_id::text, ''), true),
        set_config('app.service_account_id', coalesce(service_account_id::text, ''), true),
        set_config('app.request_id', request_id, true);
    RETURN NEXT;
END $$;
REVOKE ALL ON FUNCTION iam.admit_bearer(text, text, boolean, text, timestamptz, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iam.admit_bearer(text, text, boolean, text, timestamptz, text)
    TO prospectflow_app;
"""

MOVED = """
INSERT INTO iam.audit_events (organisation_id, id, created_at, updated_at, user_id, at, action,
                              object_type, object_id, description)
SELECT organisation_id, id, created_at, updated_at, user_id, at, action,
       object_type, object_id, description FROM iam.audit_entries;
SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED
"""
APPEND_ONLY = "REVOKE UPDATE, DELETE ON iam.audit_events FROM prospectflow_app"
OLD_DOORS = """
DROP FUNCTION iam.memberships_of(uuid);
DROP FUNCTION iam.invitations_of(uuid);
"""
OLD_FUNCTIONS = [
    import_module("iam.migrations.0001_initial").MEMBERSHIPS,
    import_module("iam.migrations.0002_invitations").INVITATIONS,
]


class Migration(migrations.Migration):

    dependencies = [
        ('iam', '0002_invitations'),
    ]

    operations = [
        migrations.RunSQL(CURRENT, NO_CURRENT),
        migrations.RunSQL(AUDIT, "DROP FUNCTION iam.write_audit_event()"),
        migrations.CreateModel(
            name='ServiceAccount',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('name', models.TextField()),
                ('client_id', models.CharField(max_length=255, unique=True, verbose_name='client ID')),
                ('role', models.TextField(choices=[('admin', 'Admin'), ('member', 'Member'), ('viewer', 'Viewer')], db_default='member', default='member')),
                ('status', models.TextField(choices=[('active', 'Active'), ('disabled', 'Disabled')], db_default='active', default='active')),
                ('access_after', models.DateTimeField(blank=True, editable=False, help_text='Tokens from before this moment are refused.', null=True)),
                ('organisation', prospectflow.tenancy.fields.OrganisationField()),
            ],
            options={
                'db_table': 'service_accounts',
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='AuditEvent',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('at', models.DateTimeField()),
                ('action', models.TextField()),
                ('object_type', models.TextField(blank=True, db_default='', default='')),
                ('object_id', models.TextField(blank=True, db_default='', default='', verbose_name='object ID')),
                ('description', models.TextField(blank=True, db_default='', default='')),
                ('changes', models.JSONField(db_default={}, default=dict, help_text='For each column: what stood there, what stands now.')),
                ('request_id', models.TextField(db_default=prospectflow.tenancy.fields.CurrentRequest(), verbose_name='request ID')),
                ('organisation', prospectflow.tenancy.fields.OrganisationField()),
                ('user', prospectflow.tenancy.fields.UserReference(null=True, related_name='+')),
                ('service_account', prospectflow.tenancy.fields.TenantForeignKey(db_default=prospectflow.tenancy.fields.CurrentServiceAccount(), null=True, on_delete=django.db.models.deletion.DB_SET_NULL, related_name='+', to='iam.serviceaccount')),
            ],
            options={
                'db_table': 'audit_events',
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='OperatorEntry',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('reason', models.TextField()),
                ('entered_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('organisation', prospectflow.tenancy.fields.OrganisationField()),
                ('user', prospectflow.tenancy.fields.UserReference(related_name='+')),
            ],
            options={
                'verbose_name_plural': 'operator entries',
                'db_table': 'operator_entries',
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Receipt',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('actor', models.TextField(help_text="Who asked: a user's or a service account's id.")),
                ('key', models.CharField(max_length=255)),
                ('request_digest', models.CharField(help_text='SHA-256 of method, path and body.', max_length=64)),
                ('status', models.IntegerField()),
                ('body', models.TextField()),
                ('at', models.DateTimeField()),
                ('organisation', prospectflow.tenancy.fields.OrganisationField()),
            ],
            options={
                'db_table': 'receipts',
                'abstract': False,
            },
        ),
        migrations.AddField(
            model_name='membership',
            name='access_after',
            field=models.DateTimeField(blank=True, editable=False, help_text='Sessions and tokens from before this moment are refused here.', null=True),
        ),
        migrations.AddField(
            model_name='membership',
            name='invited_address',
            field=models.CharField(blank=True, editable=False, help_text='The address the invitation went to: it opens for nobody of another.', max_length=254, null=True),
        ),
        migrations.AddField(
            model_name='membership',
            name='expires_at',
            field=models.DateTimeField(blank=True, help_text='Until when the invitation can be accepted.', null=True),
        ),
        migrations.AddField(
            model_name='membership',
            name='invited_by',
            field=prospectflow.tenancy.fields.UserReference(blank=True, null=True, related_name='+'),
        ),
        migrations.AddField(
            model_name='user',
            name='access_after',
            field=models.DateTimeField(blank=True, editable=False, help_text='Sessions and tokens from before this moment are refused everywhere.', null=True),
        ),
        migrations.AlterField(
            model_name='user',
            name='is_staff',
            field=models.BooleanField(db_default=False, default=False, help_text='Operators of the platform may enter an organisation with a reason.', verbose_name='operator'),
        ),
        migrations.RunSQL(
            "UPDATE iam.organisation_users m SET expires_at = now() + interval '14 days',"
            " invited_address = u.email FROM iam.users u"
            " WHERE u.id = m.user_id AND m.status = 'invited';"
            " SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED",  # before ALTER TABLE
            migrations.RunSQL.noop,
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'invited'), _negated=True), models.Q(('expires_at__isnull', False), ('invited_address__isnull', False)), _connector='OR'), name='organisation_users_invitations_expire'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=prospectflow.tenancy.constraints.Audited(name='organisation_users_audited', secret=(), when='AFTER INSERT OR UPDATE OR DELETE', without=('user_id',)),
        ),
        migrations.AddConstraint(
            model_name='organisation',
            constraint=prospectflow.tenancy.constraints.Audited(name='organisations_audited', secret=(), when='AFTER UPDATE', without=()),
        ),
        migrations.AddIndex(
            model_name='operatorentry',
            index=models.Index(fields=['user', 'ends_at'], name='operator_entries_user'),
        ),
        migrations.AddConstraint(
            model_name='operatorentry',
            constraint=prospectflow.tenancy.constraints.TenantIsolation(name='operatorentry_isolation'),
        ),
        migrations.AddConstraint(
            model_name='operatorentry',
            constraint=models.CheckConstraint(condition=models.Q(('reason__regex', '\\S')), name='operator_entries_reason_not_blank'),
        ),
        migrations.AddConstraint(
            model_name='operatorentry',
            constraint=models.CheckConstraint(condition=models.Q(('ends_at__gte', models.F('entered_at')), ('ends_at__lte', django.db.models.expressions.CombinedExpression(models.F('entered_at'), '+', models.Value(datetime.timedelta(seconds=28800))))), name='operator_entries_limited'),
        ),
        migrations.AddConstraint(
            model_name='operatorentry',
            constraint=prospectflow.tenancy.constraints.Audited(name='operator_entries_audited', secret=(), when='AFTER INSERT OR UPDATE OR DELETE', without=()),
        ),
        migrations.AddIndex(
            model_name='receipt',
            index=models.Index(fields=['organisation', 'at'], name='receipts_at'),
        ),
        migrations.AddConstraint(
            model_name='receipt',
            constraint=prospectflow.tenancy.constraints.TenantIsolation(name='receipt_isolation'),
        ),
        migrations.AddConstraint(
            model_name='receipt',
            constraint=models.UniqueConstraint(fields=('organisation', 'actor', 'key'), name='receipts_once'),
        ),
        migrations.AddConstraint(
            model_name='serviceaccount',
            constraint=prospectflow.tenancy.constraints.TenantIsolation(name='serviceaccount_isolation'),
        ),
        migrations.AddConstraint(
            model_name='serviceaccount',
            constraint=models.CheckConstraint(condition=models.Q(('role__in', ['admin', 'member', 'viewer'])), name='service_accounts_role_known'),
        ),
        migrations.AddConstraint(
            model_name='serviceaccount',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['active', 'disabled'])), name='service_accounts_status_known'),
        ),
        migrations.AddConstraint(
            model_name='serviceaccount',
            constraint=models.CheckConstraint(condition=models.Q(('name__regex', '\\S')), name='service_accounts_name_not_blank'),
        ),
        migrations.AddConstraint(
            model_name='serviceaccount',
            constraint=models.CheckConstraint(condition=models.Q(('client_id__regex', '^\\S+$')), name='service_accounts_client_id_shape'),
        ),
        migrations.AddConstraint(
            model_name='serviceaccount',
            constraint=prospectflow.tenancy.constraints.Audited(name='service_accounts_audited', secret=(), when='AFTER INSERT OR UPDATE OR DELETE', without=()),
        ),
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(fields=['organisation', '-at', 'id'], name='audit_events_newest'),
        ),
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(fields=['organisation', 'object_type', 'object_id'], name='audit_events_object'),
        ),
        migrations.AddConstraint(
            model_name='auditevent',
            constraint=prospectflow.tenancy.constraints.TenantIsolation(name='auditevent_isolation'),
        ),
        migrations.RunSQL(MOVED, migrations.RunSQL.noop),
        migrations.DeleteModel(name='AuditEntry'),
        migrations.RunSQL(APPEND_ONLY, migrations.RunSQL.noop),
        migrations.RunSQL(FORGETTING, NO_FORGETTING),
        migrations.RunSQL(PLACES, "DROP FUNCTION iam.places_of(uuid, timestamptz)"),
        migrations.RunSQL(
            ADMISSION,
            "DROP FUNCTION iam.admit_bearer(text, text, boolean, text, timestamptz, text)",
        ),
        migrations.RunSQL(INSIDE, NOT_INSIDE),
        migrations.RunSQL(OLD_DOORS, "\n".join(OLD_FUNCTIONS)),
    ]
