"""Suppressions through the API: added, asked about, and never taken away or turned back."""

import pytest

from iam.models import Role
from outreach.models import Suppression
from outreach.services.suppressing import suppress_address, suppress_domain, suppression_of
from outreach.tests.making import fresh, make_due
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client, faults, machine_client, refusal
from prospectflow.testing.factories import NOON

SUPPRESSIONS = "/api/v1/suppressions/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def member(organisation):
    return api_client(Role.MEMBER, organisation)


def test_an_address_is_never_written_to_again_nor_shown(member, organisation):
    with tenant(organisation.pk):
        task = make_due()
        email = task.enrollment.position.email

    answer = member.post(SUPPRESSIONS, {"address": email.upper(), "source": "telephone"})

    assert answer.status_code == 201, answer.content
    told = {name: answer.json()[name] for name in ("kind", "domain", "reason", "source")}
    assert told == {"kind": "address", "domain": None, "reason": "by_hand", "source": "telephone"}
    assert email not in answer.text.lower()
    with tenant(organisation.pk):
        assert suppression_of(email).reason == "by_hand"
        assert fresh(task).enrollment.state == "unsubscribed"


def test_a_domain_is_suppressed_and_shown(member, organisation):
    answer = member.post(SUPPRESSIONS, {"domain": "Example.ORG", "reason": "objection"})

    assert (answer.status_code, answer.json()["domain"]) == (201, "example.org")
    with tenant(organisation.pk):
        assert suppression_of("anybody@example.org").reason == "objection"


def test_the_first_reason_stands(member):
    first = member.post(SUPPRESSIONS, {"address": "a@example.com", "reason": "objection"})
    again = member.post(SUPPRESSIONS, {"address": "A@example.com", "reason": "by_hand"})

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "address"),
        ({"address": "a@example.com", "domain": "example.com"}, "address"),
        ({"address": "example.com"}, "address"),
        ({"domain": "a@example.com"}, "domain"),
        ({"domain": "nowhere"}, "domain"),
        ({"address": "a b@example.com"}, "address"),
        ({"address": "a@" + "b" * 300 + ".com"}, "address"),
        ({"address": "a@example.com", "reason": "spite"}, "reason"),
        ({"address": "a@example.com", "address_hash": "0"}, "address_hash"),
        ({"address": "a\0@example.com"}, "address"),
    ],
)
def test_what_is_neither_address_nor_domain_is_refused(member, organisation, body, field):
    assert field in faults(member.post(SUPPRESSIONS, body))

    with tenant(organisation.pk):
        assert not Suppression.objects.exists()


def test_which_addresses_are_suppressed_is_told_as_they_were_sent(member, organisation):
    with tenant(organisation.pk):
        suppress_address("never@example.com", reason="by_hand", source="", at=NOON)
        suppress_domain("example.org", reason="by_hand", source="", at=NOON)
    addresses = ["Never@Example.com", "never@example.com", "ada@example.com", "x@EXAMPLE.org"]

    answer = member.post(f"{SUPPRESSIONS}check/", {"addresses": addresses})

    assert answer.json() == {
        "suppressed": ["Never@Example.com", "never@example.com", "x@EXAMPLE.org"]
    }


def test_a_list_that_no_key_opens_any_more_says_so(member, organisation, settings):
    with tenant(organisation.pk):
        suppress_address("never@example.com", reason="by_hand", source="", at=NOON)
    settings.TOKEN_KEYS = ["another key, as long as the first one was"]

    answer = member.post(f"{SUPPRESSIONS}check/", {"addresses": ["a@example.com"]})

    assert refusal(answer) == (409, "SUPPRESSIONS_UNREADABLE")


def test_another_organisations_list_says_nothing_here(member, other_organisation):
    with tenant(other_organisation.pk):
        suppress_address("never@example.com", reason="by_hand", source="", at=NOON)

    answer = member.post(f"{SUPPRESSIONS}check/", {"addresses": ["never@example.com"]})

    assert answer.json() == {"suppressed": []}


def test_nobody_takes_an_entry_away_or_changes_it(organisation):
    owner = api_client(Role.OWNER, organisation)
    page = f"{SUPPRESSIONS}{owner.post(SUPPRESSIONS, {'domain': 'a.example'}).json()['id']}/"

    for answer in (owner.delete(page), owner.patch(page, {"reason": "by_hand"}), owner.put(page)):
        assert refusal(answer) == (405, "METHOD_NOT_ALLOWED")


def test_a_viewer_asks_and_adds_nothing(organisation):
    viewer = api_client(Role.VIEWER, organisation)

    assert refusal(viewer.post(SUPPRESSIONS, {"domain": "a.example"})) == (403, "FORBIDDEN")
    asked = viewer.post(f"{SUPPRESSIONS}check/", {"addresses": ["a@example.com"]})
    assert asked.json() == {"suppressed": []}


def test_a_program_notes_a_no_as_well(organisation):
    machine = machine_client(Role.MEMBER, organisation)

    assert machine.post(SUPPRESSIONS, {"domain": "a.example"}).status_code == 201


def test_entries_are_narrowed_by_reason_and_domain(member):
    first = member.post(SUPPRESSIONS, {"domain": "a.example", "reason": "objection"}).json()
    member.post(SUPPRESSIONS, {"domain": "b.example"})

    for query in ({"reason": "objection"}, {"domain": "a.example"}):
        assert member.get(SUPPRESSIONS, query).json()["results"] == [first]
