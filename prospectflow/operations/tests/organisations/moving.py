"""An organisation taken out, brought back, and gone."""

from datetime import timedelta
from pathlib import Path

from iam.models import Organisation
from prospectflow.operations.organisations.archives import opened
from prospectflow.operations.organisations.bringing_back import bring_back
from prospectflow.operations.organisations.taking_out import take_out
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import NOON

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BEFORE = NOON - DAY  # nothing is due yet


def out(organisation: Organisation, folder: Path, at=BEFORE) -> Path:
    return take_out(organisation, folder, now=at)[0]


def back(archive: Path, at=BEFORE):
    return bring_back(opened(archive), now=at)


def gone(organisation: Organisation) -> None:
    with tenant(organisation.pk):
        Organisation.objects.filter(pk=organisation.pk).delete()
