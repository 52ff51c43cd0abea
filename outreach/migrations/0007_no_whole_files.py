from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [("outreach", "0006_files_in_parts")]

    operations = [migrations.RemoveField("importupload", "file_buffer")]
