"""Paging shows each row exactly once, in any order, whatever happens meanwhile."""

import re

import pytest
from django.core import signing
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.request import Request

from crm.models import Company
from prospectflow.api.pagination import SALT, KeysetPagination, Order
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client, faults
from prospectflow.testing.factories import make_company

COMPANIES = "/api/v1/companies/"


class View:
    sortable = {"name": "name", "created_at": "id", "updated_at": "updated_at"}
    default_sort = "-created_at"


def page(address: str) -> tuple[list[str], str | None, str | None]:
    paginator = KeysetPagination()
    request = Request(RequestFactory().get(address))
    rows = paginator.paginate_queryset(Company.objects.all(), request, View())
    answer = paginator.get_paginated_response([str(row.pk) for row in rows]).data
    return answer["results"], answer["next"], answer["previous"]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    names=st.lists(st.sampled_from(["Abc", "abc", "É", "Zoo"]), max_size=9),
    limit=st.integers(1, 4),
    sort=st.sampled_from(["name", "-name", "created_at", "-created_at", "updated_at"]),
)
def test_paging_there_and_back_shows_each_row_once(inside, names, limit, sort):
    Company.objects.all().delete()
    Company.objects.bulk_create(Company(name=name) for name in names)

    pages, link = [], f"/?sort={sort}&limit={limit}"
    while link:
        rows, link, back = page(link)
        pages.append(rows)
    returned = [pages[-1]]
    while back:
        rows, _, back = page(back)
        returned.insert(0, rows)

    column = "id" if "created_at" in sort else sort.strip("-")
    sign = "-" if sort.startswith("-") else ""
    wanted = Company.objects.order_by(f"{sign}{column}", f"{sign}id")
    assert sum(pages, []) == [str(row.pk) for row in wanted]
    assert sum(returned, []) == sum(pages, [])
    assert all(len(rows) <= limit for rows in pages)


def test_rows_that_come_and_go_meanwhile_move_no_other(inside):
    b, c, e, _ = (make_company(name=name) for name in "bcef")
    gone = str(c.pk)
    first, link, _ = page("/?sort=name&limit=2")

    make_company(name="a")
    d = make_company(name="d")
    c.delete()
    second, _, back = page(link)
    again, _, _ = page(back)

    assert first == [str(b.pk), gone]
    assert second == [str(d.pk), str(e.pk)]
    assert again[-1] == str(b.pk)


def test_whoever_stands_behind_the_last_row_finds_the_way_back(inside):
    kept, gone = make_company(name="a"), make_company(name="b")
    _, link, _ = page("/?sort=name&limit=1")
    gone.delete()

    rows, following, back = page(link)

    assert (rows, following) == ([], None)
    assert page(back)[0] == [str(kept.pk)]


def test_a_cursor_leads_by_one_range_of_an_index(inside):
    make_company(name="a")
    make_company(name="b")
    _, link, _ = page("/?sort=name&limit=1")

    with CaptureQueriesContext(connection) as queries:
        page(link)

    (query,) = queries
    assert '("companies"."name", "companies"."id") > (' in query["sql"]


@pytest.mark.django_db
def test_bad_parameters_are_refused_by_name():
    client = api_client()
    with tenant(client.organisation.pk):
        make_company(name="a")
        make_company(name="b")
    cursor = client.get(COMPANIES, {"limit": "1"}).json()["next"].partition("cursor=")[2]

    def fault(**parameters):
        return faults(client.get(COMPANIES, parameters))

    for limit in ("0", "101", "-1", "two", "1.5", "²", "9" * 5000):
        assert fault(limit=limit) == {"limit": "invalid"}
    for forged in ("", "x", cursor[:-1] + ("A" if cursor[-1] != "A" else "B"), cursor[4:]):
        assert fault(cursor=forged) == {"cursor": "invalid"}
    assert fault(cursor=cursor, sort="created_at") == {"cursor": "invalid"}
    assert fault(sort="salary") == {"sort": "invalid"}


@pytest.mark.django_db
@pytest.mark.parametrize("place", [["no-uuid"], [], ["a", "b"]])
def test_a_cursor_of_another_list_is_refused(place):
    foreign = signing.dumps(["-created_at", place, False], salt=SALT)

    assert faults(api_client().get(COMPANIES, {"cursor": foreign})) == {"cursor": "invalid"}


@pytest.mark.django_db
def test_a_page_costs_the_same_for_one_row_and_for_many():
    client = api_client()

    def cost(more: int) -> int:
        with tenant(client.organisation.pk):
            for _ in range(more):
                make_company()
        with CaptureQueriesContext(connection) as queries:
            client.get(COMPANIES)
        return len(queries)

    assert cost(1) == cost(9)


def test_below_the_policy_a_page_is_read_from_where_it_begins(inside):
    Company.objects.bulk_create(Company(name=f"n{number:05}") for number in range(3_000))
    with connection.cursor() as cursor:  # what it may do at all, whatever the statistics say
        for way in ("sort", "seqscan", "bitmapscan"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
    order = Order("name", "name")
    row = Company.objects.get(name="n02500")

    plan = order.of(order.beyond(Company.objects.all(), order.place_of(row)))[:26].explain()

    assert "companies_name on companies" in plan
    assert re.search(r"ROW\(.*name.*, id\) > ROW\(", plan.split("Index Cond:")[1].splitlines()[0])
    assert "Sort" not in plan
