"""Nothing that an address says is passed over."""

import pytest

from crm.models import Company
from outreach.models import Campaign
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client, faults
from prospectflow.testing.factories import make_company

COMPANIES = "/api/v1/companies/"


@pytest.mark.django_db
def test_a_misspelt_filter_does_not_let_every_row_through():
    client = api_client()

    assert faults(client.get(f"{COMPANIES}?siern=732829320")) == {"siern": "unknown_field"}
    assert faults(client.get(f"{COMPANIES}export/?nope=1")) == {"nope": "unknown_field"}
    assert client.get(f"{COMPANIES}export/?search=Acme&sort=name").status_code == 200


@pytest.mark.django_db
def test_one_row_and_a_change_take_no_filters():
    client = api_client()
    with tenant(client.organisation.pk):
        company = make_company()

    for query in ("siren=1", "limit=5", "search=a", "format=csv"):
        name = query.partition("=")[0]
        assert faults(client.get(f"{COMPANIES}{company.pk}/?{query}")) == {name: "unknown_field"}
    assert faults(client.post(f"{COMPANIES}?fields=id", {"name": "A"})) == {
        "fields": "unknown_field"
    }
    with tenant(client.organisation.pk):
        assert Company.objects.count() == 1


@pytest.mark.django_db
def test_what_one_action_takes_its_neighbour_may_not():
    client = api_client()

    assert client.get("/api/v1/statistics/totals/?by=day").status_code == 200
    assert faults(client.get("/api/v1/statistics/?by=day")) == {"by": "unknown_field"}


@pytest.mark.django_db
def test_what_was_made_is_found_where_the_answer_says():
    client = api_client()

    made = client.post("/api/v1/campaigns/", {"name": "Spring"})

    with tenant(client.organisation.pk):
        campaign = Campaign.objects.get()
    assert made["Location"] == f"http://testserver/api/v1/campaigns/{campaign.pk}/"
    assert client.get(made["Location"]).json() == made.json()
