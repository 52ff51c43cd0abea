"""Organisations, people, memberships, audit."""

import django.db.models.functions.datetime
import django.db.models.functions.text
import django.db.models.functions.uuid
import prospectflow.tenancy.constraints
import prospectflow.tenancy.fields
from django.db import migrations, models

OWNER = """
CREATE FUNCTION iam.require_one_owner() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    changed uuid;
BEGIN
    IF TG_TABLE_NAME = 'organisations' THEN
        changed := NEW.id;
    ELSE
        changed := coalesce(NEW.organisation_id, OLD.organisation_id);
    END IF;
    IF EXISTS (SELECT FROM iam.organisations WHERE id = changed) AND 1 <> (
        SELECT count(*) FROM iam.organisation_users
        WHERE organisation_id = changed AND role = 'owner'
    ) THEN
        RAISE EXCEPTION 'An organisation has exactly one owner'
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION iam.require_one_owner() FROM PUBLIC
"""

# Before an organisation is entered: which may this person enter?
MEMBERSHIPS = """
CREATE FUNCTION iam.memberships_of(person uuid)
    RETURNS TABLE (organisation_id uuid, slug text, name text, role text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT o.id, o.slug::text, o.name, m.role
    FROM iam.organisation_users m JOIN iam.organisations o ON o.id = m.organisation_id
    WHERE m.user_id = person AND m.status = 'active'
    ORDER BY o.name, o.id
$$;
REVOKE ALL ON FUNCTION iam.memberships_of(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iam.memberships_of(uuid) TO prospectflow_app;
"""
APPEND_ONLY = "REVOKE UPDATE, DELETE ON iam.audit_entries FROM prospectflow_app"


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.RunSQL(OWNER, "DROP FUNCTION iam.require_one_owner()"),
        migrations.CreateModel(
            name='User',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('email', models.EmailField(max_length=254, unique=True, verbose_name='e-mail address')),
                ('cognito_sub', models.CharField(blank=True, max_length=255, null=True, unique=True, verbose_name='Cognito subject')),
                ('first_name', models.TextField(blank=True, db_default='', default='')),
                ('last_name', models.TextField(blank=True, db_default='', default='')),
                ('is_active', models.BooleanField(db_default=True, default=True, verbose_name='active')),
                ('is_staff', models.BooleanField(db_default=False, default=False, verbose_name='staff')),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
            ],
            options={
                'db_table': 'users',
            },
        ),
        migrations.CreateModel(
            name='Organisation',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('name', models.TextField()),
                ('slug', models.SlugField(max_length=63, unique=True)),
                ('country', models.CharField(db_default='FR', default='FR', help_text='ISO 3166, for holidays.', max_length=2)),
                ('time_zone', models.TextField(db_default='Europe/Paris', default='Europe/Paris', help_text='IANA name of the sending zone.')),
                ('legal_name', models.TextField(blank=True, db_default='', default='')),
                ('legal_form', models.TextField(blank=True, db_default='', default='', help_text='SAS, SARL, EI …')),
                ('siren', models.CharField(blank=True, db_default='', default='', max_length=9, verbose_name='SIREN')),
                ('legal_address', models.TextField(blank=True, db_default='', default='')),
            ],
            options={
                'db_table': 'organisations',
                'constraints': [models.CheckConstraint(condition=models.Q(('slug__regex', '^[a-z0-9][a-z0-9-]*$')), name='organisations_slug_shape'), models.CheckConstraint(condition=models.Q(('siren', ''), ('siren__regex', '^[0-9]{9}$'), _connector='OR'), name='organisations_siren_shape'), prospectflow.tenancy.constraints.Trigger(deferred=True, function='iam.require_one_owner', name='organisations_exactly_one_owner', when='AFTER INSERT')],
            },
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('role', models.TextField(choices=[('owner', 'Owner'), ('admin', 'Admin'), ('member', 'Member'), ('viewer', 'Viewer')], db_default='member', default='member')),
                ('status', models.TextField(choices=[('invited', 'Invited'), ('active', 'Active'), ('disabled', 'Disabled')], db_default='active', default='active')),
                ('user', prospectflow.tenancy.fields.UserReference(related_name='memberships')),
                ('organisation', prospectflow.tenancy.fields.OrganisationField()),
            ],
            options={
                'verbose_name': 'member',
                'db_table': 'organisation_users',
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('at', models.DateTimeField()),
                ('action', models.TextField()),
                ('object_type', models.TextField(blank=True, db_default='', default='')),
                ('object_id', models.TextField(blank=True, db_default='', default='', verbose_name='object ID')),
                ('description', models.TextField(blank=True, db_default='', default='')),
                ('user', prospectflow.tenancy.fields.UserReference(null=True, related_name='+')),
                ('organisation', prospectflow.tenancy.fields.OrganisationField()),
            ],
            options={
                'verbose_name_plural': 'audit entries',
                'db_table': 'audit_entries',
                'abstract': False,
            },
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(('email', django.db.models.functions.text.Lower('email'))), name='users_email_lower_case'),
        ),
        migrations.AddIndex(
            model_name='membership',
            index=models.Index(fields=['user'], name='organisation_users_user'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=prospectflow.tenancy.constraints.TenantIsolation(name='membership_isolation'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.CheckConstraint(condition=models.Q(('role__in', ['owner', 'admin', 'member', 'viewer'])), name='organisation_users_role_known'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['invited', 'active', 'disabled'])), name='organisation_users_status_known'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.UniqueConstraint(fields=('organisation', 'user'), name='organisation_users_once'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.UniqueConstraint(condition=models.Q(('role', 'owner')), fields=('organisation',), name='organisation_users_at_most_one_owner'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=prospectflow.tenancy.constraints.Trigger(deferred=True, function='iam.require_one_owner', name='organisation_users_exactly_one_owner', when='AFTER INSERT OR UPDATE OR DELETE'),
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(fields=['organisation', '-at', 'id'], name='audit_entries_newest'),
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(fields=['organisation', 'object_type', 'object_id'], name='audit_entries_object'),
        ),
        migrations.AddConstraint(
            model_name='auditentry',
            constraint=prospectflow.tenancy.constraints.TenantIsolation(name='auditentry_isolation'),
        ),
        migrations.RunSQL(MEMBERSHIPS, "DROP FUNCTION iam.memberships_of(uuid)"),
        migrations.RunSQL(APPEND_ONLY, migrations.RunSQL.noop),
    ]
