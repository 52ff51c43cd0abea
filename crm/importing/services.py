"""Imports a file of prospects into the organisation that is being served."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import batched
from pathlib import Path

from django.db import connection, transaction

from crm.importing.ledger import Ledger
from crm.importing.profiles import choose
from crm.importing.prospects import Prospect, RowReader
from crm.importing.reading import Table, open_table
from crm.importing.report import Report

CHUNK = 500


def import_prospects(
    path: Path | str,
    *,
    at: datetime,
    profile: str | None = None,
    columns: Mapping[str, str] | None = None,
    dry_run: bool = False,
) -> Report:
    """Store the file's prospects and report on every row; all of it or, on any error, nothing.

    Runs inside `tenant()`. `at` is the moment the facts count as learnt. Importing a file again
    changes nothing; a newer file's values replace older ones. `columns` says what each header
    means where that was settled by hand. FileRefused says why a file is not usable. With
    `dry_run` the report is the same and nothing stays.
    """
    table = open_table(path)
    mapped = choose(table.headers, profile, columns)
    report = Report(
        file_name=table.path.name,
        sha256=table.sha256,
        encoding=table.encoding,
        delimiter=table.delimiter,
        profile=mapped.profile,
        dry_run=dry_run,
        columns_mapped=mapped.targets,
        columns_ignored=mapped.ignored,
        columns_unknown=mapped.unknown,
    )
    with transaction.atomic():
        _one_import_at_a_time()
        ledger = Ledger(report, source=mapped.profile, at=at)
        for prospects in batched(
            _prospects(table, RowReader(mapped, table.headers), report), CHUNK
        ):
            ledger.take_in(prospects)
        ledger.count()
        transaction.set_rollback(dry_run)
    return report


def _prospects(table: Table, reader: RowReader, report: Report) -> Iterator[Prospect]:
    """The usable rows of the file; the others go into the report."""
    for row in table.rows():
        report.rows += 1
        prospect, problems = reader.read(row)
        report.add_notes(problems, refused=prospect is None)
        if prospect is not None:
            yield prospect


def _one_import_at_a_time() -> None:
    """Two imports into one organisation would each miss what the other is about to store."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtext('import_prospects'),"
            " hashtext(iam.current_organisation_id()::text))"
        )
