"""A mail that leaves is written down without touching its fifteen indexes.

PostgreSQL leaves indexes alone where no value changes that any of them names, and where the new
version of a row has room beside the old one. It has from here on, and the index of what went wrong
names no `status`; for that the table is written anew, once.
An index that nothing asked is gone, another is served by one that began likewise, and entries
for what most mails do not have are no longer kept.
"""

import django.db.models.deletion
import prospectflow.tenancy.constraints
import prospectflow.tenancy.fields
from django.db import migrations, models


ROOM = "ALTER TABLE outreach.messages SET (fillfactor = 50)"
NO_ROOM = "ALTER TABLE outreach.messages RESET (fillfactor)"


class Migration(migrations.Migration):

    dependencies = [
        ('crm', '0005_indexes_end_with_the_key'),
        ('iam', '0004_sending'),
        ('outreach', '0016_mails_by_position'),
    ]

    operations = [
        migrations.RunSQL(ROOM, NO_ROOM),
        migrations.RemoveConstraint(
            model_name='message',
            name='messages_provider_id_once',
        ),
        migrations.RemoveConstraint(
            model_name='message',
            name='messages_require_draft',
        ),
        migrations.RemoveIndex(
            model_name='message',
            name='messages_thread',
        ),
        migrations.RemoveIndex(
            model_name='message',
            name='messages_sent_by_mailbox',
        ),
        migrations.RemoveIndex(
            model_name='message',
            name='messages_gone_wrong',
        ),
        migrations.AddField(
            model_name='message',
            name='gone_wrong',
            field=models.GeneratedField(db_persist=True, expression=models.Q(('status__in', ['bounced', 'failed'])), output_field=models.BooleanField()),
        ),
        migrations.AlterField(
            model_name='message',
            name='mailbox',
            field=prospectflow.tenancy.fields.TenantForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.DB_SET_NULL, related_name='messages', to='outreach.mailbox'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(fields=['organisation', 'mailbox', 'sent_at'], name='messages_by_mailbox'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(condition=models.Q(('direction', 'outbound'), ('gone_wrong', True)), fields=['organisation', 'mailbox', 'sent_at'], name='messages_gone_wrong'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.UniqueConstraint(condition=models.Q(('provider_message_id__isnull', False)), fields=('organisation', 'provider_message_id'), name='messages_provider_id_once'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=prospectflow.tenancy.constraints.Trigger(deferred=False, function='outreach.require_approved_draft', name='messages_require_draft', when='BEFORE INSERT OR UPDATE OF direction, content_hash, draft_id, task_id'),
        ),
    ]
