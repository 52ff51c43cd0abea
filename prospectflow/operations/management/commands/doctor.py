"""One page for an operator: how things stand here, and what needs attention."""

import json
import sys
from argparse import ArgumentParser
from typing import IO, Any, cast

from django.core.management.base import BaseCommand
from django.utils import timezone
from rich.console import Console
from rich.table import Table
from rich.text import Text

from prospectflow.operations.doctor import Finding, examine


class Command(BaseCommand):
    """Exit 0 when all is well, 1 when something needs attention; nothing is changed."""

    help = "Look at versions, roles, settings, pool, queue, mailboxes, disk, backup and clocks."
    requires_system_checks: list[str] = []  # it tells of them, beside what else it finds

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, format: str, **options: Any) -> None:
        found = dict(examine(now=timezone.now()))
        ill = sum(bool(finding.advice) for each in found.values() for finding in each)
        if format == "json":
            self.stdout.write(_document(found, ill))
        else:
            console = Console(file=cast(IO[str], self.stdout), highlight=False)
            console.print(_page(found))
            console.print(f"{ill} need attention." if ill else "Nothing needs attention.")
        if ill:
            sys.exit(1)  # an answer, and no error of the command's


def _page(found: dict[str, list[Finding]]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for subject, findings in found.items():
        for number, (name, told, advice) in enumerate(findings):
            mark = Text("!", "bold red") if advice else Text("ok", "green")
            table.add_row(mark, Text("" if number else subject, "bold"), Text(name), Text(told))
            if advice:
                table.add_row("", "", "", Text(f"→ {advice}", "red"))
    return table


def _document(found: dict[str, list[Finding]], ill: int) -> str:
    subjects = {
        subject: [
            {"name": each.name, "told": each.told, "advice": each.advice, "ok": not each.advice}
            for each in findings
        ]
        for subject, findings in found.items()
    }
    return json.dumps({"ok": not ill, "need_attention": ill, "subjects": subjects}, indent=2)
