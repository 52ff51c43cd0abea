"""manage.py import_prospects: files of prospects, brought into one organisation."""

import json
import signal
import sys
import threading
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError
from django.utils import timezone

from crm.importing.profiles import PROFILES
from crm.importing.sentences import LANGUAGES
from iam.services import organisation_by_slug
from outreach.management.progress import RowsShown
from outreach.management.telling import SHOWN, Told, as_json, report_lines
from outreach.services.campaigns import campaign_called
from outreach.services.folders import data_files, imported_before
from outreach.services.foreseeing import foresee
from outreach.services.importing import import_here
from outreach.services.stages import Stopped
from outreach.services.uploads import problems_of
from outreach.states import ProblemKind, UploadStatus
from prospectflow.errors import DomainError
from prospectflow.queue.connecting import connect_directly
from prospectflow.tenancy.context import tenant
from prospectflow.tenancy.roles import ServingCommand

type Found = dict[str, list[Told]]


@dataclass(frozen=True)
class Asked:
    """What is asked for, for every file alike."""

    organisation_id: UUID
    dry_run: bool
    language: str
    of_import: dict[str, Any]  # profile, sheet, campaign, clock, stopping


class Command(ServingCommand):
    """Exit 0 when all was read, whatever became of its rows; 2 when a file was refused whole.

    1 when it was stopped: Ctrl-C and SIGTERM end it after the rows it is storing, a second one
    at once.
    """

    help = "Import a file of prospects, or a folder of them, and report on every row."
    from_terminal = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="CSV, XLSX, ODS or JSON, packed or not.")
        parser.add_argument("--organisation", required=True, metavar="SLUG")
        parser.add_argument("--profile", choices=sorted(PROFILES), help="Else: by the columns.")
        parser.add_argument("--sheet", metavar="NAME", help="Of a workbook; else the first.")
        parser.add_argument("--campaign", metavar="NAME-OR-ID", help="Enrol the people in it.")
        parser.add_argument("--dry-run", action="store_true", help="Report, and store nothing.")
        parser.add_argument("--format", choices=["text", "json"], default="text")
        parser.add_argument("--language", choices=LANGUAGES, default="en", help="Of the reasons.")

    def run_from_argv(self, argv: list[str]) -> None:
        self.from_terminal = True
        super().run_from_argv(argv)

    def execute(self, *args: Any, **options: Any) -> Any:
        if self.from_terminal:  # called by a program, it keeps that program's connection
            try:
                connect_directly()
            except DomainError as error:
                raise CommandError(str(error), returncode=2) from error
        return super().execute(*args, **options)

    def handle(
        self,
        *args: Any,
        path: Path,
        organisation: str,
        campaign: str | None,
        format: str,
        language: str,
        **options: Any,
    ) -> None:
        try:
            organisation_id = organisation_by_slug(organisation).pk
            with tenant(organisation_id):
                chosen = campaign_called(campaign) if campaign else None
            tell = self._tell_json if format == "json" else self._tell
            with _stopping() as stopping:
                given = {"profile": options["profile"], "sheet": options["sheet"]}
                given |= {"campaign": chosen, "clock": timezone.now, "stopping": stopping}
                asked = Asked(organisation_id, options["dry_run"], language, given)
                if path.is_dir():
                    self._import_all(path, asked, tell)
                else:
                    tell(*_import(path, asked), language)
        except DomainError as error:
            raise CommandError(str(error), returncode=2) from error

    def _import_all(self, folder: Path, asked: Asked, tell: Callable[..., None]) -> None:
        files, refused = list(data_files(folder)), 0
        for file in files:
            try:
                if day := _imported_on(file, asked):
                    self.stderr.write(f"{file.name}: passed by, it was imported on {day}.")
                else:
                    tell(*_import(file, asked), asked.language)
            except DomainError as error:
                refused += 1
                self.stderr.write(f"{file.name}: {error}")
        if refused:
            told = f"{refused} of {len(files)} files in {folder} were refused."
            raise CommandError(told, returncode=2)

    def _tell(self, report: dict[str, Any], problems: Found, language: str) -> None:
        for line in report_lines(report, problems, language):
            self.stdout.write(line)

    def _tell_json(self, report: dict[str, Any], problems: Found, language: str) -> None:
        told = {
            kind: [as_json(each, language) for each in found] for kind, found in problems.items()
        }
        self.stdout.write(json.dumps(report | {"problems": told}, indent=2, ensure_ascii=False))


def _import(file: Path, asked: Asked) -> tuple[dict[str, Any], Found]:
    """The report on one file, and the first problems of each kind."""
    with RowsShown(sys.stderr, file.name) as told:
        if asked.dry_run:
            return _foresee(file, asked, told)
        upload = import_here(asked.organisation_id, file, told=told, **asked.of_import)
    if upload.status == UploadStatus.CANCELLED:
        raise CommandError(_stopped(file.name, upload.rows_done), returncode=1)
    with tenant(asked.organisation_id):
        found = {kind: list(problems_of(upload, kind)[:SHOWN]) for kind in ProblemKind.values}
    return upload.report, found


def _foresee(file: Path, asked: Asked, told: RowsShown) -> tuple[dict[str, Any], Found]:
    try:
        seen = foresee(asked.organisation_id, file, shown=SHOWN, told=told, **asked.of_import)
    except Stopped as stop:
        raise CommandError(_stopped(file.name, 0), returncode=1) from stop
    return seen.report.as_dict() | {"enrolled": 0, "enrolling": ""}, dict(seen.problems)


def _imported_on(file: Path, asked: Asked) -> date | None:
    wanted = {name: asked.of_import[name] for name in ("campaign", "sheet")}
    with tenant(asked.organisation_id):
        before = imported_before(file, **wanted)
    return before and timezone.localdate(before.uploaded_at)


def _stopped(name: str, rows_done: int) -> str:
    if not rows_done:
        return f"{name}: stopped; nothing was stored."
    return (
        f"{name}: stopped; rows up to {rows_done} are stored. Import it again, or go on in the"
        " console, where it can be taken back as well."
    )


@contextmanager
def _stopping() -> Iterator[Callable[[], bool]]:
    """Whether somebody asked for an end, by Ctrl-C or SIGTERM; asked again, it ends at once."""
    asked = threading.Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = {each: signal.getsignal(each) for each in signals}

    def ask(*_told: Any) -> None:
        asked.set()
        for each, handler in before.items():
            signal.signal(each, handler)

    for each in signals:
        signal.signal(each, ask)
    try:
        yield asked.is_set
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
