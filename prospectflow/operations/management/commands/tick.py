"""manage.py tick: make jobs of what is due, once; for cron, beside `manage.py worker`."""

from typing import Any

from django.utils import timezone

from prospectflow.tenancy.roles import ServingCommand
from prospectflow.ticking import tick


class Command(ServingCommand):
    """Workers do the same by themselves, unless WORKER_TICK_SECONDS is 0."""

    help = "Defer a job for whatever is due and has none: sending, reading, drafts, upkeep."

    def handle(self, *args: Any, **options: Any) -> None:
        deferred = tick(now=timezone.now())
        if deferred is None:
            self.stdout.write("Another tick is under way.")
        elif not deferred:
            self.stdout.write("Nothing is due that has no job yet.")
        else:
            named = [f"{name.partition('.')[2]} {number}" for name, number in deferred.items()]
            self.stdout.write(f"Deferred: {', '.join(named)}.")
