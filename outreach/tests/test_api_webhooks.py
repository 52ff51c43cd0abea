"""Webhooks over the API."""

import pytest

from iam.models import Role
from outreach.models import WebhookDelivery, WebhookEndpoint
from outreach.states import DeliveryStatus
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client
from prospectflow.testing.factories import NOON
from prospectflow.testing.rows import make_row

pytestmark = pytest.mark.django_db
WEBHOOKS = "/api/v1/webhooks/"
BODY = {"url": "https://example.com/hook", "events": ["enrollment.replied"]}


@pytest.fixture
def api(organisation):
    return api_client(Role.ADMIN, organisation)


def row(organisation) -> WebhookEndpoint:
    with tenant(organisation.pk):
        return WebhookEndpoint.objects.get()


def test_the_secret_is_told_once(api, organisation):
    made = api.post(WEBHOOKS, BODY)

    assert made.status_code == 201
    assert made.json()["secret"].startswith("whsec_")
    shown = api.get(f"{WEBHOOKS}{made.json()['id']}/").json()
    assert shown["url"] == BODY["url"]
    assert "secret" not in str(shown)


def test_another_secret_replaces_it(api, organisation):
    first = api.post(WEBHOOKS, BODY).json()

    second = api.post(f"{WEBHOOKS}{first['id']}/renew-secret/").json()

    assert second["secret"] != first["secret"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "ftp://example.com/"),
        ("url", "https://user:word@example.com/"),
        ("url", "x" * 3000),
        ("url", "https://["),
        ("url", "https://℀.example/"),
        ("url", "https://a:99999/"),
        ("events", []),
        ("events", ["everything"]),
        ("events", "enrollment.replied"),
        ("events", [{}]),
        ("secret", "whsec_mine"),
    ],
)
def test_what_cannot_be_is_refused_by_name(api, organisation, field, value):
    answer = api.post(WEBHOOKS, BODY | {field: value})

    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_FAILED")
    assert answer.json()["errors"][0]["field"].split(".")[0] == field
    with tenant(organisation.pk):
        assert not WebhookEndpoint.objects.exists()


def test_an_address_is_told_once(api, organisation):
    api.post(WEBHOOKS, BODY)

    again = api.post(WEBHOOKS, BODY)

    assert (again.status_code, again.json()["code"]) == (409, "CONFLICT")


def test_it_is_disabled_and_let_in_again(api, organisation):
    address = f"{WEBHOOKS}{api.post(WEBHOOKS, BODY).json()['id']}/"

    assert api.post(f"{address}disable/").json()["status"] == "disabled"
    assert api.post(f"{address}disable/").status_code == 409
    assert api.post(f"{address}activate/").json()["status"] == "active"


def test_the_log_is_read_and_a_failure_told_again(api, organisation):
    with tenant(organisation.pk):
        failed = make_row(WebhookDelivery, status=DeliveryStatus.FAILED, attempts=9)
    log = "/api/v1/webhook-deliveries/"

    [entry] = api.get(log, {"status": "failed"}).json()["results"]
    again = api.post(f"{log}{failed.pk}/retry/").json()

    assert entry["id"] == str(failed.pk)
    assert (again["status"], again["attempts"]) == ("waiting", 0)
    assert again["due_at"] > NOON.isoformat()[:4]
    assert api.post(f"{log}{failed.pk}/retry/").status_code == 409


def test_a_member_sees_none_of_it(organisation):
    member = api_client(Role.MEMBER, organisation)

    assert member.get(WEBHOOKS).status_code == 403
    assert member.post(WEBHOOKS, BODY).status_code == 403


def test_another_organisations_endpoint_is_not_there(api, other_organisation):
    with tenant(other_organisation.pk):
        foreign = make_row(WebhookEndpoint)

    assert api.get(f"{WEBHOOKS}{foreign.pk}/").status_code == 404
    assert api.delete(f"{WEBHOOKS}{foreign.pk}/").status_code == 404
