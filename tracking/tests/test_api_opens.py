"""Opens and pixels through the API: read, narrowed, and never a token or another's row."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from iam.models import Role
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client, faults, refusal
from prospectflow.testing.factories import NOON
from prospectflow.testing.rows import make_row
from tracking.models import OpenStats, Pixel

OPENS, PIXELS = "/api/v1/opens/", "/api/v1/pixels/"
LISTS = {OPENS: OpenStats, PIXELS: Pixel}
every_list = pytest.mark.parametrize(("address", "model"), LISTS.items())
pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer(organisation):
    return api_client(Role.VIEWER, organisation)


def ids(answer) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


@every_list
def test_the_newest_comes_first_and_is_found_by_its_mail(viewer, organisation, address, model):
    with tenant(organisation.pk):
        first, second = make_row(model), make_row(model)

    assert ids(viewer.get(address)) == [str(second.pk), str(first.pk)]
    assert ids(viewer.get(address, {"message": str(first.message_id)})) == [str(first.pk)]
    assert "message" in faults(viewer.get(address, {"message": "x"}))


def test_opens_are_told_by_humans_and_machines_and_narrowed_by_the_last(viewer, organisation):
    with tenant(organisation.pk):
        seen = {"total_opens": 5, "unique_opens": 2, "machine_opens": 1, "last_open_at": NOON}
        opened = make_row(OpenStats, **seen)
        make_row(OpenStats)

    one = viewer.get(f"{OPENS}{opened.pk}/").json()
    since = {"last_open_at__gte": NOON.isoformat()}
    later = {"last_open_at__gte": (NOON + timedelta(seconds=1)).isoformat()}

    assert (one["total_opens"], one["unique_opens"], one["machine_opens"]) == (5, 2, 1)
    assert ids(viewer.get(OPENS, since)) == [str(opened.pk)]
    assert ids(viewer.get(OPENS, later)) == []
    assert "last_open_at__lte" in faults(viewer.get(OPENS, {"last_open_at__lte": "soon"}))


def test_what_a_pixels_address_holds_is_told_to_nobody(organisation):
    owner = api_client(Role.OWNER, organisation)
    with tenant(organisation.pk):
        pixel = make_row(Pixel)

    for address in (PIXELS, f"{PIXELS}{pixel.pk}/"):
        answer = owner.get(address)
        assert "digest" not in answer.content.decode()
        assert bytes(pixel.token_digest).hex() not in answer.content.decode()
    assert "fields" in faults(owner.get(PIXELS, {"fields": "token_digest"}))
    assert refusal(owner.get(f"{PIXELS}export/"))[0] in (400, 404)


def test_opens_are_taken_away_whole_by_whoever_may(viewer, organisation):
    with tenant(organisation.pk):
        rows = [make_row(OpenStats), make_row(OpenStats)]

    admin = api_client(Role.ADMIN, organisation)
    lines = admin.get(f"{OPENS}export/", {"format": "ndjson"}).getvalue().decode().splitlines()

    assert {json.loads(line)["id"] for line in lines} == {str(row.pk) for row in rows}
    assert refusal(viewer.get(f"{OPENS}export/")) == (403, "FORBIDDEN")


@every_list
def test_another_organisations_rows_are_not_there(viewer, other_organisation, address, model):
    with tenant(other_organisation.pk):
        theirs = make_row(model)

    assert ids(viewer.get(address)) == []
    assert ids(viewer.get(address, {"message": str(theirs.message_id)})) == []
    assert refusal(viewer.get(f"{address}{theirs.pk}/")) == (404, "NOT_FOUND")


@every_list
def test_nobody_writes_what_is_only_counted(organisation, address, model):
    owner = api_client(Role.OWNER, organisation)

    assert refusal(owner.post(address, {})) == (405, "METHOD_NOT_ALLOWED")


@every_list
def test_a_list_costs_the_same_for_one_and_for_many(viewer, organisation, address, model):
    def cost(more: int) -> int:
        with tenant(organisation.pk):
            for _ in range(more):
                make_row(model)
        with CaptureQueriesContext(connection) as queries:
            ids(viewer.get(address))
        return len(queries)

    assert cost(1) == cost(8)
