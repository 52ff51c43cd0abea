"""Which column means what, as it was said once: found again for the same header, and one's own."""

import pytest

from iam.models import Role
from outreach.models import ImportMapping
from outreach.tests.uploading import page, uploaded
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client, refusal

MAPPINGS = "/api/v1/import-mappings/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def member(organisation):
    return api_client(Role.MEMBER, organisation)


@pytest.fixture(autouse=True)
def _unhurried(settings):
    settings.RATES = settings.RATES | {"imports": settings.RATES["person"]}


def test_a_mapping_is_found_again_for_the_same_header_until_it_is_deleted(organisation):
    owner = api_client(Role.OWNER, organisation)
    lines = ["company_name,coordonnées", "Café,ada@bar.example.com"]
    first = uploaded(owner, *lines)
    owner.patch(page(first), {"column_mappings": {"coordonnées": "position.email"}})
    (kept,) = owner.get(MAPPINGS).json()["results"]

    again = uploaded(owner, "coordonnées,company_name", "b@bar.example.com,Bar")
    deleted = owner.delete(f"{MAPPINGS}{kept['id']}/")
    afterwards = uploaded(owner, *lines)

    assert kept["column_mappings"] == {
        "company_name": "company.name",
        "coordonnées": "position.email",
    }
    assert again["status"] == "mapped"
    assert (deleted.status_code, afterwards["status"]) == (204, "uploaded")


def test_mappings_are_ones_own(member, other_organisation):
    stranger = api_client(Role.OWNER, other_organisation)
    theirs = uploaded(stranger, "company_name,coordonnées", "Café,ada@bar.example.com")
    stranger.patch(page(theirs), {"column_mappings": {"coordonnées": "position.email"}})
    with tenant(other_organisation.pk):
        mapping = ImportMapping.objects.get()

    ours = uploaded(member, "company_name,coordonnées", "Café,ada@bar.example.com")

    assert ours["status"] == "uploaded"
    assert member.get(MAPPINGS).json()["results"] == []
    assert refusal(member.get(f"{MAPPINGS}{mapping.pk}/")) == (404, "NOT_FOUND")
