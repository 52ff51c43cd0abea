"""The only door: what it lets in, and what it keeps out."""

from uuid import uuid4

import psycopg
import pytest
from django.db import DatabaseError, connection

from crm.models import Company
from prospectflow.tenancy import context
from prospectflow.tenancy.context import tenant
from prospectflow.testing import planted
from prospectflow.testing.factories import (
    make_company,
    make_organisation,
    make_position,
    make_task,
)

pytestmark = pytest.mark.usefixtures("pooled")


def test_a_row_made_inside_belongs_to_the_organisation(inside):
    assert make_company().organisation_id == inside.pk


def test_the_other_organisation_sees_nothing_of_it(organisation, other_organisation):
    with tenant(organisation.pk):
        make_position()
    with tenant(other_organisation.pk):
        assert Company.objects.count() == 0


@pytest.mark.parametrize("state", ["unset", "", "  "])
def test_outside_a_scope_every_touch_names_the_setting(db, state):
    if state != "unset":
        connection.cursor().execute("SELECT set_config('app.organisation_id', %s, true)", [state])

    with pytest.raises(DatabaseError, match="app.organisation_id is not set") as refusal:
        Company.objects.exists()

    assert refusal.value.__cause__.sqlstate == "42501"


def test_a_value_that_is_no_uuid_is_an_error(db):
    connection.cursor().execute("SELECT set_config('app.organisation_id', 'acme', true)")

    with pytest.raises(DatabaseError, match="invalid input syntax for type uuid"):
        Company.objects.exists()


@pytest.mark.parametrize("name", ["acme", None, "", 7, "01a207bf-44a8-7dd3-9bc5-27f6e77c03c1"])
def test_an_organisation_is_named_by_a_uuid_and_nothing_else(db, name):
    with pytest.raises(TypeError, match="named by its UUID"), tenant(name):
        pass


def test_scopes_are_not_nested(committed):
    with tenant(uuid4()), pytest.raises(RuntimeError), tenant(uuid4()):
        pass


def test_after_a_scope_the_organisation_is_gone(organisation):
    with tenant(organisation.pk):
        pass

    with pytest.raises(DatabaseError, match="app.organisation_id is not set"):
        Company.objects.exists()


def test_an_error_inside_rolls_back_and_leaves_no_scope_open(organisation):
    def fail_half_way():
        with tenant(organisation.pk):
            make_company()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()

    with tenant(organisation.pk):
        assert Company.objects.count() == 0


def test_joins_stay_in_the_organisation(inside):
    make_task()
    from outreach.models import Task

    query = str(Task.objects.select_related("enrollment__position__company").query)

    assert query.count('"organisation_id" = ') == 3


# Behind a pooler ------------------------------------------------------------------------------


def test_clients_share_a_session_and_nothing_that_was_set_in_it(pooled, committed):
    organisation = make_organisation()
    look = "SELECT pg_backend_pid(), current_setting('app.organisation_id', true)"
    connection.close()
    with psycopg.connect(pooled.url) as one, one.transaction():
        one.execute("SELECT set_config('app.organisation_id', %s, true)", [str(organisation.pk)])
        session, served = one.execute(look).fetchone()
    with psycopg.connect(pooled.url) as other:
        again, left = other.execute(look).fetchone()

    assert served == str(organisation.pk)
    assert (again, left) == (session, "")


def test_a_build_that_sets_it_for_the_session_fails_here(committed, monkeypatch):
    organisation = make_organisation()
    monkeypatch.setattr(context, *planted.MISTAKES["session"])

    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        test_after_a_scope_the_organisation_is_gone(organisation)

    connection.cursor().execute("RESET app.organisation_id")
