"""GET /campaigns/{id}/simulation/: what the command says, for programs."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from outreach.api import simulation
from outreach.models import Campaign, Enrollment
from outreach.services.campaigns import enroll, start
from outreach.tests.making import make_open_campaign
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client, faults, refusal
from prospectflow.testing.factories import make_position, make_step


def make_full(people: int) -> Campaign:
    """A campaign of two steps that has just started, with so many people in it."""
    campaign = make_open_campaign(status="draft")
    make_step(campaign)
    make_step(campaign, delay_days=4)
    enroll(campaign, [make_position() for _ in range(people)], at=timezone.now())
    return start(campaign, at=timezone.now())


@pytest.fixture
def viewer(db):
    return api_client("viewer")


@pytest.fixture
def campaign(viewer):
    with tenant(viewer.organisation.pk):
        return make_full(3)


def asked(client, campaign, **query):
    return client.get(f"/api/v1/campaigns/{campaign.pk}/simulation/", query)


def test_it_says_what_leaves_by_day_mailbox_and_step(viewer, campaign):
    told = asked(viewer, campaign).json()

    assert (told["people"], told["mails"], told["waiting"]) == (3, 6, 0)
    assert told["by_step"] == {"1": 3, "2": 3}
    assert sum(told["by_day"].values()) == sum(told["by_mailbox"].values()) == 6
    assert told["ends_at"].endswith("Z")
    assert told["against_actual"]["days"] == []


def test_its_options_are_the_commands(viewer, campaign):
    with tenant(viewer.organisation.pk):
        make_position()

    told = asked(viewer, campaign, days=30, reply_rate=1, seed=4, everyone="true").json()

    assert (told["days"], told["reply_rate"], told["seed"]) == (30, 1.0, 4)
    assert (told["people"], told["by_step"]["1"]) == (4, 4)
    with tenant(viewer.organisation.pk):
        assert Enrollment.objects.filter(campaign=campaign).count() == 3


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"days": "0"}, "min_value"),
        ({"days": "many"}, "invalid"),
        ({"reply_rate": "1.5"}, "max_value"),
        ({"seed": "-1"}, "min_value"),
        ({"everyone": "perhaps"}, "invalid"),
        ({"speed": "9"}, "unknown_field"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_name(viewer, campaign, query, code):
    (name,) = query

    assert faults(asked(viewer, campaign, **query)) == {name: code}


def test_too_many_mails_are_refused(viewer, campaign, monkeypatch):
    monkeypatch.setattr(simulation, "MOST", 2)

    assert refusal(asked(viewer, campaign)) == (409, "TOO_MANY_TO_SIMULATE")


def test_it_costs_the_same_for_few_and_for_many(viewer):
    def cost(people: int) -> int:
        with tenant(viewer.organisation.pk):
            Campaign.objects.update(status="paused")
            campaign = make_full(people)
        with CaptureQueriesContext(connection) as queries:
            asked(viewer, campaign)
        return len(queries)

    assert cost(2) == cost(11)
