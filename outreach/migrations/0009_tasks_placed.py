from django.db import migrations

# Enrolments write from their campaign's mailbox; their tasks know it, their step, their approval.
ENROLLMENTS = """
UPDATE outreach.campaign_enrollments e SET mailbox_id = c.from_mailbox_id
FROM outreach.campaigns c
WHERE c.organisation_id = e.organisation_id AND c.id = e.campaign_id
"""
TASKS = """
UPDATE outreach.tasks t
SET mailbox_id = e.mailbox_id, step_index = s.step_index, is_approved = EXISTS (
    SELECT FROM outreach.drafts d
    WHERE d.organisation_id = t.organisation_id AND d.task_id = t.id AND d.status = 'approved'
)
FROM outreach.campaign_enrollments e, outreach.workflow_steps s
WHERE e.organisation_id = t.organisation_id AND e.id = t.enrollment_id
    AND s.organisation_id = t.organisation_id AND s.id = t.workflow_step_id
"""


class Migration(migrations.Migration):

    dependencies = [("outreach", "0008_sending")]

    operations = [
        migrations.RunSQL(ENROLLMENTS, migrations.RunSQL.noop),
        migrations.RunSQL(TASKS, migrations.RunSQL.noop),
    ]
