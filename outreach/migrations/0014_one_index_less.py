"""Tasks are found by mailbox through tasks_to_send; a second index cost each of their moves."""

import django.db.models.deletion
import prospectflow.tenancy.fields
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('outreach', '0013_bringing_back'),
    ]

    operations = [
        migrations.AlterField(
            model_name='task',
            name='mailbox',
            field=prospectflow.tenancy.fields.TenantForeignKey(blank=True, db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.DB_SET_NULL, related_name='tasks', to='outreach.mailbox'),
        ),
    ]
