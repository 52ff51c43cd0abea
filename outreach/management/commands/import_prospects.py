"""manage.py import_prospects: a file of prospects, brought into one organisation."""

import json
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from crm.importing.profiles import PROFILES
from crm.importing.report import Problem, Report
from iam.services import organisation_by_slug
from outreach.services.importing import import_file
from prospectflow.errors import DomainError
from prospectflow.tenancy.context import tenant
from prospectflow.tenancy.roles import ServingCommand


class Command(ServingCommand):
    """Exit 0 when the file was read, whatever became of its rows; 2 when it was refused whole."""

    help = "Import a CSV file of prospects into one organisation, and report on every row."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="The CSV file.")
        parser.add_argument("--organisation", required=True, metavar="SLUG")
        parser.add_argument("--profile", choices=sorted(PROFILES), help="Else: by the columns.")
        parser.add_argument("--dry-run", action="store_true", help="Report, and store nothing.")
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(
        self,
        *args: Any,
        file: Path,
        organisation: str,
        profile: str | None,
        dry_run: bool,
        format: str,
        **options: Any,
    ) -> None:
        try:
            with tenant(organisation_by_slug(organisation).pk):
                report = import_file(file, at=timezone.now(), profile=profile, dry_run=dry_run)
        except DomainError as error:
            raise CommandError(str(error), returncode=2) from error
        if format == "json":
            self.stdout.write(json.dumps(report.as_dict(), indent=2, ensure_ascii=False))
        else:
            self._tell(report)

    def _tell(self, report: Report) -> None:
        self.stdout.write(
            f"{report.file_name}: {report.rows} rows read as {report.profile}"
            f" ({report.encoding}, delimiter {report.delimiter!r})"
        )
        for name in ("companies", "people", "positions", "phones"):
            tally = getattr(report, name)
            self.stdout.write(
                f"  {name:<10} {tally.created} created, {tally.updated} updated,"
                f" {tally.unchanged} unchanged"
            )
        self._problems(f"Rows that repeat another: {report.rows_duplicate}", report.duplicates)
        self._problems(f"Rows refused: {report.rows_refused}", report.refused)
        self._problems(f"Notes on cells: {len(report.notes)}", report.notes)
        self._columns("Columns not recognised, kept as they are", report.columns_unknown)
        self._columns("Columns ignored on purpose", report.columns_ignored)
        if report.dry_run:
            self.stdout.write("A dry run: nothing was stored.")

    def _problems(self, title: str, problems: Sequence[Problem]) -> None:
        self.stdout.write(title)
        for problem in problems:
            self.stdout.write(f"  row {problem.row}, {problem.column}: {problem.sentence}")

    def _columns(self, title: str, columns: Sequence[str]) -> None:
        self.stdout.write(f"{title}: {', '.join(columns) or 'none'}")
