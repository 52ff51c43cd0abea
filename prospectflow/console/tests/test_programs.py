"""Service accounts: tied to an organisation by the platform's operator, kept by its admins."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from iam.models import AuditEvent, Role, ServiceAccount
from iam.services import register_service_account, visit
from prospectflow.console.tests.cast import inside_as, signed_in
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_user

LIST, ADD = "console:iam_serviceaccount_changelist", "console:iam_serviceaccount_add"
NIGHTLY = {"name": "Nightly import", "client_id": "4cl13nt1d", "role": "member"}


@pytest.fixture
def owner(organisation) -> Client:
    return signed_in(organisation)


@pytest.fixture
def operator(organisation) -> Client:
    user = make_user(is_staff=True)
    hour = timedelta(hours=1)
    visit(user, organisation, reason="They asked.", length=hour, at=timezone.now())
    return inside_as(user, organisation)


@pytest.fixture
def program(organisation) -> ServiceAccount:
    with tenant(organisation.pk):
        return register_service_account(**NIGHTLY)


def accounts(organisation) -> list[ServiceAccount]:
    with tenant(organisation.pk):
        return list(ServiceAccount.objects.order_by("id"))


def act(client: Client, action: str, account: ServiceAccount):
    chosen = {"action": action, "_selected_action": [account.pk]}
    return client.post(reverse(LIST), chosen, follow=True)


def test_an_operator_ties_a_program_to_the_organisation(operator, organisation):
    operator.post(reverse(ADD), NIGHTLY)

    [account] = accounts(organisation)
    assert (account.name, account.client_id, account.role) == tuple(NIGHTLY.values())
    with tenant(organisation.pk):
        assert AuditEvent.objects.get(object_id=str(account.pk)).action == "added"


@pytest.mark.parametrize("here", [True, False])
def test_a_client_id_is_tied_once_whichever_organisation_has_it(
    operator, organisation, other_organisation, here
):
    with tenant((organisation if here else other_organisation).pk):
        register_service_account(**NIGHTLY)

    answer = operator.post(reverse(ADD), NIGHTLY | {"name": "Another"}, follow=True)

    assert "duplicate key" not in answer.text
    assert "already" in answer.text
    assert len(accounts(organisation)) == here


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "  "), ("client_id", "a b"), ("client_id", ""), ("role", "owner"), ("role", "")],
)
def test_a_malformed_program_is_refused_at_its_field(operator, organisation, field, value):
    answer = operator.post(reverse(ADD), NIGHTLY | {field: value})

    assert field in answer.context["adminform"].form.errors
    assert accounts(organisation) == []


def test_an_owner_names_and_shuts_out_but_ties_none(owner, organisation, program):
    assert owner.post(reverse(ADD), NIGHTLY | {"client_id": "other"}).status_code == 403
    page = reverse("console:iam_serviceaccount_change", args=[program.pk])

    owner.post(page, {"name": "By night", "role": "viewer", "client_id": "another"})

    [account] = accounts(organisation)
    assert (account.name, account.role, account.client_id) == ("By night", "viewer", "4cl13nt1d")
    act(owner, "disable", program)
    [account] = accounts(organisation)
    assert account.status == "disabled"
    assert account.access_after is not None
    assert "cannot become disabled" in act(owner, "disable", program).text
    act(owner, "activate", program)
    assert accounts(organisation)[0].status == "active"


def test_no_program_is_deleted(owner, organisation, program):
    page = reverse("console:iam_serviceaccount_delete", args=[program.pk])

    assert owner.post(page, {"post": "yes"}).status_code == 403
    act(owner, "delete_selected", program)

    assert accounts(organisation) == [program]


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
def test_members_and_viewers_do_not_see_the_programs(organisation, program, role):
    client = signed_in(organisation, role=role)

    assert client.get(reverse(LIST)).status_code == 403
    assert reverse(LIST) not in client.get("/").text
    assert act(client, "disable", program).status_code == 403


def test_the_side_bar_leads_those_who_may_to_the_programs(owner, operator):
    for client in (owner, operator):
        assert reverse(LIST) in client.get("/").text
