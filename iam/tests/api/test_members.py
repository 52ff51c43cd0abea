"""Members and invitations by the API."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from iam.models import Role
from iam.services import invite
from iam.tests.api.asking import (
    API,
    OWN,
    made,
    make_invitation,
    page_of,
    results,
)
from prospectflow.testing.api import faults, refusal
from prospectflow.testing.factories import make_user

pytestmark = pytest.mark.django_db


# Members ---------------------------------------------------------------------------------------
def test_of_an_invited_person_only_the_address_is_told(member):
    known = make_user(email="ines@example.com", first_name="Inès", last_name="Moreau")
    made(member, lambda: invite(known.email, Role.MEMBER, at=timezone.now()))

    (told,) = results(member.get(f"{API}memberships/?status=invited"))

    assert (told["email"], told["name"], told["user"]) == (known.email, known.email, None)


def test_an_admin_gives_roles_and_a_member_does_not(admin, member):
    page = page_of(member)

    assert refusal(member.patch(page, {"role": "admin"})) == (403, "FORBIDDEN")
    answer = admin.patch(page, {"role": "viewer"})

    assert answer.status_code == 200, answer.content
    assert answer.json()["role"] == "viewer"
    assert refusal(member.post(f"{API}companies/", {"name": "X"})) == (403, "FORBIDDEN")


@pytest.mark.parametrize("change", ["role", "disable"])
def test_the_owner_stays(owner, admin, change):
    page = page_of(owner)

    if change == "role":
        answer = admin.patch(page, {"role": "member"})
    else:
        answer = admin.post(f"{page}disable/")

    assert refusal(answer) == (409, "OWNER_STAYS")


def test_nobody_becomes_a_second_owner(owner, admin):
    page = page_of(admin)

    assert refusal(owner.patch(page, {"role": "owner"})) == (409, "OWNER_STAYS")


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"role": "king"}, "role", "invalid_choice"),
        ({"role": None}, "role", "null"),
        ({"status": "disabled"}, "status", "read_only"),
        ({"user": str(uuid4())}, "user", "read_only"),
    ],
)
def test_a_bad_change_of_a_member_is_named(admin, member, body, field, code):
    assert faults(admin.patch(page_of(member), body)) == {field: code}


def test_a_disabled_member_is_out_at_the_next_request(admin, member):
    page = page_of(member)

    answer = admin.post(f"{page}disable/")

    assert answer.json()["status"] == "disabled"
    assert refusal(member.get(OWN))[0] in {401, 403}
    assert refusal(admin.post(f"{page}disable/")) == (409, "ILLEGAL_MOVE")
    assert admin.post(f"{page}activate/").json()["status"] == "active"


def test_ending_a_members_access_refuses_the_tokens_they_have(admin, member):
    page = page_of(member)

    assert admin.post(f"{page}end-access/").status_code == 204
    assert refusal(member.get(OWN)) == (401, "TOKEN_REVOKED")


def test_nobody_accepts_for_an_invited_person(admin):
    invited = made(admin, make_invitation)

    for move in ("activate", "disable"):
        answer = admin.post(f"{API}memberships/{invited.pk}/{move}/")
        assert refusal(answer) == (409, "NOT_ACCEPTED")


# Invitations -----------------------------------------------------------------------------------
def test_the_answer_to_an_invitation_does_not_tell_who_is_known(admin):
    make_user(email="known@example.com", first_name="Inès")

    def shape(email):
        answer = admin.post(f"{API}invitations/", {"email": email, "role": "viewer"})
        assert answer.status_code == 201, answer.content
        told = answer.json()
        assert told.pop("email") == email
        return {name: value for name, value in told.items() if name in ("role", "is_expired")}, set(
            told
        )

    assert shape("known@example.com") == shape("unknown@example.com")


def test_inviting_again_renews_an_offer_that_ran_out(admin):
    long_ago = timezone.now() - timedelta(days=30)
    made(admin, lambda: invite("ines@example.com", Role.MEMBER, at=long_ago))
    (before,) = results(admin.get(f"{API}invitations/"))

    again = admin.post(f"{API}invitations/", {"email": "Ines@Example.com", "role": "admin"})

    (after,) = results(admin.get(f"{API}invitations/"))
    assert (before["is_expired"], after["is_expired"]) == (True, False)
    assert again.json()["id"] == before["id"] == after["id"]
    assert (after["role"], after["email"]) == ("admin", "ines@example.com")
    assert after["invited_by"]


def test_a_withdrawn_invitation_is_gone(admin):
    page = f"{API}invitations/{made(admin, make_invitation).pk}/"

    assert admin.delete(page).status_code == 204
    assert refusal(admin.get(page)) == (404, "NOT_FOUND")


def test_a_member_is_no_invitation(admin, member):
    page = page_of(member).replace("memberships", "invitations")
    address = member.get(f"{API}me/").json()["email"]

    assert refusal(admin.delete(page)) == (404, "NOT_FOUND")
    assert refusal(admin.post(f"{API}invitations/", {"email": address})) == (409, "ALREADY_THERE")


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({}, "email", "required"),
        ({"email": "ada"}, "email", "invalid"),
        ({"email": f"{'a' * 300}@example.com"}, "email", "max_length"),
        ({"email": "a@example.com", "role": "owner"}, "role", "invalid_choice"),
    ],
)
def test_a_bad_invitation_is_named_and_nobody_is_made(admin, body, field, code):
    answer = admin.post(f"{API}invitations/", body)

    assert code in [each["code"] for each in answer.json()["errors"] if each["field"] == field]
    assert results(admin.get(f"{API}invitations/")) == []


def test_members_neither_see_nor_make_invitations(member):
    assert refusal(member.get(f"{API}invitations/")) == (403, "FORBIDDEN")
    body = {"email": "a@example.com", "role": "viewer"}
    assert refusal(member.post(f"{API}invitations/", body)) == (403, "FORBIDDEN")


def test_addresses_cannot_be_tried_by_inviting_them(admin, settings):
    settings.RATES = settings.RATES | {"invitations": "2/hour"}

    answers = [
        admin.post(f"{API}invitations/", {"email": f"a{number}@example.com"}) for number in range(3)
    ]

    assert [answer.status_code for answer in answers] == [201, 201, 429]
