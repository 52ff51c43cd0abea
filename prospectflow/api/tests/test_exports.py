"""A whole list leaves as a stream, and a stream that broke off says so."""

import csv
import io
import json
from unittest.mock import patch

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.models import Company
from iam.models import AuditEvent
from prospectflow import exporting
from prospectflow.api import exports
from prospectflow.api_urls import router
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client, faults, machine_client, refusal
from prospectflow.testing.factories import make_company, make_organisation
from prospectflow.testing.rows import make_row

EXPORT = "/api/v1/companies/export/"
EXPORTS = {path: view for path, view, _ in router.registry if issubclass(view, exports.Exported)}
pytestmark = pytest.mark.django_db


@pytest.fixture
def acme():
    acme = make_organisation()
    with tenant(acme.pk):
        for name in ("Zoo", "Abc", "=1+1"):
            make_company(name=name, siren=None)
    with tenant(make_organisation().pk):
        make_company(name="Foreign")
    return acme


def text(answer) -> str:
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content).decode()


def rows(answer) -> list[dict]:
    return [json.loads(line) for line in text(answer).splitlines()]


def test_every_row_leaves_in_the_order_of_the_list(acme, monkeypatch):
    monkeypatch.setattr(exports, "ROWS_AT_ONCE", 2)
    client = api_client("member", acme)

    listed = client.get("/api/v1/companies/?sort=name").json()["results"]
    exported = rows(client.get(EXPORT, {"format": "ndjson", "sort": "name"}))

    assert [row["name"] for row in exported] == ["=1+1", "Abc", "Zoo"]
    assert [row["id"] for row in exported] == [row["id"] for row in listed]


@pytest.mark.parametrize("path", EXPORTS)
def test_each_list_leaves_whole_in_both_forms_and_with_the_same_columns(acme, path):
    client = api_client("owner", acme)
    with tenant(acme.pk):
        make_row(EXPORTS[path].queryset.model)

    objects = rows(client.get(f"/api/v1/{path}/export/", {"format": "ndjson"}))
    lines = list(csv.DictReader(io.StringIO(text(client.get(f"/api/v1/{path}/export/")))))

    assert objects != []
    assert [list(line) for line in lines][0] == list(objects[0])
    assert {row["id"] for row in objects} <= {line["id"] for line in lines}


def test_csv_has_a_header_and_no_formulas(acme):
    answer = machine_client("member", acme).get(EXPORT, {"fields": "name,siren", "sort": "name"})

    assert list(csv.reader(io.StringIO(text(answer)))) == [
        ["name", "siren"],
        ["'=1+1", ""],
        ["Abc", ""],
        ["Zoo", ""],
    ]
    assert answer["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert answer["Content-Disposition"].startswith('attachment; filename="companies-20')


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("-1", "'-1"),
        ("@x", "'@x"),
        ("\tx", "'\tx"),
        ("plain", "plain"),
        (-1, -1),
        (True, "true"),
        (None, ""),
        ({"é": 1}, '{"é": 1}'),
    ],
)
def test_cells(value, cell):
    assert exporting.cell(value) == cell


def test_filters_and_the_accepted_format_are_heeded(acme):
    with tenant(acme.pk):
        wanted = make_company(name="Wanted", siren="732829320")

    answer = api_client("member", acme).get(
        EXPORT, {"siren": "732829320"}, headers={"Accept": "application/x-ndjson"}
    )

    assert [row["id"] for row in rows(answer)] == [str(wanted.pk)]


def test_an_export_stands_in_the_trail(acme):
    client = api_client("member", acme)

    text(client.get(EXPORT, {"siren": "732829320"}))

    with tenant(acme.pk):
        event = AuditEvent.objects.get(action="exported")
    assert event.description == "companies as csv: siren=732829320"
    assert event.user is not None


def test_a_stream_that_breaks_off_says_so_in_its_last_line(acme, monkeypatch):
    monkeypatch.setattr(exports, "ROWS_AT_ONCE", 1)
    monkeypatch.setattr(exporting, "LINES_AT_ONCE", 1)
    client = api_client("member", acme)
    broken = [tenant(acme.pk), RuntimeError("secret")]

    for kind in ("csv", "ndjson"):
        answer = client.get(EXPORT, {"format": kind})
        with patch("prospectflow.tenancy.replica.tenant", side_effect=broken):
            *before, last = text(answer).splitlines()
        assert len(before) == (2 if kind == "csv" else 1)
        assert "EXPORT_INCOMPLETE" in last
        assert "secret" not in last
        broken = [tenant(acme.pk), RuntimeError("secret")]


def test_who_may_not_and_what_is_no_format(acme):
    assert refusal(api_client("viewer", acme).get(EXPORT)) == (403, "FORBIDDEN")
    assert faults(api_client("member", acme).get(EXPORT, {"format": "xlsx"})) == {
        "format": "invalid"
    }
    assert faults(api_client("member", acme).get(EXPORT, {"sort": "salary"})) == {"sort": "invalid"}


def test_a_thousand_rows_cost_the_queries_of_one(acme):
    client = api_client("member", acme)

    def cost(more: int) -> int:
        with tenant(acme.pk):
            Company.objects.bulk_create(Company(name=f"n{number}") for number in range(more))
        answer = client.get(EXPORT)
        with CaptureQueriesContext(connection) as queries:
            text(answer)
        return len(queries)

    assert cost(1) == cost(90)
