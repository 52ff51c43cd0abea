"""Members: invited by address, seen as people once they accepted themselves."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from iam.models import AuditEvent, Membership, MembershipStatus, Role, User
from prospectflow.console.tests.cast import inside_as, make_member, signed_in
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client
from prospectflow.testing.factories import NOON, make_user

MEMBERS, ADD = "console:iam_membership_changelist", "console:iam_membership_add"


@pytest.fixture
def owner(organisation) -> Client:
    return signed_in(organisation)


@pytest.fixture
def stranger(other_organisation) -> User:
    """Somebody who works in another organisation."""
    user = make_user(
        email="ines@other.example",
        password="a long passphrase",
        first_name="Inès",
        last_name="Moreau",
        last_login=NOON,
    )
    with tenant(other_organisation.pk):
        make_member(user=user)
    return user


@pytest.fixture
def invited(owner, organisation, stranger) -> Membership:
    owner.post(reverse(ADD), {"email": "Ines@Other.example", "role": "viewer"})
    return membership(organisation, stranger)


def membership(organisation, user: User) -> Membership:
    with tenant(organisation.pk):
        return Membership.objects.get(user=user)


def act(client: Client, action: str, member: Membership, **more: str):
    chosen = {"action": action, "_selected_action": [member.pk]} | more
    return client.post(reverse(MEMBERS), chosen, follow=True)


def listed(client: Client) -> str:
    return client.get(reverse(MEMBERS)).text


def expire(organisation, invited: Membership) -> None:
    with tenant(organisation.pk):
        Membership.objects.filter(pk=invited.pk).update(expires_at=timezone.now())


def test_a_member_is_invited_by_address(owner, organisation):
    owner.post(reverse(ADD), {"email": "New@Example.com", "role": "viewer"})

    new = membership(organisation, User.objects.get(email="new@example.com"))
    assert (new.role, new.status) == (Role.VIEWER, MembershipStatus.INVITED)


def test_the_organisation_invites_as_often_as_the_rate_says_by_console_and_api_together(
    owner, organisation, settings
):
    settings.RATES = settings.RATES | {"invitations": "2/hour"}
    program = api_client("admin", organisation)
    program.post("/api/v1/invitations/", {"email": "a@example.com", "role": "viewer"})
    owner.post(reverse(ADD), {"email": "b@example.com", "role": "viewer"})

    answer = owner.post(reverse(ADD), {"email": "c@example.com", "role": "viewer"}, follow=True)
    invited = membership(organisation, User.objects.get(email="b@example.com"))
    renewed = act(owner, "renew", invited)

    for page in (answer, renewed):
        assert "Too many requests: wait 1800 seconds." in page.text
    assert "invited again" not in renewed.text
    assert not User.objects.filter(email="c@example.com").exists()


def test_an_address_of_another_organisation_tells_nothing_of_its_person(owner, stranger, invited):
    change = reverse("console:iam_membership_change", args=[invited.pk])
    pages = [
        owner.get(reverse(MEMBERS)).text,
        owner.get(change).text,
        owner.get(reverse("console:iam_membership_history", args=[invited.pk])).text,
        owner.get(reverse("console:iam_membership_delete", args=[invited.pk])).text,
        owner.get(reverse("console:iam_user_changelist")).text,
        owner.get(reverse("console:iam_auditevent_changelist")).text,
    ]

    assert stranger.email in pages[0]
    assert not [page for page in pages if "Inès" in page or "Moreau" in page]
    assert owner.get(reverse("console:iam_user_change", args=[stranger.pk])).status_code == 302


def test_a_search_for_a_name_finds_no_invited_person(owner, stranger, invited):
    def found(text: str) -> list[Membership]:
        return owner.get(reverse(MEMBERS), {"q": text}).context["cl"].result_list

    assert found("Moreau") == []
    assert found("ines@other") == [invited]


def test_an_invitation_shows_until_when_it_can_be_accepted(owner, organisation, invited):
    assert timedelta(days=13) < invited.expires_at - timezone.now() < timedelta(days=15)
    assert f"expires {date_format(timezone.localdate(invited.expires_at))}" in listed(owner)

    expire(organisation, invited)

    assert "invitation expired" in listed(owner)


def test_an_expired_invitation_is_not_offered_until_it_is_renewed(
    owner, organisation, stranger, invited
):
    client = Client()
    client.force_login(stranger)
    expire(organisation, invited)
    assert "You were invited" not in client.get("/organisations/").text
    refused = client.post("/organisations/accept/", {"organisation": organisation.pk}, follow=True)
    assert "No invitation" in refused.text

    act(owner, "renew", invited)

    assert "You were invited" in client.get("/organisations/").text
    assert membership(organisation, stranger).expires_at > timezone.now() + timedelta(days=13)


def test_inviting_an_address_again_renews_it_and_may_change_the_role(
    owner, organisation, stranger, invited
):
    expire(organisation, invited)

    owner.post(reverse(ADD), {"email": stranger.email, "role": "admin"})

    again = membership(organisation, stranger)
    assert (again.pk, again.role) == (invited.pk, Role.ADMIN)
    assert again.expires_at > timezone.now()


@pytest.mark.parametrize("way", ["action", "page", "delete_selected"])
def test_an_invitation_is_withdrawn(owner, organisation, invited, way):
    if way == "action":
        assert "1 withdrawn" in act(owner, "withdraw", invited).text
    elif way == "page":
        owner.post(reverse("console:iam_membership_delete", args=[invited.pk]), {"post": "yes"})
    else:
        act(owner, way, invited, post="yes")

    with tenant(organisation.pk):
        assert not Membership.objects.filter(pk=invited.pk).exists()


def test_a_member_is_no_invitation_to_withdraw_or_renew(owner, organisation, invited):
    with tenant(organisation.pk):
        Membership.objects.filter(pk=invited.pk).update(status="active")

    assert "Only an invitation can be taken back" in act(owner, "withdraw", invited).text
    assert "is a member already" in act(owner, "renew", invited).text
    assert membership(organisation, invited.user).status == MembershipStatus.ACTIVE


def test_nobody_is_invited_as_a_second_owner(owner, organisation):
    answer = owner.post(reverse(ADD), {"email": "second@example.com", "role": "owner"})

    assert "exactly one owner" in answer.context["adminform"].form.errors["role"][0]
    assert not User.objects.filter(email="second@example.com").exists()


def test_a_role_is_changed_and_the_trail_says_from_what(owner, organisation, stranger, invited):
    owner.post(reverse("console:iam_membership_change", args=[invited.pk]), {"role": "admin"})

    assert membership(organisation, stranger).role == Role.ADMIN
    with tenant(organisation.pk):
        told = AuditEvent.objects.get(action="changed", object_id=str(invited.pk))
        assert told.changes["role"] == ["viewer", "admin"]
        assert told.user.pk == Membership.objects.get(role=Role.OWNER).user_id
        assert told.request_id


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        ("disable", "The owner can be neither shut out"),
        ("delete_selected", "Only an invitation can be taken back"),
    ],
)
def test_the_owner_is_neither_shut_out_nor_taken_away_with_others(
    organisation, stranger, invited, action, sentence
):
    admin = signed_in(organisation, role=Role.ADMIN)
    with tenant(organisation.pk):
        everybody = [str(member.pk) for member in Membership.objects.exclude(status="invited")]
    chosen = {"action": action, "_selected_action": everybody, "post": "yes"}

    answer = admin.post(reverse(MEMBERS), chosen, follow=True)

    assert sentence in answer.text
    with tenant(organisation.pk):
        assert Membership.objects.filter(status="active").count() == len(everybody)


def test_the_owners_page_offers_no_other_role(owner, organisation):
    with tenant(organisation.pk):
        member = Membership.objects.get(role=Role.OWNER)
    page = reverse("console:iam_membership_change", args=[member.pk])

    owner.post(page, {"role": "member"})

    assert '<select name="role"' not in owner.get(page).text
    assert membership(organisation, member.user).role == Role.OWNER


def test_a_member_invites_nobody(organisation):
    member = signed_in(organisation, role=Role.MEMBER)

    answer = member.post(reverse(ADD), {"email": "friend@example.com", "role": "viewer"})

    assert answer.status_code == 403
    assert not User.objects.filter(email="friend@example.com").exists()


@pytest.mark.parametrize("action", ["activate", "disable"])
def test_nobody_accepts_for_the_invited_person(owner, organisation, invited, action):
    answer = act(owner, action, invited)

    assert "Only the invited person accepts" in answer.text
    assert membership(organisation, invited.user).status == MembershipStatus.INVITED


def test_an_invitation_opens_no_door_until_the_person_accepts_it(organisation, stranger, invited):
    client = Client()
    client.force_login(stranger)

    client.post("/organisations/enter/", {"organisation": organisation.pk})
    assert client.get("/")["Location"] == "/organisations/"

    answer = client.post("/organisations/accept/", {"organisation": organisation.pk})
    assert (answer.status_code, answer["Location"]) == (303, "/organisations/")
    client.post("/organisations/enter/", {"organisation": organisation.pk})
    assert "Acme" in client.get("/").text
    with tenant(organisation.pk):
        told = AuditEvent.objects.get(action="changed", user=stranger)
        assert told.changes["status"] == ["invited", "active"]


def test_an_invitation_is_accepted_from_within_another_organisation(
    organisation, other_organisation, stranger, invited
):
    client = inside_as(stranger, other_organisation)
    assert "You were invited" in client.get("/organisations/").text

    client.post("/organisations/accept/", {"organisation": organisation.pk})

    assert membership(organisation, stranger).status == MembershipStatus.ACTIVE
    assert "You were invited" not in client.get("/organisations/").text
    assert "Other Ltd" in client.get("/").text


def test_invitations_cannot_be_tried_one_after_the_other(organisation, stranger, invited, settings):
    settings.RATES = settings.RATES | {"writes": "2/minute"}
    client = Client()
    client.force_login(stranger)

    def accept(organisation_id):
        return client.post(
            "/organisations/accept/", {"organisation": organisation_id}, follow=True
        ).text

    assert "No invitation" in accept(uuid4()) + accept(uuid4())
    assert "Too many requests: wait 30 seconds." in accept(organisation.pk)
    assert membership(organisation, stranger).status == MembershipStatus.INVITED


@pytest.mark.parametrize("status", [MembershipStatus.DISABLED, None])
def test_who_was_not_invited_accepts_nothing(organisation, stranger, status):
    if status:
        with tenant(organisation.pk):
            make_member(user=stranger, status=status)
    client = Client()
    client.force_login(stranger)

    for asked in (organisation.pk, "nonsense", ""):
        answer = client.post("/organisations/accept/", {"organisation": asked}, follow=True)
        assert "No invitation" in answer.text
    with tenant(organisation.pk):
        assert not Membership.objects.filter(user=stranger, status="active").exists()


def test_signing_in_shows_an_invitation_even_to_who_has_one_organisation(client, stranger, invited):
    client.post("/login/", {"username": stranger.email, "password": "a long passphrase"})

    assert client.get("/")["Location"] == "/organisations/"
    assert "You were invited" in client.get("/organisations/").text


def test_accepting_is_a_post_of_somebody_signed_in(client, organisation, stranger, invited):
    page = "/organisations/accept/"
    assert client.post(page, {"organisation": organisation.pk})["Location"].startswith("/login/")
    client.force_login(stranger)

    assert client.get(page).status_code == 405


def test_when_somebody_last_signed_in_is_nobodys_business(owner, organisation, stranger):
    with tenant(organisation.pk):
        make_member(user=stranger)

    for page in ("changelist", "change"):
        args = [stranger.pk] if page == "change" else []
        text = owner.get(reverse(f"console:iam_user_{page}", args=args)).text
        assert "Moreau" in text
        assert "ast login" not in text


def test_the_trail_does_not_tell_since_when_somebody_has_an_account(owner, organisation, invited):
    with tenant(organisation.pk):
        told = AuditEvent.objects.get(object_type="iam.membership", object_id=str(invited.pk))

    assert "user_id" not in told.changes
    assert told.description == "ines@other.example"


def test_an_invited_person_is_found_and_sorted_by_the_typed_address_alone(owner, invited, stranger):
    stranger.email = "zzz@private.example"
    stranger.save(update_fields=["email"])
    page = reverse(MEMBERS)

    assert "ines@other.example" in owner.get(page, {"q": "other.example"}).text
    assert "ines@other.example" not in owner.get(page, {"q": "private"}).text
    assert "ines@other.example" not in owner.get(page, {"q": "INES private"}).text
    sorted_by_address = owner.get(page, {"o": "2"}).context["cl"].result_list
    addresses = [member.address for member in sorted_by_address]
    assert len(addresses) == 2
    assert addresses == sorted(addresses)


def test_whoever_accepted_is_found_by_the_address_they_have_now(owner, organisation):
    with tenant(organisation.pk):
        inside = make_member(Role.MEMBER, invited_address="old@typed.example")
    page = reverse(MEMBERS)

    assert inside.user.email in owner.get(page, {"q": inside.user.email}).text
    assert inside.user.email not in owner.get(page, {"q": "typed"}).text
