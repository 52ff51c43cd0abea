"""Endpoints that are told of events, and the log of what was told."""

import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.uuid
import prospectflow.tenancy.constraints
import prospectflow.tenancy.fields
from django.db import migrations, models


# Asked outside of every scope: whose programs are to be told something now?
DUE = """
CREATE FUNCTION outreach.organisations_with_due_webhooks(moment timestamptz) RETURNS SETOF uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    RETURN QUERY SELECT o.id FROM iam.organisations o WHERE EXISTS (
        SELECT FROM outreach.webhook_deliveries d
        WHERE d.organisation_id = o.id AND d.status = 'waiting' AND d.due_at <= moment
    ) ORDER BY o.id;
END $$;
REVOKE ALL ON FUNCTION outreach.organisations_with_due_webhooks(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outreach.organisations_with_due_webhooks(timestamptz)
    TO prospectflow_app;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('iam', '0003_programs'),
        ('outreach', '0002_audited'),
    ]

    operations = [
        migrations.CreateModel(
            name='WebhookEndpoint',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('url', models.CharField(max_length=2000, verbose_name='URL')),
                ('events', models.JSONField(help_text='Which events are told.')),
                ('sealed_secret', models.TextField(editable=False)),
                ('status', models.TextField(choices=[('active', 'Active'), ('disabled', 'Disabled')], db_default='active', default='active')),
                ('status_reason', models.TextField(blank=True, db_default='', default='')),
                ('organisation', prospectflow.tenancy.fields.OrganisationField()),
            ],
            options={
                'db_table': 'webhook_endpoints',
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='WebhookDelivery',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('event', models.TextField(choices=[('enrollment.replied', 'Replied'), ('enrollment.bounced', 'Bounced'), ('enrollment.unsubscribed', 'Unsubscribed'), ('import.finished', 'Import Finished')])),
                ('body', models.TextField(help_text='Exactly what is sent and signed, in JSON.')),
                ('at', models.DateTimeField()),
                ('status', models.TextField(choices=[('waiting', 'Waiting'), ('delivered', 'Delivered'), ('failed', 'Failed')], db_default='waiting', default='waiting')),
                ('attempts', models.IntegerField(db_default=0, default=0)),
                ('due_at', models.DateTimeField()),
                ('answered_status', models.IntegerField(blank=True, null=True, verbose_name='HTTP status of the last answer')),
                ('last_error', models.TextField(blank=True, db_default='', default='')),
                ('delivered_at', models.DateTimeField(blank=True, null=True)),
                ('organisation', prospectflow.tenancy.fields.OrganisationField()),
                ('endpoint', prospectflow.tenancy.fields.TenantForeignKey(on_delete=django.db.models.deletion.DB_CASCADE, related_name='deliveries', to='outreach.webhookendpoint')),
            ],
            options={
                'verbose_name_plural': 'webhook deliveries',
                'db_table': 'webhook_deliveries',
                'abstract': False,
            },
        ),
        migrations.AddConstraint(
            model_name='webhookendpoint',
            constraint=prospectflow.tenancy.constraints.TenantIsolation(name='webhookendpoint_isolation'),
        ),
        migrations.AddConstraint(
            model_name='webhookendpoint',
            constraint=prospectflow.tenancy.constraints.Audited(name='webhook_endpoints_audited', secret=('sealed_secret',), when='AFTER INSERT OR UPDATE OR DELETE', without=()),
        ),
        migrations.AddConstraint(
            model_name='webhookendpoint',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['active', 'disabled'])), name='webhook_endpoints_status_known'),
        ),
        migrations.AddConstraint(
            model_name='webhookendpoint',
            constraint=models.CheckConstraint(condition=models.Q(('url__regex', '^https?://')), name='webhook_endpoints_url_shape'),
        ),
        migrations.AddConstraint(
            model_name='webhookendpoint',
            constraint=models.UniqueConstraint(fields=('organisation', 'url'), name='webhook_endpoints_once'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(condition=models.Q(('status', 'waiting')), fields=['organisation', 'due_at', 'id'], name='webhook_deliveries_due'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(fields=['organisation', '-at', 'id'], name='webhook_deliveries_newest'),
        ),
        migrations.AddConstraint(
            model_name='webhookdelivery',
            constraint=prospectflow.tenancy.constraints.TenantIsolation(name='webhookdelivery_isolation'),
        ),
        migrations.AddConstraint(
            model_name='webhookdelivery',
            constraint=models.CheckConstraint(condition=models.Q(('event__in', ['enrollment.replied', 'enrollment.bounced', 'enrollment.unsubscribed', 'import.finished'])), name='webhook_deliveries_event_known'),
        ),
        migrations.AddConstraint(
            model_name='webhookdelivery',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['waiting', 'delivered', 'failed'])), name='webhook_deliveries_status_known'),
        ),
        migrations.AddConstraint(
            model_name='webhookdelivery',
            constraint=models.CheckConstraint(condition=models.Q(('attempts__gte', 0)), name='webhook_deliveries_attempts_not_negative'),
        ),
        migrations.RunSQL(
            DUE, "DROP FUNCTION outreach.organisations_with_due_webhooks(timestamptz)"
        ),
    ]
