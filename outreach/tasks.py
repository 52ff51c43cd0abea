"""What workers do for the outreach engine, each told ids alone."""

from functools import partial
from uuid import UUID

from django.utils import timezone

from outreach.services.importing import perform_import, perform_validation
from outreach.services.stages import give_up
from outreach.services.undoing import perform_undo
from outreach.services.verifying import run_check
from outreach.states import UploadStatus
from prospectflow.queue import Stopping, task

given_up = partial(partial, give_up, clock=timezone.now)


@task(queue="verification", lock="verify_addresses", once=True)
def verify_addresses(organisation_id: UUID, check_id: UUID, *, stopping: Stopping) -> None:
    """Ask the domains of all addresses whether they take mail, from where the check stands."""
    run_check(organisation_id, check_id, clock=timezone.now, stopping=stopping)


@task(queue="imports", lock="imports", given_up=given_up(stage=UploadStatus.VALIDATING))
def validate_upload(organisation_id: UUID, upload_id: UUID, *, stopping: Stopping) -> None:
    """Read an uploaded file and report on every row."""
    perform_validation(organisation_id, upload_id, clock=timezone.now, stopping=stopping)


@task(queue="imports", lock="imports", given_up=given_up(stage=UploadStatus.IMPORTING))
def import_upload(organisation_id: UUID, upload_id: UUID, *, stopping: Stopping) -> None:
    """Import an uploaded file, from where it stands."""
    perform_import(organisation_id, upload_id, clock=timezone.now, stopping=stopping)


@task(queue="imports", lock="imports", given_up=given_up(stage=UploadStatus.UNDOING))
def undo_upload(organisation_id: UUID, upload_id: UUID, *, stopping: Stopping) -> None:
    """Take an import back, from where that stands."""
    perform_undo(organisation_id, upload_id, clock=timezone.now, stopping=stopping)
