"""Documents made from the code: written anew, or compared with the one that is there."""

from argparse import ArgumentParser
from difflib import unified_diff
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from prospectflow.errors import DomainError

SHOWN_LINES = 40


class DocumentCommand(BaseCommand):
    """Writes one document, or with --check exits 1 where the one that is there differs."""

    document: str
    requires_system_checks: list[str] = []  # they would look at a database that may not be there

    def add_arguments(self, parser: ArgumentParser) -> None:
        standard = settings.BASE_DIR / "docs" / self.document
        parser.add_argument("path", nargs="?", type=Path, default=standard, help="The document.")
        parser.add_argument("--check", action="store_true", help="Compare, and write nothing.")

    def handle(self, *args: Any, path: Path, check: bool, **options: Any) -> None:
        try:
            text = self.text()
        except DomainError as error:
            raise CommandError(str(error), returncode=2) from error
        if not check:
            path.write_text(text)
        elif different := difference(path, text):
            raise CommandError(f"{different}\n{path.name} is out of date: run `make schema`.")
        self.stdout.write(f"{path.name} is {'current' if check else 'written'}.")

    def text(self) -> str:
        """The document as the code has it now."""
        raise NotImplementedError


def difference(path: Path, text: str) -> str:
    """The first lines in which the file departs from the text; empty when it does not."""
    there = path.read_text() if path.exists() else ""
    lines = unified_diff(
        there.splitlines(), text.splitlines(), f"{path.name} (there)", "now", lineterm="", n=1
    )
    return "\n".join(islice(lines, SHOWN_LINES))
