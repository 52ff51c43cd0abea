"""An organisation always has one owner, also while it changes hands."""

import pytest
from django.urls import reverse

from iam import services
from iam.models import AuditEvent, Membership, MembershipStatus, Role
from prospectflow.console.tests.cast import make_member, signed_in
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client
from prospectflow.testing.factories import NOON

pytestmark = pytest.mark.django_db


def roles(organisation) -> list[str]:
    with tenant(organisation.pk):
        return sorted(Membership.objects.values_list("role", flat=True))


def test_the_heir_becomes_the_owner_and_the_owner_an_admin(organisation):
    with tenant(organisation.pk):
        before = Membership.objects.get(role=Role.OWNER)
        heir = make_member(Role.VIEWER)

        services.hand_over(heir)

        after = {member.pk: member.role for member in Membership.objects.all()}
        assert after == {before.pk: Role.ADMIN, heir.pk: Role.OWNER}
        changed = AuditEvent.objects.filter(object_type="iam.membership", action="changed")
        assert {event.object_id for event in changed} == {str(before.pk), str(heir.pk)}


def test_handing_over_to_the_owner_changes_nothing(organisation):
    with tenant(organisation.pk):
        services.hand_over(Membership.objects.get())

    assert roles(organisation) == [Role.OWNER]


@pytest.mark.parametrize("status", [MembershipStatus.INVITED, MembershipStatus.DISABLED])
def test_only_who_is_inside_can_inherit(organisation, status):
    with tenant(organisation.pk):
        heir = make_member(
            Role.ADMIN, status=status, expires_at=NOON, invited_address="heir@example.com"
        )

        with pytest.raises(services.NotYetIn):
            services.hand_over(heir)

    assert roles(organisation) == [Role.ADMIN, Role.OWNER]


def test_the_owner_hands_over_by_the_api_and_an_admin_cannot(organisation):
    with tenant(organisation.pk):
        heir = make_member(Role.MEMBER)
    address = f"/api/v1/memberships/{heir.pk}/make-owner/"

    refused = api_client(Role.ADMIN, organisation).post(address)
    done = api_client(Role.OWNER, organisation).post(address)

    assert refused.status_code == 403
    assert (done.status_code, done.json()["role"]) == (200, Role.OWNER)
    assert roles(organisation) == [Role.ADMIN, Role.ADMIN, Role.OWNER]


def test_the_owner_hands_over_in_the_console(organisation):
    client = signed_in(organisation)
    with tenant(organisation.pk):
        heir = make_member(Role.MEMBER)
    chosen = {"action": "hand_over", "_selected_action": [heir.pk]}

    page = client.post(reverse("console:iam_membership_changelist"), chosen, follow=True)

    assert "is the owner now, and you are an admin" in page.text
    with tenant(organisation.pk):
        assert Membership.objects.get(role=Role.OWNER) == heir
