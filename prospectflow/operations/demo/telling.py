"""What the demo says on the terminal."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import Count, Sum
from rich.console import Console
from rich.table import Table

from outreach.models import Enrollment, ImportUpload, Message
from outreach.services.uploads import problems_of
from outreach.states import ProblemKind
from prospectflow.operations.demo.facts import Fact
from prospectflow.tenancy.context import tenant
from tracking.models import DailyStats

COLUMNS = ("sent", "delivered", "replied", "bounced", "unsubscribed", "opened")


def tell_import(console: Console, name: str, upload: ImportUpload) -> None:
    """One line about a file that was brought in, and why rows were refused."""
    report = upload.report
    created = (f"{report[each]['created']} {each}" for each in ("companies", "people", "positions"))
    console.print(
        f"[bold]{name}[/]: {report['rows']} rows, {', '.join(created)};"
        f" {report['rows_duplicate']} duplicates, {report['rows_refused']} refused"
    )
    if report["columns_unknown"]:
        console.print(f"  kept, though not recognised: {', '.join(report['columns_unknown'])}")
    for problem in problems_of(upload, ProblemKind.REFUSED):
        console.print(f"  row {problem.row}: {problem.said('en')}", style="dim", markup=False)


def tell_steps(console: Console, organisation_id: UUID) -> None:
    """What each step, and each variant of it, came to."""
    table = Table("Step", "Variant", *(name.capitalize() for name in COLUMNS), title="The campaign")
    with tenant(organisation_id):
        rows: list[Any] = list(
            DailyStats.objects.values("workflow_step__step_index", "variant__key")
            .annotate(**{f"total_{name}": Sum(name) for name in COLUMNS})
            .order_by("workflow_step__step_index", "variant__key")
        )
    for row in rows:
        totals = (str(row[f"total_{name}"]) for name in COLUMNS)
        table.add_row(
            str(row["workflow_step__step_index"] + 1), row["variant__key"] or "–", *totals
        )
    console.print(table)


def tell_states(console: Console, organisation_id: UUID) -> None:
    """Where the enrolments stand, and what was heard."""
    with tenant(organisation_id):
        states = Enrollment.objects.values_list("state").annotate(Count("id")).order_by("state")
        heard = (
            Message.objects.inbox().order_by("verdict").values_list("verdict").annotate(Count("id"))
        )
        table = Table("Enrolments", "", "Answers", "", title="Where things stand")
        left, right = list(states), list(heard)
    for row in range(max(len(left), len(right))):
        table.add_row(*_cells(left, row), *_cells(right, row))
    console.print(table)


def _cells(pairs: Sequence[tuple[str, int]], row: int) -> tuple[str, str]:
    return (pairs[row][0], str(pairs[row][1])) if row < len(pairs) else ("", "")


def tell_facts(console: Console, facts: Sequence[Fact]) -> bool:
    """Each fact with a mark; whether all of them hold."""
    for fact in facts:
        mark = "[bold green]true [/]" if fact.holds else "[bold red]FALSE[/]"
        console.print(f"  {mark} {fact.sentence}")
        for sentence in fact.against[:5]:
            console.print(f"        {sentence}", style="red", highlight=False)
    return all(fact.holds for fact in facts)
