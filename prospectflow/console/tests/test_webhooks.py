"""Webhooks in the console: the secret is shown once, failures are told again."""

import pytest
from django.urls import reverse

from iam.models import Role
from outreach.models import WebhookDelivery, WebhookEndpoint
from outreach.states import DeliveryStatus, WebhookStatus
from prospectflow.console.tests.cast import signed_in
from prospectflow.tenancy.context import tenant
from prospectflow.testing.rows import make_row

ENDPOINTS = "console:outreach_webhookendpoint_changelist"
LOG = "console:outreach_webhookdelivery_changelist"


@pytest.fixture
def owner(organisation):
    return signed_in(organisation)


def act(client, page, action, row):
    chosen = {"action": action, "_selected_action": [row.pk]}
    return client.post(reverse(page), chosen, follow=True).content.decode()


def test_the_secret_is_shown_once(owner, organisation):
    told = {"url": "https://example.com/hook", "events": ["enrollment.replied"]}

    shown = owner.post(reverse("console:outreach_webhookendpoint_add"), told, follow=True)

    assert "whsec_" in shown.content.decode()
    assert "whsec_" not in owner.get(reverse(ENDPOINTS)).content.decode()
    with tenant(organisation.pk):
        assert WebhookEndpoint.objects.get().events == ["enrollment.replied"]


def test_an_address_that_may_not_be_told_is_refused_on_the_page(owner, organisation):
    told = {"url": "ftp://example.com/", "events": ["enrollment.replied"]}

    shown = owner.post(reverse("console:outreach_webhookendpoint_add"), told)

    assert "must begin with https://" in shown.content.decode()
    with tenant(organisation.pk):
        assert not WebhookEndpoint.objects.exists()


def test_an_endpoint_is_disabled_and_gets_another_secret(owner, organisation):
    with tenant(organisation.pk):
        endpoint = make_row(WebhookEndpoint)

    assert "whsec_" in act(owner, ENDPOINTS, "renew_secret", endpoint)
    act(owner, ENDPOINTS, "disable", endpoint)

    with tenant(organisation.pk):
        assert WebhookEndpoint.objects.get().status == WebhookStatus.DISABLED


def test_a_failure_is_told_again(owner, organisation):
    with tenant(organisation.pk):
        failed = make_row(WebhookDelivery, status=DeliveryStatus.FAILED)

    act(owner, LOG, "tell_again", failed)

    with tenant(organisation.pk):
        assert WebhookDelivery.objects.get().status == DeliveryStatus.WAITING


def test_members_see_none_of_it(organisation):
    member = signed_in(organisation, role=Role.MEMBER)

    assert member.get(reverse(ENDPOINTS)).status_code == 403
    assert member.get(reverse(LOG)).status_code == 403
