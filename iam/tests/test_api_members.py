"""The organisation, its members, invitations and programs by the API."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from iam.models import AuditEvent, Membership, OperatorEntry, Role, ServiceAccount
from iam.services import invite, record, visit
from prospectflow.tenancy.context import tenant
from prospectflow.tenancy.middleware import SESSION_KEY
from prospectflow.testing.api import JSON, api_client, faults, machine_client, refusal
from prospectflow.testing.factories import NOON, make_user
from prospectflow.testing.rows import make_row

API = "/api/v1/"
OWN = f"{API}organisation/"


def make_invitation() -> Membership:
    return invite(f"{uuid4()}@example.com", Role.MEMBER, at=timezone.now())


LISTS = {
    "memberships": lambda: Membership.objects.create(user=make_user()),
    "invitations": make_invitation,
    "service-accounts": lambda: make_row(ServiceAccount),
    "operator-entries": lambda: make_row(OperatorEntry, entered_at=NOON, ends_at=NOON),
    "audit-events": lambda: record("changed", at=NOON, user=make_user(), text="an entry"),
}
pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(organisation):
    return api_client(role=Role.OWNER, organisation=organisation)


@pytest.fixture
def admin(organisation):
    return api_client(role=Role.ADMIN, organisation=organisation)


@pytest.fixture
def member(organisation):
    return api_client(organisation=organisation)


@pytest.fixture
def operator(organisation):
    """A browser of the platform's operator, who visits the organisation."""
    user = make_user(is_staff=True)
    visit(user, organisation, reason="help", length=timedelta(hours=1), at=timezone.now())
    client = Client()
    client.force_login(user)
    session = client.session
    session[SESSION_KEY] = str(organisation.pk)
    session.save()
    return client


def results(answer):
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


def made(api, make, **fields):
    with tenant(api.organisation.pk):
        return make(**fields)


def id_of(api) -> str:
    return api.get(f"{API}me/").json()["id"]


def page_of(api) -> str:
    """The address of the caller's own membership."""
    user = id_of(api)
    with tenant(api.organisation.pk):
        return f"{API}memberships/{Membership.objects.get(user=user).pk}/"


@pytest.mark.parametrize("name", LISTS)
def test_a_list_costs_the_same_for_one_and_for_ten(owner, name):
    def cost(more: int) -> int:
        with tenant(owner.organisation.pk):
            for _ in range(more):
                LISTS[name]()
        with CaptureQueriesContext(connection) as queries:
            assert len(results(owner.get(f"{API}{name}/"))) >= more
        return len(queries)

    assert cost(1) == cost(9)


@pytest.mark.parametrize("name", LISTS)
def test_a_row_of_another_organisation_is_not_there(owner, other_organisation, name):
    with tenant(other_organisation.pk):
        row = LISTS[name]()

    assert refusal(owner.get(f"{API}{name}/{row.pk}/")) == (404, "NOT_FOUND")
    assert str(row.pk) not in owner.get(f"{API}{name}/").content.decode()


@pytest.mark.parametrize("name", LISTS)
def test_an_id_that_is_no_uuid_is_named(owner, name):
    assert faults(owner.get(f"{API}{name}/seven/")) == {"id": "invalid"}


# The organisation ------------------------------------------------------------------------------
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


# Programs --------------------------------------------------------------------------------------
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


# The trail -------------------------------------------------------------------------------------
def test_an_operators_visit_is_seen_by_the_leaders(operator, admin, member):
    (entry,) = results(admin.get(f"{API}operator-entries/"))

    assert entry["reason"] == "help"
    assert "@" in entry["operator"]
    assert refusal(member.get(f"{API}operator-entries/")) == (403, "FORBIDDEN")


def test_the_trail_tells_who_changed_what_from_which_request(admin, member):
    answer = admin.patch(page_of(member), {"role": "viewer"})
    request = answer.headers["X-Request-ID"]

    (listed,) = results(admin.get(f"{API}audit-events/?request_id={request}"))
    event = admin.get(f"{API}audit-events/{listed['id']}/").json()

    assert "changes" not in listed
    assert (event["action"], event["object_type"]) == ("changed", "iam.membership")
    assert event["changes"]["role"] == ["member", "viewer"]
    assert event["actor"]


def test_the_trail_is_narrowed_by_time_and_object(admin):
    with tenant(admin.organisation.pk):
        AuditEvent.objects.create(at=NOON, action="changed", object_type="x.y", object_id="7")
        AuditEvent.objects.create(at=NOON + timedelta(days=1), action="added", object_type="x.y")

    def actions(query):
        return [each["action"] for each in results(admin.get(f"{API}audit-events/?{query}"))]

    assert actions("object_type=x.y") == ["added", "changed"]
    assert actions("object_type=x.y&object_id=7") == ["changed"]
    assert actions("object_type=x.y&at__lt=2026-11-25T00:00:00Z") == ["changed"]
    assert actions("object_type=x.y&at__gte=2026-11-25T00:00:00Z&action=changed") == []
    assert actions(f"object_type=x.y&user={uuid4()}") == []
    assert faults(admin.get(f"{API}audit-events/?at__gte=noon")) == {"at__gte": "invalid"}


def test_the_trail_is_taken_away_with_its_changes(admin, member):
    admin.patch(page_of(member), {"role": "viewer"})

    rows = admin.get(f"{API}audit-events/export/?format=ndjson").getvalue().splitlines()

    assert ["member", "viewer"] in [json.loads(row)["changes"].get("role") for row in rows]
    assert refusal(member.get(f"{API}audit-events/export/")) == (403, "FORBIDDEN")


def test_exporting_the_trail_costs_the_same_for_one_and_for_ten(owner):
    def cost(more: int) -> int:
        with tenant(owner.organisation.pk):
            for _ in range(more):
                LISTS["audit-events"]()
        with CaptureQueriesContext(connection) as queries:
            assert owner.get(f"{API}audit-events/export/").getvalue().count(b"\n") > more
        return len(queries)

    assert cost(1) == cost(9)


@pytest.mark.parametrize("method", ["patch", "delete", "put"])
def test_nobody_changes_the_trail(owner, method):
    event = made(owner, LISTS["audit-events"])

    answer = getattr(owner, method)(f"{API}audit-events/{event.pk}/", {})

    assert refusal(answer) == (405, "METHOD_NOT_ALLOWED")
