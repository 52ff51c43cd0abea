"""Every list of the organisation shows its own rows, at one price."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from iam.tests.api.asking import (
    API,
    LISTS,
    results,
)
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import faults, refusal

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", LISTS)
def test_a_list_costs_the_same_for_one_and_for_ten(owner, name):
    def cost(more: int) -> int:
        with tenant(owner.organisation.pk):
            for _ in range(more):
                LISTS[name]()
        with CaptureQueriesContext(connection) as queries:
            assert len(results(owner.get(f"{API}{name}/"))) >= more
        return len(queries)

    assert cost(1) == cost(9)


@pytest.mark.parametrize("name", LISTS)
def test_a_row_of_another_organisation_is_not_there(owner, other_organisation, name):
    with tenant(other_organisation.pk):
        row = LISTS[name]()

    assert refusal(owner.get(f"{API}{name}/{row.pk}/")) == (404, "NOT_FOUND")
    assert str(row.pk) not in owner.get(f"{API}{name}/").content.decode()


@pytest.mark.parametrize("name", LISTS)
def test_an_id_that_is_no_uuid_is_named(owner, name):
    assert faults(owner.get(f"{API}{name}/seven/")) == {"id": "invalid"}
