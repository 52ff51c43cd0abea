"""Every state machine: what leads where, and what PostgreSQL knows of it."""

import json
import re
from itertools import product

import pytest
from django.db import IntegrityError, connection, models, transaction

from iam.models import Membership
from outreach.models import (
    Campaign,
    Draft,
    Enrollment,
    ImportUpload,
    Mailbox,
    Message,
    StepExperiment,
    Task,
)
from prospectflow.choices import IllegalMove, move
from prospectflow.tenancy.checks import tenant_models
from prospectflow.testing.rows import make_row

MACHINES = {
    Campaign: "status",
    StepExperiment: "status",
    Enrollment: "state",
    Task: "status",
    Draft: "status",
    Message: "status",
    Mailbox: "status",
    ImportUpload: "status",
    Membership: "status",
}
PAIRS = [
    pytest.param(model, field, origin, to, id=f"{model.__name__}-{origin}-{to}")
    for model, field in MACHINES.items()
    for origin, to in product(
        [value for value, _ in model._meta.get_field(field).choices], repeat=2
    )
]
WITH_CHOICES = [
    pytest.param(model, field, id=f"{model._meta.db_table}.{field.name}")
    for model in tenant_models()
    for field in model._meta.local_concrete_fields
    if field.choices and isinstance(field, models.TextField)
]


def values_of(model, field):
    return {value for value, _ in model._meta.get_field(field).choices}


@pytest.mark.parametrize(("model", "field", "origin", "to"), PAIRS)
def test_a_state_leads_to_what_the_table_says_and_nowhere_else(model, field, origin, to):
    row = model(**{field: origin})

    if to in model.MOVES[origin]:
        move(row, field, to, model.MOVES)
        assert getattr(row, field) == to
    else:
        with pytest.raises(IllegalMove, match=rf"is {origin}: it cannot become {to}\."):
            move(row, field, to, model.MOVES)
        assert getattr(row, field) == origin


@pytest.mark.parametrize(("model", "field"), MACHINES.items())
def test_the_moves_name_every_state_and_no_other(model, field):
    states = values_of(model, field)

    assert set(model.MOVES) == states
    assert set().union(*model.MOVES.values()) <= states


@pytest.mark.parametrize(("model", "field"), MACHINES.items())
def test_no_state_leads_to_itself(model, field):
    assert [state for state, following in model.MOVES.items() if state in following] == []


@pytest.mark.parametrize(("model", "field"), WITH_CHOICES)
def test_the_database_knows_exactly_the_choices(model, field, db):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s",
            [f"{model._meta.db_table}_{field.name}_known"],
        )
        (definition,) = cursor.fetchone()

    assert set(re.findall(r"'([^']*)'", definition)) == {value for value, _ in field.choices}


@pytest.mark.parametrize(("model", "field"), WITH_CHOICES)
def test_an_unknown_value_is_refused_by_the_database(model, field, inside):
    row, table = make_row(model), model._meta.db_table
    stored = [each.column for each in model._meta.concrete_fields if not each.generated]
    written = ", ".join(map(connection.ops.quote_name, stored))

    with (
        pytest.raises(IntegrityError, match=f"{table}_{field.name}_known"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            f"INSERT INTO {table} ({written}) SELECT {written} FROM"
            f" (SELECT (jsonb_populate_record(r, %s)).* FROM {table} r WHERE id = %s)",
            [json.dumps({field.column: "nonsense"}), row.pk],
        )


def test_a_paused_archive_never_runs_by_itself():
    assert Campaign.MOVES[Campaign.Status.ARCHIVED] == {Campaign.Status.PAUSED}


def test_a_mail_in_the_air_goes_back_to_the_queue_only_from_transmitting_or_leased():
    back = {state for state, following in Task.MOVES.items() if Task.Status.SCHEDULED in following}

    assert back == {Task.Status.LEASED, Task.Status.TRANSMITTING}


def test_an_unknown_mail_never_waits_for_its_first_try_again():
    found, given_up, by_a_persons_word = Task.Status.SENT, Task.Status.FAILED, Task.Status.DEFERRED
    assert Task.MOVES[Task.Status.UNKNOWN] == {found, given_up, by_a_persons_word}
