"""Which variant whom was given: read, narrowed, taken away, and never another's."""

import csv

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from iam.models import Role
from outreach.models import VariantAssignment
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client, faults, refusal
from prospectflow.testing.rows import make_assignment

ASSIGNMENTS = "/api/v1/variant-assignments/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer(organisation):
    return api_client(Role.VIEWER, organisation)


@pytest.fixture
def given(organisation) -> list[VariantAssignment]:
    with tenant(organisation.pk):
        return [make_assignment() for _ in range(3)]


def ids(answer) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


def test_the_newest_comes_first_and_names_all_that_it_joins(viewer, given):
    assert ids(viewer.get(ASSIGNMENTS)) == [str(row.pk) for row in reversed(given)]

    row, one = given[0], viewer.get(f"{ASSIGNMENTS}{given[0].pk}/").json()

    joined = ("campaign", "enrollment", "workflow_step", "step_experiment", "variant")
    assert {name: one[name] for name in joined} == {
        name: str(getattr(row, f"{name}_id")) for name in joined
    }
    assert one["variant_key"] == row.variant.key


@pytest.mark.parametrize("name", ["enrollment", "workflow_step", "step_experiment", "variant"])
def test_the_list_is_narrowed_by_each_of_them(viewer, given, name):
    wanted = str(getattr(given[1], f"{name}_id"))

    assert ids(viewer.get(ASSIGNMENTS, {name: wanted})) == [str(given[1].pk)]
    assert name in faults(viewer.get(ASSIGNMENTS, {name: "x"}))


def test_the_whole_list_is_taken_away_by_whoever_may(organisation, viewer, given):
    file = api_client(Role.ADMIN, organisation).get(f"{ASSIGNMENTS}export/").getvalue().decode()

    assert [row["id"] for row in csv.DictReader(file.splitlines())] == [
        str(row.pk) for row in reversed(given)
    ]
    assert refusal(viewer.get(f"{ASSIGNMENTS}export/")) == (403, "FORBIDDEN")


def test_what_was_given_is_given_for_good(organisation, given):
    owner = api_client(Role.OWNER, organisation)

    assert refusal(owner.post(ASSIGNMENTS, {})) == (405, "METHOD_NOT_ALLOWED")
    assert refusal(owner.delete(f"{ASSIGNMENTS}{given[0].pk}/")) == (405, "METHOD_NOT_ALLOWED")


def test_another_organisations_assignments_are_not_there(viewer, other_organisation):
    with tenant(other_organisation.pk):
        theirs = make_assignment()

    assert ids(viewer.get(ASSIGNMENTS)) == []
    assert ids(viewer.get(ASSIGNMENTS, {"variant": str(theirs.variant_id)})) == []
    assert refusal(viewer.get(f"{ASSIGNMENTS}{theirs.pk}/")) == (404, "NOT_FOUND")


def test_a_list_costs_the_same_for_one_and_for_many(viewer, organisation):
    def cost(more: int) -> int:
        with tenant(organisation.pk):
            for _ in range(more):
                make_assignment()
        with CaptureQueriesContext(connection) as queries:
            ids(viewer.get(ASSIGNMENTS))
        return len(queries)

    assert cost(1) == cost(8)
