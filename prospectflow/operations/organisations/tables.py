"""The tables that hold one organisation, and in which order their rows come back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, models

from iam.models import Membership, OperatorEntry, Organisation, ServiceAccount
from outreach.models import Campaign, Task
from prospectflow.tenancy.checks import tenant_models
from prospectflow.tenancy.fields import UserReference

PEOPLE = "iam.users"
PEOPLE_COLUMNS = ("id", "email", "cognito_sub", "first_name", "last_name")


@dataclass(frozen=True)
class Table:
    """A table by its name in the database, with its columns and those that name a person."""

    name: str
    columns: tuple[str, ...]
    people: tuple[str, ...] = ()

    @property
    def listed(self) -> str:
        """The columns as SQL lists them."""
        return ", ".join(f'"{column}"' for column in self.columns)

    @property
    def brought(self) -> str:
        """The temporary table that its rows come in by."""
        return f'pg_temp."brought_{self.name}"'


def table_of(model: type[models.Model]) -> Table:
    """The model's table, with the columns that can be written."""
    fields = (field for field in model._meta.local_fields if not field.generated)
    columns = {field.column: field for field in fields if field.column}
    return Table(
        f"{model._meta.app_label}.{model._meta.db_table}",
        tuple(columns),
        tuple(name for name, field in columns.items() if isinstance(field, UserReference)),
    )


ORGANISATIONS = table_of(Organisation)
USERS = Table(PEOPLE, PEOPLE_COLUMNS)
TASKS = table_of(Task)
# Who may enter is not undone: where the organisation is there, these stay as they are.
STAYING = frozenset(table_of(model).name for model in (Membership, ServiceAccount, OperatorEntry))
# Nothing that was written here since is lost.
JOINED = frozenset({"outreach.suppressions", "iam.audit_events"})
# References are checked at the end, so only triggers care: an enrolment that has no mailbox must
# not find its campaign's, and a task finds its mailbox and its place in the rows before it.
LAST = (table_of(Campaign).name, TASKS.name)


def tables() -> list[Table]:
    """Every table with rows of an organisation, in the order in which they are filled."""
    found = [table_of(model) for model in tenant_models()]
    return sorted(found, key=lambda table: LAST.index(table.name) if table.name in LAST else -1)


def run(statement: str, values: Sequence[Any] | Mapping[str, Any] | None = None) -> int:
    """Carry out one statement; how many rows it concerned."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.rowcount


def ask(query: str) -> list[tuple[Any, ...]]:
    """The rows that a query finds."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def take_your_time() -> None:
    """Let this transaction last as long as the organisation is large."""
    run("SET LOCAL statement_timeout = 0")
    run("SET LOCAL idle_in_transaction_session_timeout = 0")
