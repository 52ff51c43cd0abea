"""Programs by the API."""

import pytest

from iam.models import ServiceAccount
from iam.tests.api.asking import (
    API,
    OWN,
    made,
    results,
)
from prospectflow.testing.api import JSON, faults, machine_client, refusal
from prospectflow.testing.rows import make_row

pytestmark = pytest.mark.django_db


def test_only_a_visiting_operator_ties_a_program_to_the_organisation(operator, admin):
    body = {"name": "Robot", "client_id": "robot", "role": "viewer"}

    refused = admin.post(f"{API}service-accounts/", body)
    answer = operator.post(f"{API}service-accounts/", body, JSON)
    again = operator.post(f"{API}service-accounts/", body, JSON)

    assert refusal(refused) == (403, "FORBIDDEN")
    assert answer.status_code == 201, answer.content
    assert refusal(again) == (409, "CLIENT_ID_TAKEN")
    assert [each["client_id"] for each in results(admin.get(f"{API}service-accounts/"))] == [
        "robot"
    ]


def test_an_admin_renames_a_program_and_shuts_it_out(admin):
    robot = machine_client(organisation=admin.organisation)
    (account,) = results(admin.get(f"{API}service-accounts/"))
    page = f"{API}service-accounts/{account['id']}/"

    renamed = admin.patch(page, {"name": "Reader", "role": "viewer"})
    shut = admin.post(f"{page}disable/")

    assert (renamed.json()["name"], renamed.json()["role"]) == ("Reader", "viewer")
    assert shut.json()["status"] == "disabled"
    assert refusal(robot.get(OWN)) == (403, "ACCOUNT_DISABLED")
    assert admin.post(f"{page}activate/").json()["status"] == "active"


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"role": "owner"}, "role", "invalid_choice"),
        ({"name": " "}, "name", "blank"),
        ({"client_id": "other"}, "client_id", "read_only"),
    ],
)
def test_a_bad_change_of_a_program_is_named(admin, body, field, code):
    account = made(admin, lambda: make_row(ServiceAccount))

    assert faults(admin.patch(f"{API}service-accounts/{account.pk}/", body)) == {field: code}
