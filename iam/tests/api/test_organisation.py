"""The organisation by the API."""

import pytest

from iam.tests.api.asking import (
    OWN,
)
from prospectflow.testing.api import faults, refusal

pytestmark = pytest.mark.django_db


def test_leaders_change_the_organisation_and_members_read_it(admin, member):
    answer = admin.patch(OWN, {"name": "Acme Nord", "time_zone": " Europe/Brussels"})

    assert answer.status_code == 200, answer.content
    assert refusal(member.patch(OWN, {"name": "Mine"})) == (403, "FORBIDDEN")
    told = member.get(OWN).json()
    assert (told["name"], told["time_zone"]) == ("Acme Nord", "Europe/Brussels")
    assert told["updated_at"] == answer.json()["updated_at"]


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("time_zone", "Europe/Lutetia", "unknown"),
        ("siren", "12", "invalid"),
        ("country", "FRA", "invalid"),
        ("country", "fr", "invalid"),
        ("slug", "mine", "read_only"),
        ("name", "", "blank"),
        ("owner", "me", "unknown_field"),
    ],
)
def test_a_bad_value_of_the_organisation_is_named(admin, field, value, code):
    assert faults(admin.patch(OWN, {field: value})) == {field: code}
