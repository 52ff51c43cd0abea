"""Isolation tried for real, in a transaction that is undone."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

from django.db import DatabaseError, connection, models, transaction

from crm.models import Company, Person, Position
from iam.models import Membership, Organisation, Role, User
from outreach.models import Campaign, Prompt, WorkflowStep

from .catalogue import NOBODY, place, present_tenant_models, rows, serve

NO_RIGHT, NOT_A_UUID, NO_PARENT = "42501", "22P02", "23503"
Rows = dict[type[models.Model], Any]


def isolation() -> Iterator[str]:
    """Two organisations that exist for a moment: neither reaches anything of the other's."""
    ours, theirs = uuid4(), uuid4()
    others = _found(theirs)
    _found(ours)
    for table in present_tenant_models():
        if table not in others:
            yield from _strangers(table, ours)
    for model, row in others.items():
        yield from (f"{place(model)}: {what}" for what in _reached(model, row, theirs))
    yield from _links(others)


def _found(organisation_id: UUID) -> Rows:
    """An organisation with a row in each of some tables; from then on it is the one served."""
    serve(organisation_id)
    name = f"validation-{organisation_id}"
    user = User.objects.create(email=f"{name}@example.invalid")
    Organisation.objects.create(pk=organisation_id, name=name, slug=name)
    Membership.objects.create(user=user, role=Role.OWNER)
    company, person = Company.objects.create(name=name), Person.objects.create(last_name=name)
    campaign = Campaign.objects.create(name=name)
    return {
        Company: company,
        Person: person,
        Position: Position.objects.create(company=company, person=person),
        Campaign: campaign,
        WorkflowStep: WorkflowStep.objects.create(campaign=campaign),
        Prompt: Prompt.objects.create(name=name, prompt_text=name),
    }


def _strangers(model: type[models.Model], ours: UUID) -> Iterator[str]:
    """An organisation sees none but its own rows in this table, whosever it holds."""
    strange = f"SELECT FROM {place(model)} WHERE organisation_id <> %s LIMIT 1"  # noqa: S608
    if rows(strange, ours):
        yield f"{place(model)}: an organisation sees rows of others"


def _reached(model: type[models.Model], row: Any, theirs: UUID) -> Iterator[str]:
    found = model._default_manager.filter(pk=row.pk)
    everything = model._default_manager.all()
    if found.exists():
        yield "a row of another organisation is seen"
    if everything.count() != 1:
        yield "rows of other organisations are counted"
    if found.update(updated_at=row.updated_at):
        yield "a row of another organisation is changed"
    if found._raw_delete("default"):
        yield "a row of another organisation is deleted"
    if _refusal(lambda: everything.update(organisation_id=theirs)) != NO_RIGHT:
        yield "a row can be given to another organisation"


def _links(theirs: Rows) -> Iterator[str]:
    """A row of ours that refers to a row of theirs is refused by the key alone."""
    for field in (Position.company.field, Position.person.field, WorkflowStep.campaign.field):
        model, target = field.model, theirs[field.related_model]
        everything, column = model._default_manager.all(), field.attname

        def link(rows: Any = everything, column: str = column, target: Any = target) -> None:
            rows.update(**{column: target.pk})
            connection.check_constraints()

        if _refusal(link) != NO_PARENT:
            yield f"{place(model)}.{column} accepts a row of another organisation"


def missing_setting() -> Iterator[str]:
    """Without a valid organisation every statement on a tenant's table fails and says why."""
    for model in present_tenant_models():
        for statement in _statements(place(model)):
            for value in ("", "   "):
                yield from _not_refused(statement, value, NO_RIGHT, "app.organisation_id")
            yield from _not_refused(statement, "acme", NOT_A_UUID, "acme")


def _statements(table: str) -> tuple[str, ...]:
    # Each names a row that does not exist, so that nothing is locked where the policy is gone.
    return (
        f"SELECT FROM {table} WHERE id = '{NOBODY}'",  # noqa: S608
        f"INSERT INTO {table} (organisation_id) VALUES ('{NOBODY}')",  # noqa: S608
        f"UPDATE {table} SET id = id WHERE id = '{NOBODY}'",  # noqa: S608
        f"DELETE FROM {table} WHERE id = '{NOBODY}'",  # noqa: S608
    )


def _not_refused(statement: str, value: str, state: str, words: str) -> Iterator[str]:
    def touch() -> None:
        serve(value)
        with connection.cursor() as cursor:
            cursor.execute(statement)

    try:
        with transaction.atomic():
            touch()
            transaction.set_rollback(True)
        yield f"accepted with the setting {value!r}: {statement}"
    except DatabaseError as error:
        if _state(error) != state or words not in str(error):
            said = str(error).partition("\n")[0]  # a trigger's comes with its statement
            yield f"with the setting {value!r} {statement} says: {said}"


def _refusal(change: Callable[[], object]) -> str:
    """The SQLSTATE with which PostgreSQL refuses a change, or nothing; the change is undone."""
    try:
        with transaction.atomic():
            change()
            transaction.set_rollback(True)
        return ""
    except DatabaseError as error:
        return _state(error)


def _state(error: DatabaseError) -> str:
    return str(getattr(error.__cause__, "sqlstate", ""))
