"""What a release's migrations must not do while the version before still serves."""

from collections.abc import Iterable, Iterator

from django.db import models
from django.db.migrations import Migration
from django.db.migrations.operations import (
    AddField,
    AddIndex,
    CreateModel,
    DeleteModel,
    RemoveField,
    RenameField,
    RenameModel,
)
from django.db.migrations.operations.base import Operation

TAKES_AWAY = (DeleteModel, RemoveField, RenameField, RenameModel)
# The last of each app before the first release: nobody upgrades from one of these to the next.
FIRST_RELEASE = {"tenancy": 4, "iam": 4, "crm": 6, "outreach": 17, "tracking": 1}


def disturbances(migrations: Iterable[Migration]) -> Iterator[str]:
    """A sentence for each operation that would disturb the version before, newest releases only.

    A migration that takes away what that version has ceased to use says so: its class has
    `contracts`, with the release since which nobody uses it.
    """
    for migration in migrations:
        if int(migration.name[:4]) <= FIRST_RELEASE.get(migration.app_label, 9999):
            continue
        made = {one.name_lower for one in migration.operations if isinstance(one, CreateModel)}
        for one in migration.operations:
            if why := _why(one, made, contracts=bool(getattr(migration, "contracts", ""))):
                yield f"{migration.app_label} {migration.name}: {one.describe()}: {why}"


def _why(operation: Operation, made: set[str], *, contracts: bool) -> str:
    """Why the version before would notice; empty when it would not."""
    if isinstance(operation, TAKES_AWAY) and not contracts:
        return "the version before still uses it; take it away a release later."
    if getattr(operation, "model_name_lower", "") in made:
        return ""
    if isinstance(operation, AddField) and _must_be_given(operation.field):
        return "the version before does not fill it in; give it a db_default, or let it be null."
    if type(operation) is AddIndex:
        return "nobody could write meanwhile; use AddIndexConcurrently."
    return ""


def _must_be_given(field: "models.Field[object, object]") -> bool:
    is_column = not field.many_to_many
    return is_column and not field.null and field.db_default is models.NOT_PROVIDED
