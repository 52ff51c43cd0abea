"""What an import of a file would do, found out in this process; nothing at all is stored."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from django.conf import settings

from crm.importing.engine import Import
from crm.importing.profiles import choose
from crm.importing.reading import open_source
from crm.importing.report import Problem, Report
from crm.importing.services import new_import_id
from crm.importing.staging import working_tables
from outreach.models import Campaign, ImportUpload
from outreach.services.files import limits
from outreach.services.row_refusals import refusals_for
from outreach.services.stages import Clock, Stopped, Stopping, Told
from outreach.services.uploads import suggested
from outreach.states import ProblemKind
from prospectflow.tenancy.context import tenant


class Foreseen(NamedTuple):
    """The report that the import would make, and the first problems of each kind."""

    report: Report
    problems: Mapping[str, list[Problem]]


def foresee(  # noqa: PLR0913 - each says one thing of the file, or of its import
    organisation_id: UUID,
    path: Path,
    *,
    clock: Clock,
    shown: int,
    profile: str | None = None,
    sheet: str | None = None,
    campaign: Campaign | None = None,
    stopping: Stopping = lambda: False,
    told: Told = lambda stage, rows, of: None,
) -> Foreseen:
    """Read the whole file as an import would, and tell at most `shown` problems of each kind.

    Opens its own scope. Raises FileRefused, and Stopped when it was.
    """

    def read_so_far(rows: int) -> None:
        told("reading", rows, None)
        if stopping():
            raise Stopped

    source = open_source(path, sheet=sheet, limits=limits())
    with tenant(organisation_id), working_tables():
        mapped = choose(source.headers, *suggested(source.headers, profile))
        job = Import(new_import_id(), source, mapped, clock())
        rows = job.read(processes=settings.IMPORT_PROCESSES, progress=read_so_far)
        told("working out", rows, None)
        job.work_out(refusals_for(ImportUpload(campaign=campaign), now=clock()))
        problems = {kind: list(job.problems(kind, limit=shown)) for kind in ProblemKind.values}
        return Foreseen(job.report(rows, dry_run=True), problems)
