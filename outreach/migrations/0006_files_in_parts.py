from django.db import migrations

# A file that was kept whole is its own first part; what was found in it moves out of the report.
PARTS = """
INSERT INTO outreach.import_file_parts (organisation_id, upload_id, number, content)
SELECT organisation_id, id, 0, file_buffer FROM outreach.import_uploads
WHERE file_buffer IS NOT NULL
"""
PROBLEMS = """
INSERT INTO outreach.import_problems
    (organisation_id, upload_id, row, kind, "column", value, code, detail)
SELECT organisation_id, upload.id, (problem ->> 'row')::integer, kinds.kind,
    problem ->> 'column', problem ->> 'value', problem ->> 'code',
    jsonb_build_object('sentence', problem ->> 'sentence')
FROM outreach.import_uploads AS upload,
    (VALUES ('refused', 'refused'), ('duplicates', 'duplicate'), ('notes', 'note'))
        AS kinds (list, kind),
    jsonb_array_elements(coalesce(upload.report -> kinds.list, '[]')) AS problem
"""
WHOLE = """
UPDATE outreach.import_uploads SET file_buffer = whole.content
FROM (
    SELECT organisation_id, upload_id, string_agg(content, '' ORDER BY number) AS content
    FROM outreach.import_file_parts GROUP BY organisation_id, upload_id
) AS whole
WHERE whole.organisation_id = import_uploads.organisation_id
    AND whole.upload_id = import_uploads.id
"""


class Migration(migrations.Migration):

    dependencies = [("outreach", "0005_import_at_scale")]

    operations = [
        migrations.RunSQL(PARTS, WHOLE),
        migrations.RunSQL(PROBLEMS, migrations.RunSQL.noop),
    ]
