"""Inviting people, naming operators and tying programs, before anybody can sign in."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from iam.models import Membership, OperatorEntry, ServiceAccount, User
from iam.services import visit
from prospectflow.tenancy.context import tenant
from prospectflow.tenancy.memberships import places_of
from prospectflow.testing.factories import make_organisation, make_user

pytestmark = pytest.mark.usefixtures("committed")


def refused(*arguments) -> str:
    """The sentence of a command that refuses."""
    with pytest.raises(CommandError) as refusal:
        call_command(*arguments)
    assert refusal.value.returncode == 2
    return str(refusal.value)


def test_an_address_is_invited_with_a_role_for_a_time(capsys):
    organisation = make_organisation(slug="acme")

    call_command("invite", "Ines@Example.com", "--organisation", "acme", "--role", "admin")

    with tenant(organisation.pk):
        invited = Membership.objects.get(status="invited")
        assert (invited.user.email, invited.role) == ("ines@example.com", "admin")
        assert invited.expires_at > timezone.now() + timedelta(days=13)
    assert "ines@example.com may join" in capsys.readouterr().out


def test_whom_nobody_can_invite_is_said_in_a_sentence():
    owner = make_user()
    make_organisation(slug="acme", owner=owner)

    assert "nowhere" in refused("invite", "a@example.com", "--organisation", "nowhere")
    assert "no e-mail address" in refused("invite", "ada", "--organisation", "acme")
    assert "member already" in refused("invite", owner.email, "--organisation", "acme")
    assert User.objects.count() == 1


def test_a_second_owner_is_not_offered():
    make_organisation(slug="acme")

    with pytest.raises(CommandError, match="invalid choice: 'owner'"):
        call_command("invite", "a@example.com", "--organisation", "acme", "--role", "owner")


def test_an_operator_is_made_and_is_one_no_more(capsys):
    call_command("grant_operator", "Ops@Example.com")
    operator = User.objects.get(email="ops@example.com")
    visit(
        operator,
        make_organisation(),
        reason="help",
        length=timedelta(hours=1),
        at=timezone.now(),
    )
    entered = places_of(operator.pk, at=timezone.now()).open

    call_command("grant_operator", "ops@example.com", "--revoke")

    assert [place.role for place in entered] == ["operator"]
    assert places_of(operator.pk, at=timezone.now()).open == []
    assert "no more" in capsys.readouterr().out


def test_a_visit_that_was_revoked_does_not_open_again_with_the_next_grant():
    operator = make_user(email="ops@example.com", is_staff=True)
    acme, now = make_organisation(), timezone.now()
    visit(operator, acme, reason="help", length=timedelta(hours=1), at=now - timedelta(minutes=1))

    call_command("grant_operator", "ops@example.com", "--revoke")
    call_command("grant_operator", "ops@example.com")

    assert places_of(operator.pk, at=timezone.now()).open == []
    with tenant(acme.pk):
        [entry] = OperatorEntry.objects.all()
        assert now <= entry.ends_at <= timezone.now()


def test_an_operator_needs_an_address_and_an_unknown_one_is_not_revoked():
    assert "no e-mail address" in refused("grant_operator", "ops")
    assert "Nobody here" in refused("grant_operator", "ops@example.com", "--revoke")
    assert not User.objects.exists()


def test_a_program_is_tied_to_an_organisation_with_a_role(capsys):
    organisation = make_organisation(slug="acme")

    call_command(
        *("register_service_account", "Robot", "--client-id", "robot-1"),
        *("--organisation", "acme", "--role", "viewer"),
    )

    with tenant(organisation.pk):
        account = ServiceAccount.objects.get()
        assert (account.name, account.client_id, account.role) == ("Robot", "robot-1", "viewer")
    assert "Robot (robot-1) acts in" in capsys.readouterr().out


def test_a_program_that_cannot_be_tied_is_said_in_a_sentence():
    acme, other = make_organisation(slug="acme"), make_organisation(slug="other")

    def tie(name="Robot", client="robot-1", slug="acme"):
        return ("register_service_account", name, "--client-id", client, "--organisation", slug)

    call_command(*tie())
    assert "tied to an account already" in refused(*tie(slug="other"))
    assert "no organisation" in refused(*tie(client="robot-2", slug="nowhere"))
    for name, client in (
        (" ", "robot-2"),
        ("Robot", "robot 2"),
        ("Robot", ""),
        ("Robot", "r" * 256),
    ):
        assert "without spaces" in refused(*tie(name, client))
    with pytest.raises(CommandError, match="invalid choice: 'owner'"):
        call_command(*tie(client="robot-2"), "--role", "owner")
    for organisation, count in ((acme, 1), (other, 0)):
        with tenant(organisation.pk):
            assert ServiceAccount.objects.count() == count
