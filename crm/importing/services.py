"""Imports a file of prospects into the organisation that is served, whole or not at all."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.db import transaction

from crm.importing.engine import Import, Refusing
from crm.importing.profiles import choose
from crm.importing.reading import open_source
from crm.importing.report import Problem, Report
from crm.importing.staging import ask, working_tables


def import_prospects(  # noqa: PLR0913 - each says one thing of the file
    path: Path | str,
    *,
    at: datetime,
    profile: str | None = None,
    columns: Mapping[str, str] | None = None,
    dry_run: bool = False,
    refusing: Refusing = lambda job: None,
) -> tuple[Report, list[Problem]]:
    """Store the file's prospects in one transaction; the report, and what was found in the rows.

    Runs inside `tenant()`. `at` is the moment the facts count as learnt. Importing a file again
    changes nothing; a newer file's values replace older ones. `columns` says what each header
    means where that was settled by hand. FileRefused says why a file is not usable. With
    `dry_run` the report is the same and nothing stays.
    """
    source = open_source(path)
    mapped = choose(source.headers, profile, columns)
    job = Import(new_import_id(), source, mapped, at)
    with transaction.atomic(), working_tables():
        rows = job.read(processes=1)
        job.work_out(refusing)
        report, problems = job.report(rows, dry_run=dry_run), list(job.problems())
        if not dry_run:
            job.store_here()
    return report, problems


def new_import_id() -> UUID:
    """An id that no other import has; the rows it makes carry it."""
    return UUID(str(ask("SELECT uuidv7()")[0][0]))
