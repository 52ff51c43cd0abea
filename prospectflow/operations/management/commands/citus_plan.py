"""Print how this database would be spread over the nodes of Citus."""

from typing import Any

from django.core.management import BaseCommand

from prospectflow.operations import citus


class Command(BaseCommand):
    """Print the statements; nothing is asked of any database."""

    help = "Print the statements that spread the tables over a Citus cluster (docs/scaling.md)."

    def handle(self, **options: Any) -> None:
        self.stdout.write("\n\n".join(citus.statements()))
