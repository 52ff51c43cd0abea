"""Leases and deferred tries, shared mailboxes, the switches, and forecasts."""

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
import django.db.models.functions.uuid
import prospectflow.tenancy.constraints
import prospectflow.tenancy.fields
from django.conf import settings
from django.db import migrations, models

# What the index of tasks that may go is made of is kept by PostgreSQL itself.
PLACED = """
CREATE FUNCTION outreach.place_enrollment() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.mailbox_id IS NULL THEN
        SELECT c.from_mailbox_id INTO NEW.mailbox_id FROM outreach.campaigns c
        WHERE c.organisation_id = NEW.organisation_id AND c.id = NEW.campaign_id;
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION outreach.place_task() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    SELECT e.mailbox_id INTO NEW.mailbox_id FROM outreach.campaign_enrollments e
    WHERE e.organisation_id = NEW.organisation_id AND e.id = NEW.enrollment_id;
    SELECT s.step_index INTO NEW.step_index FROM outreach.workflow_steps s
    WHERE s.organisation_id = NEW.organisation_id AND s.id = NEW.workflow_step_id;
    NEW.step_index := coalesce(NEW.step_index, 0);  -- the foreign key refuses it in a moment
    RETURN NEW;
END $$;
CREATE FUNCTION outreach.move_tasks() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE outreach.tasks t SET mailbox_id = NEW.mailbox_id
    WHERE t.organisation_id = NEW.organisation_id AND t.enrollment_id = NEW.id
        AND t.mailbox_id IS DISTINCT FROM NEW.mailbox_id;
    RETURN NULL;
END $$;
CREATE FUNCTION outreach.renumber_tasks() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE outreach.tasks t SET step_index = NEW.step_index
    WHERE t.organisation_id = NEW.organisation_id AND t.workflow_step_id = NEW.id
        AND t.step_index <> NEW.step_index;
    RETURN NULL;
END $$;
CREATE FUNCTION outreach.mark_task() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    approved boolean := TG_OP <> 'DELETE' AND NEW.status = 'approved';
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.status = NEW.status THEN
        RETURN NULL;
    END IF;
    UPDATE outreach.tasks t SET is_approved = approved
    WHERE t.organisation_id = coalesce(NEW.organisation_id, OLD.organisation_id)
        AND t.id = coalesce(NEW.task_id, OLD.task_id) AND t.is_approved <> approved;
    RETURN NULL;
END $$;
"""
NOT_PLACED = """
DROP FUNCTION outreach.mark_task();
DROP FUNCTION outreach.renumber_tasks();
DROP FUNCTION outreach.move_tasks();
DROP FUNCTION outreach.place_task();
DROP FUNCTION outreach.place_enrollment();
"""

# Whoever was written to hears from the same mailbox on; the others follow their campaign.
FOLLOWING = """
CREATE FUNCTION outreach.follow_campaign() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE outreach.campaign_enrollments e SET mailbox_id = NEW.from_mailbox_id
    WHERE e.organisation_id = NEW.organisation_id AND e.campaign_id = NEW.id
        AND e.mailbox_id IS NOT DISTINCT FROM OLD.from_mailbox_id
        AND NEW.from_mailbox_id IS DISTINCT FROM OLD.from_mailbox_id
        AND NOT EXISTS (
            SELECT FROM outreach.messages m
            WHERE m.organisation_id = e.organisation_id AND m.enrollment_id = e.id
                AND m.direction = 'outbound'
        )
        AND NOT EXISTS (
            SELECT FROM outreach.tasks t
            WHERE t.organisation_id = e.organisation_id AND t.enrollment_id = e.id
                AND t.status IN ('transmitting', 'sent', 'unknown')
        );
    RETURN NULL;
END $$;
"""

# A lease that was never used goes back; what was given up for now waits as it did before.
NAMES = """
UPDATE outreach.tasks SET status = 'scheduled', locked_at = NULL, locked_by = NULL
WHERE status = 'locked'
"""
OLD_NAMES = """
UPDATE outreach.tasks SET status = 'scheduled', locked_at = NULL, locked_by = NULL
WHERE status IN ('leased', 'deferred')
"""

# What starts without an organisation: an instant in, the minimum out. The mark of a copy differs:
# another server, another database, another history, or tables that were made anew in the same one.
# A pause that is longer than any mail or trouble makes was written by a clock that was ahead.
DOORS = """
CREATE FUNCTION outreach.database_mark() RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT concat_ws(':', s.system_identifier, d.oid, c.timeline_id, t.oid)
    FROM pg_control_system() s, pg_control_checkpoint() c, pg_database d, pg_class t
    WHERE d.datname = current_database()
        AND t.relname = 'platform' AND t.relnamespace = 'outreach'::regnamespace
$$;
CREATE OR REPLACE FUNCTION outreach.organisations_with_due_tasks(at timestamptz)
    RETURNS SETOF uuid LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    RETURN QUERY SELECT o.id FROM iam.organisations o WHERE EXISTS (
        SELECT FROM outreach.tasks t
        WHERE t.organisation_id = o.id AND t.status IN ('scheduled', 'deferred')
            AND t.scheduled_for <= at
    ) ORDER BY o.id;
END $$;
CREATE FUNCTION outreach.mailboxes_to_send(at timestamptz)
    RETURNS TABLE (organisation_id uuid, mailbox_id uuid) LANGUAGE plpgsql STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    RETURN QUERY SELECT m.organisation_id, m.id FROM outreach.mailboxes m
    WHERE m.status = 'active' AND (
        m.next_send_at IS NULL OR m.next_send_at <= at
        OR m.next_send_at > at + greatest(make_interval(secs => m.pace_max_seconds), '1 day')
    ) AND EXISTS (
        SELECT FROM outreach.tasks t
        WHERE t.organisation_id = m.organisation_id AND t.mailbox_id = m.id AND t.is_approved
            AND t.status IN ('scheduled', 'deferred') AND t.scheduled_for <= at
    ) ORDER BY m.organisation_id, m.id;
END $$;
CREATE FUNCTION outreach.mailboxes_to_read(before timestamptz, at timestamptz)
    RETURNS TABLE (organisation_id uuid, mailbox_id uuid) LANGUAGE sql STABLE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT m.organisation_id, m.id FROM outreach.mailboxes m
    WHERE m.last_synced_at IS NULL OR m.last_synced_at <= before OR m.last_synced_at > at
    ORDER BY m.last_synced_at NULLS FIRST, m.id
$$;
CREATE FUNCTION outreach.organisations_with_stranded_tasks(at timestamptz) RETURNS SETOF uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    RETURN QUERY SELECT o.id FROM iam.organisations o WHERE EXISTS (
        SELECT FROM outreach.tasks t
        WHERE t.organisation_id = o.id AND t.status IN ('leased', 'transmitting')
            AND t.leased_until < at
    ) ORDER BY o.id;
END $$;
REVOKE ALL ON FUNCTION outreach.database_mark(), outreach.mailboxes_to_send(timestamptz),
    outreach.mailboxes_to_read(timestamptz, timestamptz),
    outreach.organisations_with_stranded_tasks(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outreach.database_mark(), outreach.mailboxes_to_send(timestamptz),
    outreach.mailboxes_to_read(timestamptz, timestamptz),
    outreach.organisations_with_stranded_tasks(timestamptz) TO prospectflow_app;
"""
NO_DOORS = """
DROP FUNCTION outreach.organisations_with_stranded_tasks(timestamptz);
DROP FUNCTION outreach.mailboxes_to_read(timestamptz, timestamptz);
DROP FUNCTION outreach.mailboxes_to_send(timestamptz);
DROP FUNCTION outreach.database_mark();
CREATE OR REPLACE FUNCTION outreach.organisations_with_due_tasks(at timestamptz)
    RETURNS SETOF uuid LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    RETURN QUERY SELECT o.id FROM iam.organisations o WHERE EXISTS (
        SELECT FROM outreach.tasks t
        WHERE t.organisation_id = o.id AND t.status = 'scheduled' AND t.scheduled_for <= at
    ) ORDER BY o.id;
END $$;
"""
THE_ROW = """
REVOKE INSERT, DELETE, TRUNCATE ON outreach.platform FROM prospectflow_app;
INSERT INTO outreach.platform (id, database_mark) VALUES (1, outreach.database_mark());
"""


class Migration(migrations.Migration):

    dependencies = [
        ('crm', '0004_pages_of_positions'),
        ('iam', '0004_sending'),
        ('outreach', '0007_no_whole_files'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(PLACED, NOT_PLACED),
        migrations.RunSQL(FOLLOWING, "DROP FUNCTION outreach.follow_campaign()"),
        migrations.CreateModel(
            name='CampaignMailbox',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('weight', models.PositiveSmallIntegerField(db_default=1, default=1, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)])),
                ('organisation', prospectflow.tenancy.fields.OrganisationField()),
                ('campaign', prospectflow.tenancy.fields.TenantForeignKey(db_index=False, on_delete=django.db.models.deletion.DB_CASCADE, related_name='mailboxes', to='outreach.campaign')),
                ('mailbox', prospectflow.tenancy.fields.TenantForeignKey(on_delete=django.db.models.deletion.DB_CASCADE, related_name='shares', to='outreach.mailbox')),
            ],
            options={
                'verbose_name_plural': 'campaign mailboxes',
                'db_table': 'campaign_mailboxes',
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Forecast',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('made_at', models.DateTimeField()),
                ('options', models.JSONField(blank=True, db_default={}, default=dict)),
                ('days', models.JSONField(blank=True, db_default={}, default=dict, help_text='Local day -> mails that leave.')),
                ('ends_at', models.DateTimeField(blank=True, null=True)),
                ('organisation', prospectflow.tenancy.fields.OrganisationField()),
                ('campaign', prospectflow.tenancy.fields.TenantForeignKey(db_index=False, on_delete=django.db.models.deletion.DB_CASCADE, related_name='forecasts', to='outreach.campaign')),
            ],
            options={
                'db_table': 'campaign_forecasts',
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Platform',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.SmallIntegerField(db_default=1, default=1, editable=False, primary_key=True, serialize=False)),
                ('sending_stopped_at', models.DateTimeField(blank=True, null=True)),
                ('sending_stopped_reason', models.TextField(blank=True, db_default='', default='')),
                ('database_mark', models.TextField(blank=True, db_default='', default='', editable=False)),
                ('epoch', models.IntegerField(db_default=1, default=1, editable=False)),
                ('confirmed_at', models.DateTimeField(blank=True, editable=False, null=True)),
            ],
            options={
                'db_table': 'platform',
            },
        ),
        migrations.RemoveConstraint(
            model_name='mailbox',
            name='mailboxes_audited',
        ),
        migrations.RemoveConstraint(
            model_name='task',
            name='tasks_status_known',
        ),
        migrations.RunSQL(NAMES, OLD_NAMES),
        migrations.RemoveIndex(
            model_name='task',
            name='tasks_due',
        ),
        migrations.RemoveIndex(
            model_name='task',
            name='tasks_in_flight',
        ),
        migrations.AddField(
            model_name='campaign',
            name='follows_recipient',
            field=models.BooleanField(db_default=False, default=False, help_text='Windows and holidays count where the recipient is, not where the mailbox is.', verbose_name='hours of the recipient'),
        ),
        migrations.AddField(
            model_name='campaign',
            name='windows',
            field=models.JSONField(blank=True, help_text="Narrower sending windows than the mailbox's own.", null=True),
        ),
        migrations.AddField(
            model_name='enrollment',
            name='mailbox',
            field=prospectflow.tenancy.fields.TenantForeignKey(blank=True, help_text='Every mail of the enrolment leaves from it.', null=True, on_delete=django.db.models.deletion.DB_SET_NULL, related_name='enrollments', to='outreach.mailbox'),
        ),
        migrations.AddField(
            model_name='mailbox',
            name='dkim_domain',
            field=models.CharField(blank=True, db_default='', default='', max_length=253, verbose_name='DKIM domain'),
        ),
        migrations.AddField(
            model_name='mailbox',
            name='dkim_selector',
            field=models.CharField(blank=True, db_default='', default='', max_length=63, verbose_name='DKIM selector'),
        ),
        migrations.AddField(
            model_name='mailbox',
            name='domain_checked_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='mailbox',
            name='domain_limit',
            field=models.PositiveIntegerField(blank=True, help_text="To one company's domain, and to one free-mail provider; empty for no limit.", null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='mails a day to one domain'),
        ),
        migrations.AddField(
            model_name='mailbox',
            name='domain_report',
            field=models.JSONField(blank=True, db_default={}, default=dict, editable=False, help_text='SPF, DKIM, DMARC, MX.'),
        ),
        migrations.AddField(
            model_name='mailbox',
            name='oauth_client_id',
            field=models.TextField(blank=True, db_default='', default='', verbose_name='OAuth client ID'),
        ),
        migrations.AddField(
            model_name='mailbox',
            name='oauth_token_url',
            field=models.URLField(blank=True, db_default='', default='', verbose_name='OAuth token URL'),
        ),
        migrations.AddField(
            model_name='mailbox',
            name='provider',
            field=models.TextField(choices=[('other', 'another provider'), ('google', 'Google Workspace'), ('microsoft', 'Microsoft 365'), ('ovh', 'OVHcloud'), ('gandi', 'Gandi'), ('infomaniak', 'Infomaniak')], db_default='other', default='other'),
        ),
        migrations.AddField(
            model_name='mailbox',
            name='ramp_start',
            field=models.PositiveIntegerField(blank=True, help_text='A new mailbox begins with so many a day; empty for none of this.', null=True, verbose_name='mails on the first day'),
        ),
        migrations.AddField(
            model_name='mailbox',
            name='ramp_step',
            field=models.PositiveIntegerField(db_default=2, default=2, verbose_name='more with each day of sending'),
        ),
        migrations.AddField(
            model_name='mailbox',
            name='sealed_dkim_key',
            field=models.TextField(blank=True, db_default='', default='', editable=False),
        ),
        migrations.AddField(
            model_name='mailbox',
            name='sealed_oauth',
            field=models.TextField(blank=True, db_default='', default='', editable=False),
        ),
        migrations.AddField(
            model_name='mailbox',
            name='sign_in',
            field=models.TextField(choices=[('password', 'user name and password'), ('oauth', 'OAuth 2.0 (XOAUTH2)')], db_default='password', default='password', verbose_name='sign-in'),
        ),
        migrations.AddField(
            model_name='task',
            name='is_approved',
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AddField(
            model_name='task',
            name='leased_until',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='task',
            name='mailbox',
            field=prospectflow.tenancy.fields.TenantForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.DB_SET_NULL, related_name='tasks', to='outreach.mailbox'),
        ),
        migrations.AddField(
            model_name='task',
            name='step_index',
            field=models.IntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AlterField(
            model_name='task',
            name='status',
            field=models.TextField(choices=[('scheduled', 'Scheduled'), ('leased', 'Leased'), ('transmitting', 'Transmitting'), ('deferred', 'Deferred'), ('sent', 'Sent'), ('skipped', 'Skipped'), ('cancelled', 'Cancelled'), ('failed', 'Failed'), ('unknown', 'Unknown')], db_default='scheduled', default='scheduled'),
        ),
        migrations.AddIndex(
            model_name='task',
            index=models.Index(condition=models.Q(('status__in', ('scheduled', 'deferred'))), fields=['organisation', 'scheduled_for', 'id'], name='tasks_waiting'),
        ),
        migrations.AddIndex(
            model_name='task',
            index=models.Index(condition=models.Q(('is_approved', True), ('status__in', ('scheduled', 'deferred'))), fields=['organisation', 'mailbox', 'step_index', 'scheduled_for', 'id'], name='tasks_to_send'),
        ),
        migrations.AddIndex(
            model_name='task',
            index=models.Index(condition=models.Q(('status__in', ['leased', 'transmitting', 'unknown'])), fields=['organisation', 'status', 'locked_at'], name='tasks_in_flight'),
        ),
        migrations.AddConstraint(
            model_name='campaign',
            constraint=prospectflow.tenancy.constraints.Trigger(deferred=False, function='outreach.follow_campaign', name='campaigns_mailbox_changed', when='AFTER UPDATE OF from_mailbox_id'),
        ),
        migrations.AddConstraint(
            model_name='draft',
            constraint=prospectflow.tenancy.constraints.Trigger(deferred=False, function='outreach.mark_task', name='drafts_mark_task', when='AFTER INSERT OR UPDATE OR DELETE'),
        ),
        migrations.AddConstraint(
            model_name='enrollment',
            constraint=prospectflow.tenancy.constraints.Trigger(deferred=False, function='outreach.place_enrollment', name='campaign_enrollments_placed', when='BEFORE INSERT'),
        ),
        migrations.AddConstraint(
            model_name='enrollment',
            constraint=prospectflow.tenancy.constraints.Trigger(deferred=False, function='outreach.move_tasks', name='campaign_enrollments_moved', when='AFTER UPDATE OF mailbox_id'),
        ),
        migrations.AddConstraint(
            model_name='mailbox',
            constraint=prospectflow.tenancy.constraints.Audited(name='mailboxes_audited', secret=('sealed_password', 'sealed_oauth', 'sealed_dkim_key'), when='AFTER INSERT OR UPDATE OR DELETE', without=('next_send_at', 'last_synced_at', 'folder_states', 'domain_report', 'domain_checked_at')),
        ),
        migrations.AddConstraint(
            model_name='mailbox',
            constraint=models.CheckConstraint(condition=models.Q(('provider__in', ['other', 'google', 'microsoft', 'ovh', 'gandi', 'infomaniak'])), name='mailboxes_provider_known'),
        ),
        migrations.AddConstraint(
            model_name='mailbox',
            constraint=models.CheckConstraint(condition=models.Q(('sign_in__in', ['password', 'oauth'])), name='mailboxes_sign_in_known'),
        ),
        migrations.AddConstraint(
            model_name='mailbox',
            constraint=models.CheckConstraint(condition=models.Q(('dkim_domain', django.db.models.functions.text.Lower('dkim_domain'))), name='mailboxes_dkim_domain_lower_case'),
        ),
        migrations.AddConstraint(
            model_name='task',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['scheduled', 'leased', 'transmitting', 'deferred', 'sent', 'skipped', 'cancelled', 'failed', 'unknown'])), name='tasks_status_known'),
        ),
        migrations.AddConstraint(
            model_name='task',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'leased'), _negated=True), ('leased_until__isnull', False), _connector='OR'), name='tasks_lease_ends'),
        ),
        migrations.AddConstraint(
            model_name='task',
            constraint=prospectflow.tenancy.constraints.Trigger(deferred=False, function='outreach.place_task', name='tasks_placed', when='BEFORE INSERT OR UPDATE OF enrollment_id, workflow_step_id'),
        ),
        migrations.AddConstraint(
            model_name='workflowstep',
            constraint=prospectflow.tenancy.constraints.Trigger(deferred=False, function='outreach.renumber_tasks', name='workflow_steps_moved', when='AFTER UPDATE OF step_index'),
        ),
        migrations.AddConstraint(
            model_name='platform',
            constraint=models.CheckConstraint(condition=models.Q(('id', 1)), name='platform_one_row'),
        ),
        migrations.AddConstraint(
            model_name='campaignmailbox',
            constraint=prospectflow.tenancy.constraints.TenantIsolation(name='campaignmailbox_isolation'),
        ),
        migrations.AddConstraint(
            model_name='campaignmailbox',
            constraint=prospectflow.tenancy.constraints.Audited(name='campaign_mailboxes_audited', secret=(), when='AFTER INSERT OR UPDATE OR DELETE', without=()),
        ),
        migrations.AddConstraint(
            model_name='campaignmailbox',
            constraint=models.CheckConstraint(condition=models.Q(('weight__gte', 1)), name='campaign_mailboxes_weight_positive'),
        ),
        migrations.AddConstraint(
            model_name='campaignmailbox',
            constraint=models.UniqueConstraint(fields=('organisation', 'campaign', 'mailbox'), name='campaign_mailboxes_once'),
        ),
        migrations.AddIndex(
            model_name='forecast',
            index=models.Index(fields=['organisation', 'campaign', '-made_at'], name='campaign_forecasts_latest'),
        ),
        migrations.AddConstraint(
            model_name='forecast',
            constraint=prospectflow.tenancy.constraints.TenantIsolation(name='forecast_isolation'),
        ),
        migrations.RunSQL(DOORS, NO_DOORS),
        migrations.RunSQL(THE_ROW, migrations.RunSQL.noop),
    ]
