"""Pixels, opens, daily statistics."""

import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.uuid
import prospectflow.tenancy.constraints
import prospectflow.tenancy.fields
from django.db import migrations, models

# A pixel hit names no organisation: the hash of its token in, whose mail it was out.
DOOR = """
CREATE FUNCTION tracking.pixel_target(digest bytea, at timestamptz)
    RETURNS TABLE (organisation_id uuid, message_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.organisation_id, p.message_id FROM tracking.pixels p
    WHERE p.token_digest = digest AND p.expires_at > at
$$;
REVOKE ALL ON FUNCTION tracking.pixel_target(bytea, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tracking.pixel_target(bytea, timestamptz) TO prospectflow_app;
"""
NO_DOOR = "DROP FUNCTION tracking.pixel_target(bytea, timestamptz)"


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('iam', '0001_initial'),
        ('outreach', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='DailyStats',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('day', models.DateField(help_text="Day of sending in the mailbox's zone.")),
                ('sent', models.IntegerField(db_default=0, default=0)),
                ('delivered', models.IntegerField(db_default=0, default=0)),
                ('bounced', models.IntegerField(db_default=0, default=0)),
                ('replied', models.IntegerField(db_default=0, default=0)),
                ('unsubscribed', models.IntegerField(db_default=0, default=0)),
                ('opened', models.IntegerField(db_default=0, default=0)),
                ('campaign', prospectflow.tenancy.fields.TenantForeignKey(db_index=False, on_delete=django.db.models.deletion.DB_CASCADE, related_name='daily_stats', to='outreach.campaign')),
                ('organisation', prospectflow.tenancy.fields.OrganisationField()),
                ('variant', prospectflow.tenancy.fields.TenantForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.DB_CASCADE, related_name='daily_stats', to='outreach.variant')),
                ('workflow_step', prospectflow.tenancy.fields.TenantForeignKey(on_delete=django.db.models.deletion.DB_CASCADE, related_name='daily_stats', to='outreach.workflowstep')),
            ],
            options={
                'verbose_name_plural': 'daily stats',
                'db_table': 'campaign_daily_stats',
                'abstract': False,
                'constraints': [prospectflow.tenancy.constraints.TenantIsolation(name='dailystats_isolation'), models.UniqueConstraint(fields=('organisation', 'campaign', 'workflow_step', 'variant', 'day'), name='campaign_daily_stats_once', nulls_distinct=False), prospectflow.tenancy.constraints.TenantReference(fields=('workflow_step', 'campaign'), name='campaign_daily_stats_step_of_campaign', on_delete='CASCADE', to='outreach.WorkflowStep', to_fields=('id', 'campaign'))],
            },
        ),
        migrations.CreateModel(
            name='OpenStats',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('first_open_at', models.DateTimeField(blank=True, null=True)),
                ('last_open_at', models.DateTimeField(blank=True, null=True)),
                ('total_opens', models.BigIntegerField(db_default=0, default=0)),
                ('unique_opens', models.BigIntegerField(db_default=0, default=0)),
                ('machine_opens', models.BigIntegerField(db_default=0, default=0)),
                ('message', prospectflow.tenancy.fields.TenantForeignKey(db_index=False, on_delete=django.db.models.deletion.DB_CASCADE, related_name='opens', to='outreach.message')),
                ('organisation', prospectflow.tenancy.fields.OrganisationField()),
            ],
            options={
                'verbose_name_plural': 'open stats',
                'db_table': 'message_open_stats',
                'abstract': False,
                'indexes': [models.Index(fields=['organisation', 'last_open_at'], name='message_open_stats_last')],
                'constraints': [prospectflow.tenancy.constraints.TenantIsolation(name='openstats_isolation'), models.UniqueConstraint(fields=('organisation', 'message'), name='message_open_stats_one_per_message'), models.CheckConstraint(condition=models.Q(('machine_opens__gte', 0), ('total_opens__gte', 0), ('unique_opens__gte', 0)), name='message_open_stats_not_negative')],
            },
        ),
        migrations.CreateModel(
            name='Pixel',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('token_digest', models.BinaryField(max_length=32)),
                ('expires_at', models.DateTimeField()),
                ('message', prospectflow.tenancy.fields.TenantForeignKey(db_index=False, on_delete=django.db.models.deletion.DB_CASCADE, related_name='pixels', to='outreach.message')),
                ('organisation', prospectflow.tenancy.fields.OrganisationField()),
            ],
            options={
                'db_table': 'pixels',
                'abstract': False,
                'constraints': [prospectflow.tenancy.constraints.TenantIsolation(name='pixel_isolation'), models.UniqueConstraint(fields=('organisation', 'message'), name='pixels_one_per_message'), models.UniqueConstraint(fields=('token_digest',), name='pixels_token_digest_everywhere')],
            },
        ),
        migrations.RunSQL(DOOR, NO_DOOR),
    ]
