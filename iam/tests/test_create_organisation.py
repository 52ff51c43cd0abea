"""The first step on a new server."""

import pytest
from django.core.management import CommandError, call_command

from iam.models import Membership, Organisation, User
from prospectflow.tenancy.context import tenant

pytestmark = pytest.mark.usefixtures("committed")


def test_it_makes_the_organisation_and_its_owner(capsys):
    call_command("create_organisation", "Café Acme", "--owner", "Ada@Example.com")

    organisation = Organisation.objects.get(slug="cafe-acme")
    with tenant(organisation.pk):
        membership = Membership.objects.get()
    assert (membership.role, membership.user.email) == ("owner", "ada@example.com")
    assert "changepassword" in capsys.readouterr().out


@pytest.mark.parametrize("passwords", [True, False])
def test_it_says_how_the_owner_signs_in(capsys, settings, passwords):
    settings.PASSWORD_SIGN_IN = passwords

    call_command("create_organisation", "Acme", "--owner", "ada@example.com")

    printed = capsys.readouterr().out
    assert "first signs in with the verified address ada@example.com" in printed
    assert ("changepassword" in printed) == passwords


def test_an_owner_who_is_known_is_not_made_twice():
    call_command("create_organisation", "One", "--owner", "ada@example.com")
    call_command("create_organisation", "Two", "--owner", "ada@example.com")

    assert User.objects.count() == 1


@pytest.mark.parametrize("slug", ["one", "No Good", "-"])
def test_a_slug_that_cannot_be_is_one_sentence_and_leaves_nothing(slug):
    call_command("create_organisation", "One", "--owner", "ada@example.com")

    with pytest.raises(CommandError, match="cannot be its slug") as refusal:
        call_command("create_organisation", "Two", "--owner", "ada@example.com", "--slug", slug)

    assert refusal.value.returncode == 2
    assert Organisation.objects.count() == 1


def test_an_owner_without_an_address_is_refused():
    with pytest.raises(CommandError, match="is no e-mail address"):
        call_command("create_organisation", "One", "--owner", "ada")

    assert Organisation.objects.count() == 0
