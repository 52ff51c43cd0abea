"""Asking the API about an organisation, and rows to ask for."""

from uuid import uuid4

from django.utils import timezone

from iam.models import Membership, OperatorEntry, Role, ServiceAccount
from iam.services import invite, record
from prospectflow.tenancy.context import tenant
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
