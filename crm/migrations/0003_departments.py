from django.db import migrations

# France's departments, as an import reads them from a postcode.
DEPARTMENTS = r"""
UPDATE crm.companies SET department = CASE
    WHEN postal_code ~ '^9[78]' THEN left(postal_code, 3)
    WHEN postal_code ~ '^20[01]' THEN '2A'
    WHEN postal_code ~ '^20' THEN '2B'
    ELSE left(postal_code, 2) END
WHERE postal_code ~ '^[0-9]{5}$' AND country = 'FR'
"""


class Migration(migrations.Migration):

    dependencies = [("crm", "0002_import_at_scale")]

    operations = [migrations.RunSQL(DEPARTMENTS, migrations.RunSQL.noop)]
