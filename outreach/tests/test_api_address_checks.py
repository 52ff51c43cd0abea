"""Checking all addresses through the API: asked for, done by a worker, read."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from crm.tests.name_server import NameServer
from iam.models import Membership, Role
from outreach.models import AddressCheck
from outreach.services.verifying import start_check
from outreach.tasks import verify_addresses
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client, machine_client, refusal
from prospectflow.testing.factories import NOON, make_position

CHECKS = "/api/v1/address-checks/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def member(organisation):
    return api_client(Role.MEMBER, organisation)


def jobs() -> list[tuple[str, str, dict[str, Any]]]:
    return list(ProcrastinateJob.objects.values_list("task_name", "queue_name", "args"))


def test_a_check_is_begun_and_left_to_a_worker(member, organisation):
    answer = member.post(CHECKS)

    begun = answer.json()
    assert (answer.status_code, begun["finished_at"]) == (202, None)
    assert answer.headers["Location"].endswith(f"{CHECKS}{begun['id']}/")
    assert member.get(answer.headers["Location"]).json() == begun
    told = {"organisation_id": str(organisation.pk), "check_id": begun["id"]}
    assert jobs() == [("outreach.verify_addresses", "verification", told)]
    with tenant(organisation.pk):
        asked_by = Membership.objects.get(role=Role.MEMBER).user_id
    assert begun["asked_by"] == str(asked_by)


def test_what_the_worker_finds_is_read(member, organisation, settings):
    with tenant(organisation.pk):
        make_position(email="a@good.example", email_is_role=True)
        make_position(email="a@nowhere.example")
    begun = member.post(CHECKS).json()

    with NameServer() as server:
        server.domains["good.example"] = {"MX": ["10 mx.example."]}
        server.resolver(settings)
        verify_addresses(organisation.pk, UUID(begun["id"]), stopping=lambda: False)

    read = member.get(f"{CHECKS}{begun['id']}/").json()
    assert read["finished_at"]
    assert {name: count for name, count in read["report"].items() if count} == {
        "syntax": 2,
        "accepts": 1,
        "refuses": 1,
        "role": 1,
        "domains_asked": 2,
        "made_invalid": 1,
    }


def test_asked_again_before_it_has_finished_the_same_check_goes_on(member, organisation):
    with tenant(organisation.pk):
        left_behind = start_check(at=NOON - timedelta(days=3))

    first, again = member.post(CHECKS).json(), member.post(CHECKS).json()

    assert first["id"] == again["id"] == str(left_behind.pk)
    assert len(jobs()) == 1


def test_the_newest_check_is_listed_first(member, organisation):
    with tenant(organisation.pk):
        for days in (3, 1):
            at = NOON - timedelta(days=days)
            AddressCheck.objects.create(asked_at=at, finished_at=at)
    newest = member.post(CHECKS).json()["id"]

    listed = [each["id"] for each in member.get(CHECKS).json()["results"]]

    assert (listed[0], len(listed)) == (newest, 3)


def test_a_program_may_have_addresses_checked(organisation):
    answer = machine_client(Role.MEMBER, organisation).post(CHECKS)

    assert (answer.status_code, answer.json()["asked_by"]) == (202, None)


def test_a_viewer_reads_checks_and_begins_none(organisation, member):
    begun = member.post(CHECKS).json()
    viewer = api_client(Role.VIEWER, organisation)

    assert viewer.get(f"{CHECKS}{begun['id']}/").status_code == 200
    assert refusal(viewer.post(CHECKS)) == (403, "FORBIDDEN")


def test_another_organisations_check_is_not_there(member, other_organisation):
    theirs = api_client(Role.OWNER, other_organisation).post(CHECKS).json()

    assert refusal(member.get(f"{CHECKS}{theirs['id']}/")) == (404, "NOT_FOUND")
    assert member.get(CHECKS).json()["results"] == []
    assert member.post(CHECKS).json()["id"] != theirs["id"]
