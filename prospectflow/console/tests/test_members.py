"""Members: invited by address, seen as people once they accepted themselves."""

import pytest
from django.test import Client
from django.urls import reverse

from iam.models import AuditEvent, Membership, MembershipStatus, Role, User
from prospectflow.console.tests.cast import inside_as, make_member, signed_in
from prospectflow.tenancy.context import tenant
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


def act(client: Client, action: str, member: Membership):
    chosen = {"action": action, "_selected_action": [member.pk]}
    return client.post(reverse(MEMBERS), chosen, follow=True)


def test_a_member_is_invited_by_address(owner, organisation):
    owner.post(reverse(ADD), {"email": "New@Example.com", "role": "viewer"})

    new = membership(organisation, User.objects.get(email="new@example.com"))
    assert (new.role, new.status) == (Role.VIEWER, MembershipStatus.INVITED)


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


@pytest.mark.parametrize("action", ["activate", "disable"])
def test_nobody_accepts_for_the_invited_person(owner, organisation, invited, action):
    answer = act(owner, action, invited)

    assert "has not accepted yet" in answer.text
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
        assert AuditEvent.objects.filter(action="accepted", user=stranger).count() == 1


def test_an_invitation_is_accepted_from_within_another_organisation(
    organisation, other_organisation, stranger, invited
):
    client = inside_as(stranger, other_organisation)
    assert "You were invited" in client.get("/organisations/").text

    client.post("/organisations/accept/", {"organisation": organisation.pk})

    assert membership(organisation, stranger).status == MembershipStatus.ACTIVE
    assert "You were invited" not in client.get("/organisations/").text
    assert "Other Ltd" in client.get("/").text


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
