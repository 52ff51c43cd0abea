"""The audit trail by the API."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from iam.models import AuditEvent
from iam.tests.api.asking import (
    API,
    LISTS,
    made,
    page_of,
    results,
)
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import faults, refusal
from prospectflow.testing.factories import NOON

pytestmark = pytest.mark.django_db


def test_an_operators_visit_is_seen_by_the_leaders(operator, admin, member):
    (entry,) = results(admin.get(f"{API}operator-entries/"))

    assert entry["reason"] == "help"
    assert "@" in entry["operator"]
    assert refusal(member.get(f"{API}operator-entries/")) == (403, "FORBIDDEN")


def test_the_trail_tells_who_changed_what_from_which_request(admin, member):
    answer = admin.patch(page_of(member), {"role": "viewer"})
    request = answer.headers["X-Request-ID"]

    (listed,) = results(admin.get(f"{API}audit-events/?request_id={request}"))
    event = admin.get(f"{API}audit-events/{listed['id']}/").json()

    assert "changes" not in listed
    assert (event["action"], event["object_type"]) == ("changed", "iam.membership")
    assert event["changes"]["role"] == ["member", "viewer"]
    assert event["actor"]


def test_the_trail_is_narrowed_by_time_and_object(admin):
    with tenant(admin.organisation.pk):
        AuditEvent.objects.create(at=NOON, action="changed", object_type="x.y", object_id="7")
        AuditEvent.objects.create(at=NOON + timedelta(days=1), action="added", object_type="x.y")

    def actions(query):
        return [each["action"] for each in results(admin.get(f"{API}audit-events/?{query}"))]

    assert actions("object_type=x.y") == ["added", "changed"]
    assert actions("object_type=x.y&object_id=7") == ["changed"]
    assert actions("object_type=x.y&at__lt=2026-11-25T00:00:00Z") == ["changed"]
    assert actions("object_type=x.y&at__gte=2026-11-25T00:00:00Z&action=changed") == []
    assert actions(f"object_type=x.y&user={uuid4()}") == []
    assert faults(admin.get(f"{API}audit-events/?at__gte=noon")) == {"at__gte": "invalid"}


def test_the_trail_is_taken_away_with_its_changes(admin, member):
    admin.patch(page_of(member), {"role": "viewer"})

    rows = admin.get(f"{API}audit-events/export/?format=ndjson").getvalue().splitlines()

    assert ["member", "viewer"] in [json.loads(row)["changes"].get("role") for row in rows]
    assert refusal(member.get(f"{API}audit-events/export/")) == (403, "FORBIDDEN")


def test_exporting_the_trail_costs_the_same_for_one_and_for_ten(owner):
    def cost(more: int) -> int:
        with tenant(owner.organisation.pk):
            for _ in range(more):
                LISTS["audit-events"]()
        with CaptureQueriesContext(connection) as queries:
            assert owner.get(f"{API}audit-events/export/").getvalue().count(b"\n") > more
        return len(queries)

    assert cost(1) == cost(9)


@pytest.mark.parametrize("method", ["patch", "delete", "put"])
def test_nobody_changes_the_trail(owner, method):
    event = made(owner, LISTS["audit-events"])

    answer = getattr(owner, method)(f"{API}audit-events/{event.pk}/", {})

    assert refusal(answer) == (405, "METHOD_NOT_ALLOWED")
