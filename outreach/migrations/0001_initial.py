"""The tables of the outreach engine."""

import django.contrib.postgres.indexes
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
import django.db.models.functions.uuid
import outreach.calendar
import prospectflow.tenancy.constraints
import prospectflow.tenancy.fields
from django.conf import settings
from django.db import migrations, models

UNAPPROVE = """
CREATE FUNCTION outreach.unapprove_changed_draft() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.recipient, NEW.subject, NEW.body_text) IS DISTINCT FROM
       (OLD.recipient, OLD.subject, OLD.body_text)
       AND NEW.approved_hash IS NOT DISTINCT FROM OLD.approved_hash AND NEW.status = 'approved'
    THEN
        NEW.status := 'pending';
        NEW.approved_hash := NULL;
        NEW.approved_at := NULL;
        NEW.approved_by_id := NULL;
        NEW.approved_rule := '';
    END IF;
    RETURN NEW;
END $$
"""

# A message's draft may be deleted later with its campaign, so no CHECK can say this.
APPROVED = """
CREATE FUNCTION outreach.require_approved_draft() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.direction = 'outbound' AND NEW.draft_id IS NULL THEN
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
END $$
"""

# What starts without an organisation: a token or an instant in, the minimum out.
DOORS = """
CREATE FUNCTION outreach.unsubscribe_target(digest bytea)
    RETURNS TABLE (organisation_id uuid, message_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT m.organisation_id, m.id FROM outreach.messages m WHERE m.unsubscribe_digest = digest
$$;
CREATE FUNCTION outreach.organisations_with_due_tasks(at timestamptz) RETURNS SETOF uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    RETURN QUERY SELECT o.id FROM iam.organisations o WHERE EXISTS (
        SELECT FROM outreach.tasks t
        WHERE t.organisation_id = o.id AND t.status = 'scheduled' AND t.scheduled_for <= at
    ) ORDER BY o.id;
END $$;
REVOKE ALL ON FUNCTION outreach.unsubscribe_target(bytea) FROM PUBLIC;
REVOKE ALL ON FUNCTION outreach.organisations_with_due_tasks(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outreach.unsubscribe_target(bytea) TO prospectflow_app;
GRANT EXECUTE ON FUNCTION outreach.organisations_with_due_tasks(timestamptz) TO prospectflow_app;
"""
NO_DOORS = """
DROP FUNCTION outreach.organisations_with_due_tasks(timestamptz);
DROP FUNCTION outreach.unsubscribe_target(bytea);
"""


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('crm', '0001_initial'),
        ('iam', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(UNAPPROVE, "DROP FUNCTION outreach.unapprove_changed_draft()"),
        migrations.RunSQL(APPROVED, "DROP FUNCTION outreach.require_approved_draft()"),
        migrations.CreateModel(
            name='Campaign',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=100)),
                ('value_prop', models.CharField(blank=True, db_default='', default='', max_length=150, verbose_name='value proposition')),
                ('justification', models.TextField(blank=True, db_default='', default='', help_text="Why the offer concerns these people's work (legitimate interest).")),
                ('status', models.TextField(choices=[('draft', 'Draft'), ('running', 'Running'), ('paused', 'Paused'), ('archived', 'Archived')], db_default='draft', default='draft')),
                ('track_opens', models.BooleanField(db_default=False, default=False, help_text='Only ever for people who consented (CNIL, 2026-042).')),
                ('created_by_user', prospectflow.tenancy.fields.UserReference(blank=True, null=True, related_name='+', verbose_name='created by')),
                ('organisation', prospectflow.tenancy.fields.OrganisationField()),
            ],
            options={
                'db_table': 'campaigns',
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Enrollment',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('state', models.TextField(choices=[('active', 'Active'), ('paused', 'Paused'), ('replied', 'Replied'), ('bounced', 'Bounced'), ('unsubscribed', 'Unsubscribed'), ('finished', 'Finished')], db_default='active', default='active')),
                ('enrolled_at', models.DateTimeField()),
                ('paused_until', models.DateTimeField(blank=True, null=True)),
                ('last_activity_at', models.DateTimeField(blank=True, null=True)),
                ('stopped_reason', models.TextField(blank=True, null=True)),
                ('campaign', prospectflow.tenancy.fields.TenantForeignKey(db_index=False, on_delete=django.db.models.deletion.DB_CASCADE, related_name='enrollments', to='outreach.campaign')),
                ('organisation', prospectflow.tenancy.fields.OrganisationField()),
                ('position', prospectflow.tenancy.fields.TenantForeignKey(on_delete=django.db.models.deletion.DB_CASCADE, related_name='enrollments', to='crm.position')),
            ],
            options={
                'verbose_name': 'enrolment',
                'db_table': 'campaign_enrollments',
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='ImportUpload',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('filename', models.TextField()),
                ('file_size', models.BigIntegerField(help_text='Bytes.')),
                ('file_sha256', models.CharField(max_length=64, verbose_name="file's SHA-256")),
                ('file_buffer', models.BinaryField(blank=True, null=True)),
                ('profile', models.TextField(blank=True, db_default='', default='')),
                ('detected_columns', models.JSONField(blank=True, db_default=[], default=list)),
                ('column_mappings', models.JSONField(blank=True, db_default={}, default=dict)),
                ('row_count', models.IntegerField(blank=True, null=True)),
                ('parse_errors', models.JSONField(blank=True, db_default=[], default=list)),
                ('report', models.JSONField(blank=True, db_default={}, default=dict)),
                ('status', models.TextField(choices=[('uploaded', 'Uploaded'), ('mapped', 'Mapped'), ('validating', 'Validating'), ('validation_failed', 'Validation Failed'), ('importing', 'Importing'), ('completed', 'Completed'), ('failed', 'Failed')], db_default='uploaded', default='uploaded')),
                ('uploaded_at', models.DateTimeField()),
                ('campaign', prospectflow.tenancy.fields.TenantForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.DB_SET_NULL, related_name='uploads', to='outreach.campaign')),
                ('organisation', prospectflow.tenancy.fields.OrganisationField()),
                ('uploaded_by', prospectflow.tenancy.fields.UserReference(blank=True, null=True, related_name='+')),
            ],
            options={
                'db_table': 'import_uploads',
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Mailbox',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('address', models.CharField(max_length=254)),
                ('display_name', models.TextField(blank=True, db_default='', default='')),
                ('signature', models.TextField(blank=True, db_default='', default='')),
                ('status', models.TextField(choices=[('active', 'Active'), ('paused', 'Paused'), ('broken', 'Broken')], db_default='active', default='active')),
                ('status_reason', models.TextField(blank=True, db_default='', default='')),
                ('smtp_host', models.TextField(verbose_name='SMTP host')),
                ('smtp_port', models.PositiveIntegerField(db_default=587, default=587, verbose_name='SMTP port')),
                ('smtp_security', models.TextField(choices=[('tls', 'TLS from the start'), ('starttls', 'STARTTLS'), ('plain', 'none (this machine only)')], db_default='starttls', default='starttls', verbose_name='SMTP security')),
                ('imap_host', models.TextField(verbose_name='IMAP host')),
                ('imap_port', models.PositiveIntegerField(db_default=993, default=993, verbose_name='IMAP port')),
                ('imap_security', models.TextField(choices=[('tls', 'TLS from the start'), ('starttls', 'STARTTLS'), ('plain', 'none (this machine only)')], db_default='tls', default='tls', verbose_name='IMAP security')),
                ('username', models.TextField()),
                ('sealed_password', models.TextField(blank=True, db_default='', default='', editable=False)),
                ('daily_limit', models.PositiveIntegerField(db_default=40, default=40, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(2000)])),
                ('pace_min_seconds', models.PositiveIntegerField(db_default=60, default=60, verbose_name='shortest pause in seconds')),
                ('pace_max_seconds', models.PositiveIntegerField(db_default=90, default=90, verbose_name='longest pause in seconds')),
                ('time_zone', models.TextField(db_default='Europe/Paris', default='Europe/Paris')),
                ('country', models.CharField(db_default='FR', default='FR', max_length=2)),
                ('subdivision', models.CharField(blank=True, db_default='', default='', max_length=8)),
                ('windows', models.JSONField(db_default={'fri': [['08:30', '11:30'], ['14:00', '17:00']], 'mon': [['08:30', '11:30'], ['14:00', '17:00']], 'thu': [['08:30', '11:30'], ['14:00', '17:00']], 'tue': [['08:30', '11:30'], ['14:00', '17:00']], 'wed': [['08:30', '11:30'], ['14:00', '17:00']]}, default=outreach.calendar.default_windows)),
                ('blackout_dates', models.JSONField(blank=True, db_default=[], default=list)),
                ('next_send_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('last_synced_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='inbox read at')),
                ('folder_states', models.JSONField(blank=True, db_default={}, default=dict, editable=False)),
                ('organisation', prospectflow.tenancy.fields.OrganisationField()),
            ],
            options={
                'verbose_name_plural': 'mailboxes',
                'db_table': 'mailboxes',
                'abstract': False,
            },
        ),
        migrations.AddField(
            model_name='campaign',
            name='from_mailbox',
            field=prospectflow.tenancy.fields.TenantForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.DB_SET_NULL, related_name='campaigns', to='outreach.mailbox', verbose_name='mailbox'),
        ),
        migrations.CreateModel(
            name='Prompt',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('name', models.TextField()),
                ('purpose', models.TextField(blank=True, null=True)),
                ('model', models.TextField(blank=True, null=True)),
                ('version', models.IntegerField(db_default=1, default=1)),
                ('is_active', models.BooleanField(db_default=True, default=True, verbose_name='active')),
                ('prompt_text', models.TextField()),
                ('organisation', prospectflow.tenancy.fields.OrganisationField()),
            ],
            options={
                'db_table': 'prompts',
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='StepExperiment',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('name', models.TextField()),
                ('status', models.TextField(choices=[('draft', 'Draft'), ('running', 'Running'), ('stopped', 'Stopped')], db_default='draft', default='draft')),
                ('minimum_sample', models.IntegerField(db_default=50, default=50, help_text='Sent mails per variant before a result is shown.')),
                ('organisation', prospectflow.tenancy.fields.OrganisationField()),
            ],
            options={
                'db_table': 'step_experiments',
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Suppression',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('address_hash', models.CharField(blank=True, max_length=64, null=True)),
                ('key_mark', models.CharField(blank=True, help_text='Which key the address was hashed with.', max_length=8, null=True)),
                ('domain', models.CharField(blank=True, max_length=253, null=True)),
                ('reason', models.TextField(choices=[('unsubscribed', 'Unsubscribed'), ('objection', 'Objection'), ('bounced', 'Bounced'), ('complaint', 'Complaint'), ('left_company', 'Left Company'), ('by_hand', 'By Hand')])),
                ('source', models.TextField(blank=True, db_default='', default='', help_text='What it was learnt from.')),
                ('at', models.DateTimeField()),
                ('organisation', prospectflow.tenancy.fields.OrganisationField()),
            ],
            options={
                'db_table': 'suppressions',
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Task',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('scheduled_for', models.DateTimeField()),
                ('status', models.TextField(choices=[('scheduled', 'Scheduled'), ('locked', 'Locked'), ('transmitting', 'Transmitting'), ('sent', 'Sent'), ('skipped', 'Skipped'), ('cancelled', 'Cancelled'), ('failed', 'Failed'), ('unknown', 'Unknown')], db_default='scheduled', default='scheduled')),
                ('attempts', models.IntegerField(db_default=0, default=0)),
                ('locked_at', models.DateTimeField(blank=True, null=True)),
                ('locked_by', models.TextField(blank=True, null=True)),
                ('last_error', models.TextField(blank=True, null=True)),
                ('campaign', prospectflow.tenancy.fields.TenantForeignKey(on_delete=django.db.models.deletion.DB_CASCADE, related_name='tasks', to='outreach.campaign')),
                ('enrollment', prospectflow.tenancy.fields.TenantForeignKey(db_index=False, on_delete=django.db.models.deletion.DB_CASCADE, related_name='tasks', to='outreach.enrollment', verbose_name='enrolment')),
                ('organisation', prospectflow.tenancy.fields.OrganisationField()),
            ],
            options={
                'db_table': 'tasks',
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Draft',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('recipient', models.CharField(max_length=254)),
                ('subject', models.TextField()),
                ('body_text', models.TextField(verbose_name='text')),
                ('hooks', models.JSONField(blank=True, db_default=[], default=list, help_text='Personal claims and sources.')),
                ('problems', models.JSONField(blank=True, db_default=[], default=list, help_text='What the gates found.')),
                ('status', models.TextField(choices=[('pending', 'Pending'), ('approved', 'Approved'), ('skipped', 'Skipped')], db_default='pending', default='pending')),
                ('skip_count', models.IntegerField(db_default=0, default=0)),
                ('approved_hash', models.CharField(blank=True, max_length=64, null=True)),
                ('approved_at', models.DateTimeField(blank=True, null=True)),
                ('approved_rule', models.TextField(blank=True, db_default='', default='', help_text='The rule that approved, where no person did.')),
                ('edits', models.JSONField(blank=True, db_default=[], default=list, help_text='Who changed what, and when.')),
                ('approved_by', prospectflow.tenancy.fields.UserReference(blank=True, null=True, related_name='+')),
                ('organisation', prospectflow.tenancy.fields.OrganisationField()),
                ('prompt', prospectflow.tenancy.fields.TenantForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.DB_SET_NULL, related_name='drafts', to='outreach.prompt')),
                ('task', prospectflow.tenancy.fields.TenantForeignKey(db_index=False, on_delete=django.db.models.deletion.DB_CASCADE, related_name='drafts', to='outreach.task')),
            ],
            options={
                'db_table': 'drafts',
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Variant',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('key', models.TextField()),
                ('weight', models.IntegerField(db_default=50, default=50)),
                ('subject_template', models.TextField(blank=True, null=True)),
                ('body_template', models.TextField(blank=True, null=True)),
                ('organisation', prospectflow.tenancy.fields.OrganisationField()),
                ('prompt', prospectflow.tenancy.fields.TenantForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.DB_SET_NULL, related_name='variants', to='outreach.prompt')),
                ('step_experiment', prospectflow.tenancy.fields.TenantForeignKey(db_index=False, on_delete=django.db.models.deletion.DB_CASCADE, related_name='variants', to='outreach.stepexperiment')),
            ],
            options={
                'db_table': 'step_experiment_variants',
                'ordering': ['key'],
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Message',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('direction', models.TextField(choices=[('outbound', 'Outbound'), ('inbound', 'Inbound')])),
                ('status', models.TextField(choices=[('queued', 'Queued'), ('sent', 'Sent'), ('delivered', 'Delivered'), ('bounced', 'Bounced'), ('received', 'Received'), ('failed', 'Failed')], db_default='queued', default='queued')),
                ('provider', models.TextField(db_default='smtp', default='smtp')),
                ('provider_message_id', models.TextField(blank=True, null=True, verbose_name="provider's message ID")),
                ('provider_thread_id', models.TextField(blank=True, null=True, verbose_name="provider's thread ID")),
                ('rfc822_message_id', models.TextField(blank=True, null=True, verbose_name='Message-ID')),
                ('in_reply_to', models.TextField(blank=True, null=True, verbose_name='In-Reply-To')),
                ('references', models.JSONField(blank=True, db_default=[], default=list)),
                ('from_address', models.CharField(blank=True, db_default='', default='', max_length=254, verbose_name='from')),
                ('to_address', models.CharField(blank=True, db_default='', default='', max_length=254, verbose_name='to')),
                ('subject', models.TextField(blank=True, null=True)),
                ('body_text', models.TextField(blank=True, null=True, verbose_name='text')),
                ('body_html', models.TextField(blank=True, null=True, verbose_name='HTML')),
                ('raw', models.BinaryField(blank=True, null=True)),
                ('content_hash', models.CharField(blank=True, max_length=64, null=True)),
                ('unsubscribe_digest', models.BinaryField(blank=True, max_length=32, null=True)),
                ('verdict', models.TextField(blank=True, choices=[('reply', 'Reply'), ('out_of_office', 'Out Of Office'), ('bounce', 'Bounce'), ('complaint', 'Complaint'), ('objection', 'Objection'), ('challenge', 'Challenge'), ('left_company', 'Left Company'), ('address_changed', 'Address Changed'), ('acknowledgement', 'Acknowledgement'), ('auto_other', 'Auto Other')], null=True)),
                ('evidence', models.TextField(blank=True, db_default='', default='')),
                ('answer_code', models.TextField(blank=True, db_default='', default='', help_text="The server's last word.")),
                ('sent_at', models.DateTimeField(blank=True, null=True)),
                ('received_at', models.DateTimeField(blank=True, null=True)),
                ('draft', prospectflow.tenancy.fields.TenantForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.DB_SET_NULL, related_name='messages', to='outreach.draft')),
                ('enrollment', prospectflow.tenancy.fields.TenantForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.DB_SET_NULL, related_name='messages', to='outreach.enrollment', verbose_name='enrolment')),
                ('mailbox', prospectflow.tenancy.fields.TenantForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.DB_SET_NULL, related_name='messages', to='outreach.mailbox')),
                ('organisation', prospectflow.tenancy.fields.OrganisationField()),
                ('position', prospectflow.tenancy.fields.TenantForeignKey(null=True, on_delete=django.db.models.deletion.DB_CASCADE, related_name='messages', to='crm.position')),
                ('step_experiment', prospectflow.tenancy.fields.TenantForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.DB_SET_NULL, related_name='messages', to='outreach.stepexperiment')),
                ('task', prospectflow.tenancy.fields.TenantForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.DB_SET_NULL, related_name='messages', to='outreach.task')),
                ('variant', prospectflow.tenancy.fields.TenantForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.DB_SET_NULL, related_name='messages', to='outreach.variant')),
            ],
            options={
                'db_table': 'messages',
                'abstract': False,
            },
        ),
        migrations.AddField(
            model_name='draft',
            name='variant',
            field=prospectflow.tenancy.fields.TenantForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.DB_SET_NULL, related_name='drafts', to='outreach.variant'),
        ),
        migrations.CreateModel(
            name='WorkflowStep',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('step_index', models.IntegerField(db_default=0, default=0)),
                ('kind', models.TextField(choices=[('email', 'Email')], db_default='email', default='email')),
                ('delay_days', models.IntegerField(db_default=0, default=0, help_text='Working days after the step before; 0 for the first.', validators=[django.core.validators.MaxValueValidator(365)], verbose_name='delay in working days')),
                ('subject_template', models.TextField(blank=True, db_default='', default='', help_text="Empty: the thread's subject.")),
                ('body_template', models.TextField(blank=True, db_default='', default='')),
                ('exit_on_reply', models.BooleanField(db_default=True, default=True, verbose_name='stop on reply')),
                ('is_active', models.BooleanField(db_default=True, default=True, verbose_name='active')),
                ('campaign', prospectflow.tenancy.fields.TenantForeignKey(db_index=False, on_delete=django.db.models.deletion.DB_CASCADE, related_name='steps', to='outreach.campaign')),
                ('organisation', prospectflow.tenancy.fields.OrganisationField()),
            ],
            options={
                'db_table': 'workflow_steps',
                'ordering': ['step_index'],
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='VariantAssignment',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('assigned_at', models.DateTimeField()),
                ('campaign', prospectflow.tenancy.fields.TenantForeignKey(db_index=False, on_delete=django.db.models.deletion.DB_CASCADE, related_name='+', to='outreach.campaign')),
                ('enrollment', prospectflow.tenancy.fields.TenantForeignKey(db_index=False, on_delete=django.db.models.deletion.DB_CASCADE, related_name='assignments', to='outreach.enrollment', verbose_name='enrolment')),
                ('organisation', prospectflow.tenancy.fields.OrganisationField()),
                ('step_experiment', prospectflow.tenancy.fields.TenantForeignKey(on_delete=django.db.models.deletion.DB_CASCADE, related_name='assignments', to='outreach.stepexperiment')),
                ('variant', prospectflow.tenancy.fields.TenantForeignKey(on_delete=django.db.models.deletion.DB_CASCADE, related_name='assignments', to='outreach.variant')),
                ('workflow_step', prospectflow.tenancy.fields.TenantForeignKey(on_delete=django.db.models.deletion.DB_CASCADE, related_name='assignments', to='outreach.workflowstep')),
            ],
            options={
                'db_table': 'enrollment_step_variant_assignments',
                'abstract': False,
            },
        ),
        migrations.AddField(
            model_name='task',
            name='workflow_step',
            field=prospectflow.tenancy.fields.TenantForeignKey(on_delete=django.db.models.deletion.DB_CASCADE, related_name='tasks', to='outreach.workflowstep'),
        ),
        migrations.AddField(
            model_name='stepexperiment',
            name='workflow_step',
            field=prospectflow.tenancy.fields.TenantForeignKey(db_index=False, on_delete=django.db.models.deletion.DB_CASCADE, related_name='experiments', to='outreach.workflowstep'),
        ),
        migrations.AddIndex(
            model_name='enrollment',
            index=models.Index(fields=['organisation', 'campaign', 'state'], name='campaign_enrollments_state'),
        ),
        migrations.AddConstraint(
            model_name='enrollment',
            constraint=prospectflow.tenancy.constraints.TenantIsolation(name='enrollment_isolation'),
        ),
        migrations.AddConstraint(
            model_name='enrollment',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['active', 'paused', 'replied', 'bounced', 'unsubscribed', 'finished'])), name='campaign_enrollments_state_known'),
        ),
        migrations.AddConstraint(
            model_name='enrollment',
            constraint=models.UniqueConstraint(fields=('organisation', 'campaign', 'position'), name='campaign_enrollments_once'),
        ),
        migrations.AddConstraint(
            model_name='enrollment',
            constraint=models.UniqueConstraint(fields=('organisation', 'id', 'campaign'), name='campaign_enrollments_of_campaign'),
        ),
        migrations.AddConstraint(
            model_name='enrollment',
            constraint=models.UniqueConstraint(fields=('organisation', 'id', 'position'), name='campaign_enrollments_of_position'),
        ),
        migrations.AddIndex(
            model_name='importupload',
            index=models.Index(fields=['organisation', '-uploaded_at', 'id'], name='import_uploads_newest'),
        ),
        migrations.AddConstraint(
            model_name='importupload',
            constraint=prospectflow.tenancy.constraints.TenantIsolation(name='importupload_isolation'),
        ),
        migrations.AddConstraint(
            model_name='importupload',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['uploaded', 'mapped', 'validating', 'validation_failed', 'importing', 'completed', 'failed'])), name='import_uploads_status_known'),
        ),
        migrations.AddConstraint(
            model_name='importupload',
            constraint=models.CheckConstraint(condition=models.Q(('file_size__gt', 0)), name='import_uploads_file_size_positive'),
        ),
        migrations.AddConstraint(
            model_name='importupload',
            constraint=models.CheckConstraint(condition=models.Q(('row_count__gte', 0)), name='import_uploads_row_count_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='mailbox',
            constraint=prospectflow.tenancy.constraints.TenantIsolation(name='mailbox_isolation'),
        ),
        migrations.AddConstraint(
            model_name='mailbox',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['active', 'paused', 'broken'])), name='mailboxes_status_known'),
        ),
        migrations.AddConstraint(
            model_name='mailbox',
            constraint=models.CheckConstraint(condition=models.Q(('smtp_security__in', ['tls', 'starttls', 'plain'])), name='mailboxes_smtp_security_known'),
        ),
        migrations.AddConstraint(
            model_name='mailbox',
            constraint=models.CheckConstraint(condition=models.Q(('imap_security__in', ['tls', 'starttls', 'plain'])), name='mailboxes_imap_security_known'),
        ),
        migrations.AddConstraint(
            model_name='mailbox',
            constraint=models.CheckConstraint(condition=models.Q(('address', django.db.models.functions.text.Lower('address'))), name='mailboxes_address_lower_case'),
        ),
        migrations.AddConstraint(
            model_name='mailbox',
            constraint=models.CheckConstraint(condition=models.Q(('daily_limit__gte', 1)), name='mailboxes_daily_limit_positive'),
        ),
        migrations.AddConstraint(
            model_name='mailbox',
            constraint=models.CheckConstraint(condition=models.Q(('pace_max_seconds__gte', models.F('pace_min_seconds'))), name='mailboxes_pace_in_order'),
        ),
        migrations.AddConstraint(
            model_name='mailbox',
            constraint=models.UniqueConstraint(fields=('organisation', 'address'), name='mailboxes_once'),
        ),
        migrations.AddIndex(
            model_name='campaign',
            index=models.Index(fields=['organisation', 'status'], name='campaigns_status'),
        ),
        migrations.AddIndex(
            model_name='campaign',
            index=models.Index(fields=['organisation', '-created_at', 'id'], name='campaigns_newest'),
        ),
        migrations.AddIndex(
            model_name='campaign',
            index=django.contrib.postgres.indexes.GinIndex(fields=['organisation', 'name'], name='campaigns_name_search', opclasses=['uuid_ops', 'search.gin_trgm_lp']),
        ),
        migrations.AddConstraint(
            model_name='campaign',
            constraint=prospectflow.tenancy.constraints.TenantIsolation(name='campaign_isolation'),
        ),
        migrations.AddConstraint(
            model_name='campaign',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['draft', 'running', 'paused', 'archived'])), name='campaigns_status_known'),
        ),
        migrations.AddConstraint(
            model_name='campaign',
            constraint=models.CheckConstraint(condition=models.Q(('name__regex', '\\S')), name='campaigns_name_not_blank'),
        ),
        migrations.AddIndex(
            model_name='prompt',
            index=models.Index(fields=['organisation', 'is_active'], name='prompts_is_active'),
        ),
        migrations.AddConstraint(
            model_name='prompt',
            constraint=prospectflow.tenancy.constraints.TenantIsolation(name='prompt_isolation'),
        ),
        migrations.AddConstraint(
            model_name='prompt',
            constraint=models.CheckConstraint(condition=models.Q(('version__gte', 1)), name='prompts_version_from_1'),
        ),
        migrations.AddConstraint(
            model_name='prompt',
            constraint=models.UniqueConstraint(fields=('organisation', 'name', 'version'), name='prompts_once'),
        ),
        migrations.AddIndex(
            model_name='suppression',
            index=models.Index(fields=['organisation', 'key_mark'], name='suppressions_key_mark'),
        ),
        migrations.AddConstraint(
            model_name='suppression',
            constraint=prospectflow.tenancy.constraints.TenantIsolation(name='suppression_isolation'),
        ),
        migrations.AddConstraint(
            model_name='suppression',
            constraint=models.CheckConstraint(condition=models.Q(('reason__in', ['unsubscribed', 'objection', 'bounced', 'complaint', 'left_company', 'by_hand'])), name='suppressions_reason_known'),
        ),
        migrations.AddConstraint(
            model_name='suppression',
            constraint=models.CheckConstraint(condition=models.Q(('domain', django.db.models.functions.text.Lower('domain'))), name='suppressions_domain_lower_case'),
        ),
        migrations.AddConstraint(
            model_name='suppression',
            constraint=models.CheckConstraint(condition=models.Q(('address_hash__isnull', False), ('domain__isnull', False), _connector='XOR'), name='suppressions_address_or_domain'),
        ),
        migrations.AddConstraint(
            model_name='suppression',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('address_hash__isnull', False), ('key_mark__isnull', False)), models.Q(('address_hash__isnull', True), ('key_mark__isnull', True)), _connector='OR'), name='suppressions_hash_names_its_key'),
        ),
        migrations.AddConstraint(
            model_name='suppression',
            constraint=models.UniqueConstraint(fields=('organisation', 'address_hash', 'domain'), name='suppressions_once', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='variant',
            constraint=prospectflow.tenancy.constraints.TenantIsolation(name='variant_isolation'),
        ),
        migrations.AddConstraint(
            model_name='variant',
            constraint=models.CheckConstraint(condition=models.Q(('weight__gt', 0)), name='step_experiment_variants_weight_positive'),
        ),
        migrations.AddConstraint(
            model_name='variant',
            constraint=models.UniqueConstraint(fields=('organisation', 'step_experiment', 'key'), name='step_experiment_variants_once'),
        ),
        migrations.AddConstraint(
            model_name='variant',
            constraint=models.UniqueConstraint(fields=('organisation', 'id', 'step_experiment'), name='step_experiment_variants_of_experiment'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(fields=['organisation', 'position', '-created_at'], name='messages_of_position'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(fields=['organisation', 'provider_thread_id'], name='messages_thread'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(condition=models.Q(('direction', 'outbound')), fields=['organisation', 'mailbox', 'sent_at'], name='messages_sent_by_mailbox'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(condition=models.Q(('direction', 'inbound')), fields=['organisation', '-received_at', 'id'], name='messages_inbox'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(fields=['organisation', 'to_address', 'sent_at'], name='messages_to'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=prospectflow.tenancy.constraints.TenantIsolation(name='message_isolation'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.CheckConstraint(condition=models.Q(('direction__in', ['outbound', 'inbound'])), name='messages_direction_known'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['queued', 'sent', 'delivered', 'bounced', 'received', 'failed'])), name='messages_status_known'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.CheckConstraint(condition=models.Q(('verdict__in', ['reply', 'out_of_office', 'bounce', 'complaint', 'objection', 'challenge', 'left_company', 'address_changed', 'acknowledgement', 'auto_other'])), name='messages_verdict_known'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.CheckConstraint(condition=models.Q(('direction', 'inbound'), ('position__isnull', False), _connector='OR'), name='messages_outbound_has_position'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.CheckConstraint(condition=models.Q(('direction', 'inbound'), models.Q(('content_hash__isnull', False), ('rfc822_message_id__isnull', False)), _connector='OR'), name='messages_outbound_is_frozen'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.UniqueConstraint(fields=('organisation', 'provider_message_id'), name='messages_provider_id_once'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.UniqueConstraint(condition=models.Q(('direction', 'outbound')), fields=('organisation', 'rfc822_message_id'), name='messages_sent_once'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.UniqueConstraint(condition=models.Q(('direction', 'inbound')), fields=('organisation', 'mailbox', 'rfc822_message_id'), name='messages_received_once'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.UniqueConstraint(condition=models.Q(('direction', 'outbound')), fields=('organisation', 'task'), name='messages_one_per_task'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.UniqueConstraint(fields=('unsubscribe_digest',), name='messages_unsubscribe_digest_everywhere'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=prospectflow.tenancy.constraints.Trigger(deferred=False, function='outreach.require_approved_draft', name='messages_require_draft', when='BEFORE INSERT OR UPDATE'),
        ),
        migrations.AddIndex(
            model_name='draft',
            index=models.Index(condition=models.Q(('status', 'pending')), fields=['organisation', 'skip_count', 'id'], name='drafts_to_review'),
        ),
        migrations.AddConstraint(
            model_name='draft',
            constraint=prospectflow.tenancy.constraints.TenantIsolation(name='draft_isolation'),
        ),
        migrations.AddConstraint(
            model_name='draft',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['pending', 'approved', 'skipped'])), name='drafts_status_known'),
        ),
        migrations.AddConstraint(
            model_name='draft',
            constraint=models.CheckConstraint(condition=models.Q(('recipient', django.db.models.functions.text.Lower('recipient'))), name='drafts_recipient_lower_case'),
        ),
        migrations.AddConstraint(
            model_name='draft',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('approved_at__isnull', False), ('approved_hash__isnull', False), ('status', 'approved')), models.Q(models.Q(('status', 'approved'), _negated=True), ('approved_hash__isnull', True)), _connector='OR'), name='drafts_approved_means_hash'),
        ),
        migrations.AddConstraint(
            model_name='draft',
            constraint=models.UniqueConstraint(fields=('organisation', 'task'), name='drafts_one_per_task'),
        ),
        migrations.AddConstraint(
            model_name='draft',
            constraint=models.UniqueConstraint(fields=('organisation', 'id', 'approved_hash'), name='drafts_approved_text'),
        ),
        migrations.AddConstraint(
            model_name='draft',
            constraint=models.UniqueConstraint(fields=('organisation', 'id', 'task'), name='drafts_of_task'),
        ),
        migrations.AddConstraint(
            model_name='draft',
            constraint=prospectflow.tenancy.constraints.Trigger(deferred=False, function='outreach.unapprove_changed_draft', name='drafts_change_unapproves', when='BEFORE UPDATE'),
        ),
        migrations.AddConstraint(
            model_name='workflowstep',
            constraint=prospectflow.tenancy.constraints.TenantIsolation(name='workflowstep_isolation'),
        ),
        migrations.AddConstraint(
            model_name='workflowstep',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['email'])), name='workflow_steps_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='workflowstep',
            constraint=models.CheckConstraint(condition=models.Q(('step_index__gte', 0)), name='workflow_steps_step_index_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='workflowstep',
            constraint=models.CheckConstraint(condition=models.Q(('delay_days__gte', 0)), name='workflow_steps_delay_days_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='workflowstep',
            constraint=models.CheckConstraint(condition=models.Q(('delay_days__lte', 365)), name='workflow_steps_delay_days_a_year'),
        ),
        migrations.AddConstraint(
            model_name='workflowstep',
            constraint=models.UniqueConstraint(fields=('organisation', 'campaign', 'step_index'), name='workflow_steps_once'),
        ),
        migrations.AddConstraint(
            model_name='workflowstep',
            constraint=models.UniqueConstraint(fields=('organisation', 'id', 'campaign'), name='workflow_steps_of_campaign'),
        ),
        migrations.AddConstraint(
            model_name='variantassignment',
            constraint=prospectflow.tenancy.constraints.TenantIsolation(name='variantassignment_isolation'),
        ),
        migrations.AddConstraint(
            model_name='variantassignment',
            constraint=models.UniqueConstraint(fields=('organisation', 'enrollment', 'workflow_step'), name='enrollment_step_variant_assignments_once'),
        ),
        migrations.AddIndex(
            model_name='task',
            index=models.Index(condition=models.Q(('status', 'scheduled')), fields=['organisation', 'scheduled_for', 'id'], name='tasks_due'),
        ),
        migrations.AddIndex(
            model_name='task',
            index=models.Index(condition=models.Q(('status__in', ['locked', 'transmitting', 'unknown'])), fields=['organisation', 'status'], name='tasks_in_flight'),
        ),
        migrations.AddConstraint(
            model_name='task',
            constraint=prospectflow.tenancy.constraints.TenantIsolation(name='task_isolation'),
        ),
        migrations.AddConstraint(
            model_name='task',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['scheduled', 'locked', 'transmitting', 'sent', 'skipped', 'cancelled', 'failed', 'unknown'])), name='tasks_status_known'),
        ),
        migrations.AddConstraint(
            model_name='task',
            constraint=models.CheckConstraint(condition=models.Q(('attempts__gte', 0)), name='tasks_attempts_positive'),
        ),
        migrations.AddConstraint(
            model_name='task',
            constraint=models.UniqueConstraint(fields=('organisation', 'enrollment', 'workflow_step'), name='tasks_once'),
        ),
        migrations.AddConstraint(
            model_name='stepexperiment',
            constraint=prospectflow.tenancy.constraints.TenantIsolation(name='stepexperiment_isolation'),
        ),
        migrations.AddConstraint(
            model_name='stepexperiment',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['draft', 'running', 'stopped'])), name='step_experiments_status_known'),
        ),
        migrations.AddConstraint(
            model_name='stepexperiment',
            constraint=models.UniqueConstraint(fields=('organisation', 'workflow_step'), name='step_experiments_one_per_step'),
        ),
        migrations.AddConstraint(
            model_name='stepexperiment',
            constraint=models.UniqueConstraint(fields=('organisation', 'id', 'workflow_step'), name='step_experiments_of_step'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=prospectflow.tenancy.constraints.TenantReference(fields=('draft', 'content_hash'), name='messages_approved_text', on_delete='SET NULL (draft_id)', to='outreach.Draft', to_fields=('id', 'approved_hash')),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=prospectflow.tenancy.constraints.TenantReference(fields=('draft', 'task'), name='messages_draft_of_task', on_delete='SET NULL (draft_id)', to='outreach.Draft', to_fields=('id', 'task')),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=prospectflow.tenancy.constraints.TenantReference(fields=('enrollment', 'position'), name='messages_position_of_enrollment', on_delete='SET NULL (enrollment_id)', to='outreach.Enrollment', to_fields=('id', 'position')),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=prospectflow.tenancy.constraints.TenantReference(fields=('variant', 'step_experiment'), name='messages_variant_of_experiment', on_delete='SET NULL (variant_id)', to='outreach.Variant', to_fields=('id', 'step_experiment')),
        ),
        migrations.AddConstraint(
            model_name='variantassignment',
            constraint=prospectflow.tenancy.constraints.TenantReference(fields=('enrollment', 'campaign'), name='assignments_enrollment_of_campaign', on_delete='CASCADE', to='outreach.Enrollment', to_fields=('id', 'campaign')),
        ),
        migrations.AddConstraint(
            model_name='variantassignment',
            constraint=prospectflow.tenancy.constraints.TenantReference(fields=('workflow_step', 'campaign'), name='assignments_step_of_campaign', on_delete='CASCADE', to='outreach.WorkflowStep', to_fields=('id', 'campaign')),
        ),
        migrations.AddConstraint(
            model_name='variantassignment',
            constraint=prospectflow.tenancy.constraints.TenantReference(fields=('step_experiment', 'workflow_step'), name='assignments_experiment_of_step', on_delete='CASCADE', to='outreach.StepExperiment', to_fields=('id', 'workflow_step')),
        ),
        migrations.AddConstraint(
            model_name='variantassignment',
            constraint=prospectflow.tenancy.constraints.TenantReference(fields=('variant', 'step_experiment'), name='assignments_variant_of_experiment', on_delete='CASCADE', to='outreach.Variant', to_fields=('id', 'step_experiment')),
        ),
        migrations.AddConstraint(
            model_name='task',
            constraint=prospectflow.tenancy.constraints.TenantReference(fields=('enrollment', 'campaign'), name='tasks_enrollment_of_campaign', on_delete='CASCADE', to='outreach.Enrollment', to_fields=('id', 'campaign')),
        ),
        migrations.AddConstraint(
            model_name='task',
            constraint=prospectflow.tenancy.constraints.TenantReference(fields=('workflow_step', 'campaign'), name='tasks_step_of_campaign', on_delete='CASCADE', to='outreach.WorkflowStep', to_fields=('id', 'campaign')),
        ),
        migrations.RunSQL(DOORS, NO_DOORS),
    ]
