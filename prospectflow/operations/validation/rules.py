"""Triggers and checks: every one of the models is there, says the same, and is awake."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db import connection, models

from prospectflow.tenancy.constraints import Trigger

from .catalogue import NOBODY, all_models, place, present, rows, same, serve

EVENTS = {"INSERT": 4, "DELETE": 8, "UPDATE": 16, "TRUNCATE": 32}
ROW, BEFORE = 1, 2
TRIGGERS = """
SELECT tgname::text, tgtype::int, tgfoid::regproc::text, tgdeferrable AND tginitdeferred, tgenabled,
    tgqual IS NULL, encode(tgargs, 'escape'),
    ARRAY(SELECT attname::text FROM pg_attribute
          WHERE attrelid = tgrelid AND attnum = ANY (tgattr) ORDER BY 1)
FROM pg_trigger WHERE tgrelid = to_regclass(%s) AND NOT tgisinternal
"""
ASLEEP = """
SELECT DISTINCT conname::text FROM pg_trigger JOIN pg_constraint ON pg_constraint.oid = tgconstraint
WHERE tgrelid = to_regclass(%s) AND tgisinternal AND tgenabled IN ('D', 'R')
"""
CHECKS = """
SELECT conname::text, pg_get_expr(conbin, conrelid), convalidated AND conenforced
FROM pg_constraint WHERE conrelid = to_regclass(%s) AND contype = 'c'
"""


class Firing(NamedTuple):
    """When a trigger fires, and what it runs."""

    type: int
    function: str
    deferred: bool = False
    arguments: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()  # an update of others leaves it asleep


def triggers_and_checks() -> Iterator[str]:
    """Every trigger fires as the model says; every check is enforced and says the same."""
    serve(NOBODY)  # else PostgreSQL would refuse to plan what the checks are compared with
    for model in present(all_models()):
        for what in (*_triggers(model), *_checks(model)):
            yield f"{place(model)}: {what}"


def _triggers(model: type[models.Model]) -> Iterator[str]:
    wanted = dict(_wanted_triggers(model))
    found = {name: rest for name, *rest in rows(TRIGGERS, place(model))}
    for name in sorted(wanted.keys() | found.keys()):
        if name not in found:
            yield f"the trigger {name} is missing"
        elif name not in wanted:
            yield f"the trigger {name} belongs to no model"
        else:
            yield from _fires(name, wanted[name], found[name])
    for (constraint,) in rows(ASLEEP, place(model)):
        yield f"the triggers of the reference {constraint} are disabled"


def _wanted_triggers(model: type[models.Model]) -> Iterator[tuple[str, Firing]]:
    table = model._meta.db_table
    if any(field.name == "updated_at" for field in model._meta.local_fields):
        kind = ROW | BEFORE | EVENTS["UPDATE"]
        yield f"{table}_updated_at", Firing(kind, "set_updated_at")
    for constraint in model._meta.constraints:
        if isinstance(constraint, Trigger):
            when, _, columns = constraint.when.partition(" OF ")
            kind, told = _type(when), constraint.arguments(model)
            named = tuple(sorted(columns.split(", "))) if columns else ()
            rest = (constraint.function, constraint.deferred, told, named)
            yield constraint.name, Firing(kind, *rest)


def _type(when: str) -> int:
    timing, *events = when.replace(" OR ", " ").split()
    return ROW | (BEFORE if timing == "BEFORE" else 0) | sum(EVENTS[event] for event in events)


def _fires(name: str, wanted: Firing, found: Any) -> Iterator[str]:
    kind, function, deferred, enabled, always, told, columns = found
    arguments = tuple(told.split(r"\000")[:-1])  # each ends with a NUL
    if enabled not in ("O", "A"):
        yield f"the trigger {name} is disabled"
    fires = (wanted.type, wanted.deferred, True, wanted.columns)
    if (kind, deferred, always, tuple(columns)) != fires:
        yield f"the trigger {name} fires at other times than its model says"
    if function.split(".")[-1] != wanted.function.split(".")[-1]:
        yield f"the trigger {name} runs {function}, not {wanted.function}"
    if arguments != wanted.arguments:
        yield f"the trigger {name} is told {arguments}, not {wanted.arguments}"


def _checks(model: type[models.Model]) -> Iterator[str]:
    found = {name: rest for name, *rest in rows(CHECKS, place(model))}
    for name, condition in _wanted_checks(model):
        if name not in found:
            yield f"the check {name} is missing"
            continue
        expression, enforced = found[name]
        if not enforced:
            yield f"the check {name} is not validated or not enforced"
        if not same(condition, expression, place(model)):
            yield f"the check {name} says something else: {expression}"


def _sql_of(check: Any, model: Any, editor: Any) -> Any:
    return check._get_check_sql(model, editor)


def _wanted_checks(model: Any) -> Iterator[tuple[str, str]]:
    editor = connection.SchemaEditorClass(connection, collect_sql=True)
    for check in model._meta.constraints:
        if isinstance(check, models.CheckConstraint):
            yield check.name, str(_sql_of(check, model, editor))
    for field in model._meta.local_concrete_fields:
        condition: Any = field.db_check(connection)
        if condition:
            yield f"{model._meta.db_table}_{field.column}_check", condition
