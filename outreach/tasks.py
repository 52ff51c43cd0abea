"""What workers do for the outreach engine, each told ids alone."""

from uuid import UUID

from django.utils import timezone

from outreach.services.verifying import run_check
from prospectflow.queue import Stopping, task


@task(queue="verification", lock="verify_addresses", once=True)
def verify_addresses(organisation_id: UUID, check_id: UUID, *, stopping: Stopping) -> None:
    """Ask the domains of all addresses whether they take mail, from where the check stands."""
    run_check(organisation_id, check_id, clock=timezone.now, stopping=stopping)
