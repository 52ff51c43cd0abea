"""An invitation is its address's: it opens for nobody of another."""

import pytest
from django.utils import timezone

from iam.models import Membership, Role, User
from iam.services import NotInvited, accept, invite, join_invited
from prospectflow.tenancy.context import tenant
from prospectflow.tenancy.memberships import places_of
from prospectflow.testing.factories import NOON, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return make_user(email="ada@corp.example", cognito_sub="ada")


def renamed(user: User) -> User:
    """The person's address has changed at the provider."""
    user.email = "private@mail.example"
    user.save(update_fields=["email"])
    return user


def test_an_invitation_does_not_follow_who_has_another_address_by_now(organisation, ada):
    with tenant(organisation.pk):
        invite("Ada@Corp.example", Role.ADMIN, at=NOON)
    renamed(ada)

    assert places_of(ada.pk, at=NOON).offered == []
    assert join_invited(ada, at=NOON) == 0
    with pytest.raises(NotInvited):
        accept(ada, organisation.pk, at=NOON)
    with tenant(organisation.pk):
        invited = Membership.objects.get(user=ada)
        assert (invited.address, invited.shown_name) == ("ada@corp.example", "ada@corp.example")


def test_the_address_invited_again_is_another_persons(organisation, ada):
    renamed(ada)

    with tenant(organisation.pk):
        again = invite("ada@corp.example", Role.VIEWER, at=NOON)

    assert again.user != ada
    assert [place.role for place in places_of(again.user_id, at=NOON).offered] == [Role.VIEWER]


def test_who_has_the_address_still_may_accept(organisation, ada):
    now = timezone.now()
    with tenant(organisation.pk):
        invite("ada@corp.example", Role.VIEWER, at=now)

    accept(ada, organisation.pk, at=now)

    assert [place.role for place in places_of(ada.pk, at=now).open] == [Role.VIEWER]
