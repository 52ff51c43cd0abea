"""The daily numbers through the API: listed, narrowed, added up, and never another's."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from iam.models import Role
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client, faults, refusal
from prospectflow.testing.factories import make_campaign, make_step
from tracking.models import DailyStats

STATISTICS = "/api/v1/statistics/"
NOTHING = dict.fromkeys(DailyStats.COUNTERS, 0)
pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer(organisation):
    return api_client(Role.VIEWER, organisation)


@pytest.fixture
def steps(organisation):
    """Two campaigns of one step each, with two days of numbers."""
    with tenant(organisation.pk):
        steps = [make_step(make_campaign()) for _ in range(2)]
        for number, step in enumerate(steps, start=1):
            for day in (1, 2):
                count(step, day, sent=10 * number, replied=day)
    return steps


def count(step, day: int, **numbers) -> DailyStats:
    return DailyStats.objects.create(
        campaign=step.campaign, workflow_step=step, day=date(2026, 11, day), **numbers
    )


def sent(answer) -> list[tuple[str, int]]:
    assert answer.status_code == 200, answer.content
    return [(each["day"], each["sent"]) for each in answer.json()["results"]]


def test_the_newest_day_comes_first(viewer, steps):
    answer = viewer.get(STATISTICS, {"campaign": str(steps[0].campaign_id)})

    assert sent(answer) == [("2026-11-02", 10), ("2026-11-01", 10)]
    assert answer.json()["results"][0]["workflow_step"] == str(steps[0].pk)


def test_both_ends_of_a_range_belong_to_it(viewer, steps):
    days = {"day__gte": "2026-11-02", "day__lte": "2026-11-02"}

    assert {day for day, _ in sent(viewer.get(STATISTICS, days))} == {"2026-11-02"}
    assert viewer.get(f"{STATISTICS}totals/", days).json()["totals"]["sent"] == 30


def test_totals_add_up_what_the_filters_leave(viewer, steps):
    everything = viewer.get(f"{STATISTICS}totals/").json()
    one = viewer.get(f"{STATISTICS}totals/", {"campaign": str(steps[1].campaign_id)}).json()

    assert everything == {"totals": NOTHING | {"sent": 60, "replied": 6}, "groups": []}
    assert one["totals"] == NOTHING | {"sent": 40, "replied": 3}


def test_totals_of_nothing_are_zero(viewer):
    assert viewer.get(f"{STATISTICS}totals/").json() == {"totals": NOTHING, "groups": []}


def test_totals_are_grouped_when_asked(viewer, steps):
    by_day = viewer.get(f"{STATISTICS}totals/", {"by": "day"}).json()["groups"]
    by_step = viewer.get(f"{STATISTICS}totals/", {"by": "workflow_step"}).json()["groups"]
    by_variant = viewer.get(f"{STATISTICS}totals/", {"by": "variant"}).json()["groups"]

    assert [(each["day"], each["sent"]) for each in by_day] == [
        ("2026-11-01", 30),
        ("2026-11-02", 30),
    ]
    assert {each["workflow_step"]: each["sent"] for each in by_step} == {
        str(steps[0].pk): 20,
        str(steps[1].pk): 40,
    }
    assert by_variant == [NOTHING | {"variant": None, "sent": 60, "replied": 6}]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"by": "organisation"}, "by"),
        ({"day__gte": "soon"}, "day__gte"),
        ({"campaign": "x"}, "campaign"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_its_name(viewer, query, field):
    assert field in faults(viewer.get(f"{STATISTICS}totals/", query))


def test_another_organisations_numbers_are_not_there(viewer, other_organisation):
    with tenant(other_organisation.pk):
        theirs = count(make_step(), 1, sent=5)

    assert sent(viewer.get(STATISTICS)) == []
    assert viewer.get(f"{STATISTICS}totals/").json()["totals"] == NOTHING
    assert refusal(viewer.get(f"{STATISTICS}{theirs.pk}/")) == (404, "NOT_FOUND")


def test_numbers_are_counted_by_machines_alone(organisation, steps):
    owner = api_client(Role.OWNER, organisation)

    assert refusal(owner.post(STATISTICS, {"sent": 1})) == (405, "METHOD_NOT_ALLOWED")


def test_a_list_costs_the_same_for_one_and_for_many(viewer, organisation):
    def cost(more: int) -> int:
        with tenant(organisation.pk):
            for _ in range(more):
                count(make_step(), 1)
        with CaptureQueriesContext(connection) as queries:
            sent(viewer.get(STATISTICS))
        return len(queries)

    assert cost(1) == cost(8)
