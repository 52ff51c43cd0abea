"""Messages are found by position through messages_of_position; a second index cost each mail."""

import django.db.models.deletion
import prospectflow.tenancy.fields
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('crm', '0005_indexes_end_with_the_key'),
        ('outreach', '0015_found_mails'),
    ]

    operations = [
        migrations.AlterField(
            model_name='message',
            name='position',
            field=prospectflow.tenancy.fields.TenantForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.DB_CASCADE, related_name='messages', to='crm.position'),
        ),
    ]
