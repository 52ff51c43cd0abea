"""The serving role's rights on the queue; no temporary table stands in for one of the queue's."""

from django.db import migrations

RIGHTS = """
REVOKE ALL ON procrastinate_jobs, procrastinate_events, procrastinate_workers,
    procrastinate_periodic_defers FROM prospectflow_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON procrastinate_jobs, procrastinate_workers,
    procrastinate_periodic_defers TO prospectflow_app;
GRANT SELECT, INSERT ON procrastinate_events TO prospectflow_app;
GRANT USAGE ON SEQUENCE procrastinate_jobs_id_seq, procrastinate_events_id_seq,
    procrastinate_periodic_defers_id_seq TO prospectflow_app;
"""
NO_RIGHTS = """
REVOKE ALL ON procrastinate_jobs, procrastinate_events, procrastinate_workers,
    procrastinate_periodic_defers FROM prospectflow_app;
REVOKE ALL ON SEQUENCE procrastinate_jobs_id_seq, procrastinate_events_id_seq,
    procrastinate_periodic_defers_id_seq FROM prospectflow_app;
"""
# They run with the owner's rights when the row of a worker is deleted.
TRIGGER_FUNCTIONS = (
    "procrastinate_notify_queue_job_inserted_v1",
    "procrastinate_notify_queue_abort_job_v1",
    "procrastinate_trigger_function_status_events_insert_v1",
    "procrastinate_trigger_function_status_events_update_v1",
    "procrastinate_trigger_function_scheduled_events_v1",
    "procrastinate_trigger_abort_requested_events_procedure_v1",
    "procrastinate_unlink_periodic_defers_v1",
)


def for_each(template):
    return ";".join(template.format(function=function) for function in TRIGGER_FUNCTIONS)


class Migration(migrations.Migration):
    dependencies = [
        ("tenancy", "0002_temporary_tables"),
        ("procrastinate", "0041_post_retry_failed_job"),
    ]

    operations = [
        migrations.RunSQL(RIGHTS, NO_RIGHTS),
        migrations.RunSQL(
            for_each("ALTER FUNCTION {function}() SET search_path = pg_catalog, public, pg_temp"),
            for_each("ALTER FUNCTION {function}() RESET search_path"),
        ),
    ]
