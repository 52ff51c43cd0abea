"""Compare the live database with what the models promise, suite by suite."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from prospectflow.operations.validation import SUITES, Result, validate


class Command(BaseCommand):
    """A line a suite, beneath it what is wrong and where; exit 1 when any suite fails."""

    help = "Check the live database in twelve suites; nothing in it is changed."
    requires_system_checks: list[str] = []  # it must speak where the models and tables disagree

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, format: str, **options: Any) -> None:
        results = []
        for number, result in enumerate(validate(), start=1):
            results.append(result)
            if format == "text":
                self._line(number, result)
        if format == "json":
            self._document(results)
        failed = sum(not result.ok for result in results)
        if failed:
            raise CommandError(f"{failed} of {len(SUITES)} suites failed.", returncode=1)

    def _line(self, number: int, result: Result) -> None:
        self.stdout.write(f"{'ok' if result.ok else 'FAILED':<8}{number:>2} {result.name}")
        for problem in result.problems:
            self.stdout.write(f"            {problem}")

    def _document(self, results: list[Result]) -> None:
        suites = [
            {"suite": result.name, "ok": result.ok, "problems": result.problems}
            for result in results
        ]
        ok = all(result.ok for result in results)
        self.stdout.write(json.dumps({"ok": ok, "suites": suites}, indent=2))
