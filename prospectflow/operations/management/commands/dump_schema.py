"""Write docs/schema.sql, or see whether it is current."""

from django.core.management import call_command
from django.db import connection

from prospectflow.operations import schema_dump
from prospectflow.operations.documents import DocumentCommand
from prospectflow.operations.scratch import scratch_database

from .embedded import refuse_unless_embedded


class Command(DocumentCommand):
    """Write down what PostgreSQL holds after all migrations."""

    help = "Write docs/schema.sql from a freshly migrated scratch database."
    document = "schema.sql"

    def text(self) -> str:
        refuse_unless_embedded()
        with scratch_database():
            call_command("migrate", verbosity=0)
            return schema_dump.dump(connection.settings_dict)
