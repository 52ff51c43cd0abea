"""Webhooks: written down with the event, told at least once, signed, given up in the end."""

import json
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from django.db import transaction
from standardwebhooks import Webhook

from iam.models import AuditEvent
from outreach.models import Enrollment, WebhookDelivery, WebhookEndpoint
from outreach.posting import NotPublic, post
from outreach.services import webhooks
from outreach.services.stopping import stop
from outreach.states import DeliveryStatus, EnrollmentState, WebhookEvent, WebhookStatus
from outreach.tests.dribbling import Dribbler
from prospectflow import jobs
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import NOON, make_enrollment
from prospectflow.ticking import due

REPLIED = WebhookEvent.REPLIED.value


class Receiver(HTTPServer):
    """The customer's own server: remembers what it was told, answers what it is set to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Told)
        self.told: list[tuple[dict[str, str], str]] = []
        self.answer = 204

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class Told(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.told.append((dict(self.headers), body))
        self.send_response(self.server.answer)
        if self.server.answer == 302:
            self.send_header("Location", self.server.url)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def endpoint(organisation, receiver) -> tuple[WebhookEndpoint, str]:
    with tenant(organisation.pk):
        return webhooks.add_endpoint(receiver.url, [REPLIED])


def answered(organisation, state=EnrollmentState.REPLIED) -> Enrollment:
    with tenant(organisation.pk):
        return stop(make_enrollment(), state, reason="replied", at=NOON)


def meanwhile(monkeypatch, organisation, do) -> None:
    """Do something in the organisation between the answer and what is made of it."""

    def told(*args, **options):
        status = post(*args, **options)
        with tenant(organisation.pk):
            do()
        return status

    monkeypatch.setattr(webhooks, "post", told)


def only_delivery(organisation) -> WebhookDelivery:
    with tenant(organisation.pk):
        return WebhookDelivery.objects.get()


def test_a_reply_is_told_and_the_receivers_library_believes_it(organisation, endpoint, receiver):
    enrollment = answered(organisation)

    assert webhooks.tell_due(organisation.pk, now=NOON, limit=9) == 1

    [(headers, body)] = receiver.told
    told = json.loads(body)
    assert told["type"] == REPLIED
    assert told["data"]["enrollment"] == str(enrollment.pk)
    timestamp = {"webhook-timestamp": headers["webhook-timestamp"]}
    assert int(timestamp["webhook-timestamp"]) == int(NOON.timestamp())
    expected = Webhook(endpoint[1]).sign(headers["webhook-id"], NOON, body)
    assert headers["webhook-signature"] == expected
    assert only_delivery(organisation).status == DeliveryStatus.DELIVERED


def test_what_nobody_asked_for_is_not_written_down(organisation, endpoint):
    answered(organisation, EnrollmentState.BOUNCED)

    with tenant(organisation.pk):
        assert not WebhookDelivery.objects.exists()


def test_an_event_that_was_taken_back_is_never_told(organisation, endpoint):
    with tenant(organisation.pk):
        stop(make_enrollment(), EnrollmentState.REPLIED, reason="replied", at=NOON)
        assert WebhookDelivery.objects.exists()
        transaction.set_rollback(True)

    with tenant(organisation.pk):
        assert not WebhookDelivery.objects.exists()


@pytest.mark.parametrize("answer", [302, 400, 500, 503])
def test_a_failure_is_tried_again_later_under_the_same_id(organisation, endpoint, receiver, answer):
    answered(organisation)
    receiver.answer = answer
    webhooks.tell_due(organisation.pk, now=NOON, limit=9)
    receiver.answer = 200

    early = webhooks.tell_due(organisation.pk, now=NOON + timedelta(seconds=4), limit=9)
    later = webhooks.tell_due(organisation.pk, now=NOON + timedelta(seconds=5), limit=9)

    assert (early, later) == (0, 1)
    (first, _), (second, _) = receiver.told
    assert first["webhook-id"] == second["webhook-id"]
    assert first["webhook-signature"] != second["webhook-signature"]


def test_after_the_last_try_it_has_failed_and_can_be_told_again(organisation, endpoint, receiver):
    answered(organisation)
    receiver.answer = 500
    now = NOON
    for wait in (*webhooks.RETRIES, timedelta(0)):
        webhooks.tell_due(organisation.pk, now=now, limit=9)
        now += wait

    failed = only_delivery(organisation)
    assert (failed.status, failed.answered_status) == (DeliveryStatus.FAILED, 500)
    assert len(receiver.told) == failed.attempts == 9
    with tenant(organisation.pk):
        webhooks.tell_again(failed, at=now)
    receiver.answer = 200
    assert webhooks.tell_due(organisation.pk, now=now, limit=9) == 1


def test_an_endpoint_that_is_gone_is_told_nothing_more(organisation, endpoint, receiver):
    answered(organisation)
    receiver.answer = 410
    webhooks.tell_due(organisation.pk, now=NOON, limit=9)
    answered(organisation)

    with tenant(organisation.pk):
        assert WebhookEndpoint.objects.get().status == WebhookStatus.DISABLED
    assert only_delivery(organisation).status == DeliveryStatus.FAILED


@pytest.mark.parametrize("answer", [204, 410, 500])
def test_an_endpoint_may_be_deleted_while_it_is_told(
    organisation, endpoint, receiver, monkeypatch, answer
):
    answered(organisation)
    receiver.answer = answer
    meanwhile(monkeypatch, organisation, lambda: endpoint[0].delete())

    webhooks.tell_due(organisation.pk, now=NOON, limit=9)

    assert len(receiver.told) == 1
    with tenant(organisation.pk):
        assert not WebhookDelivery.objects.exists()


@pytest.mark.parametrize("answer", [204, 410, 500])
def test_an_endpoint_may_be_disabled_while_it_is_told(
    organisation, endpoint, receiver, monkeypatch, answer
):
    answered(organisation)
    receiver.answer = answer
    disable = partial(webhooks.move_endpoint, endpoint[0], WebhookStatus.DISABLED, reason="Enough.")
    meanwhile(monkeypatch, organisation, disable)

    webhooks.tell_due(organisation.pk, now=NOON, limit=9)

    assert only_delivery(organisation).answered_status == answer
    with tenant(organisation.pk):
        assert WebhookEndpoint.objects.get().status_reason == "Enough."


def test_what_another_worker_has_told_meanwhile_stays_told(
    organisation, endpoint, receiver, monkeypatch
):
    answered(organisation)
    receiver.answer = 500
    delivered = {"status": DeliveryStatus.DELIVERED, "delivered_at": NOON}
    meanwhile(monkeypatch, organisation, lambda: WebhookDelivery.objects.update(**delivered))

    webhooks.tell_due(organisation.pk, now=NOON, limit=9)

    assert only_delivery(organisation).status == DeliveryStatus.DELIVERED
    assert only_delivery(organisation).last_error == ""


def test_a_round_ends_after_its_time_and_the_rest_waits(
    organisation, endpoint, receiver, monkeypatch
):
    monkeypatch.setattr(webhooks, "ROUND_SECONDS", 0.0)
    answered(organisation)
    answered(organisation)

    assert webhooks.tell_due(organisation.pk, now=NOON, limit=9) == 1
    assert webhooks.tell_due(organisation.pk, now=NOON, limit=9) == 1


def test_one_that_fails_keeps_the_others_waiting_for_nothing(organisation, endpoint, receiver):
    with tenant(organisation.pk):
        webhooks.add_endpoint("http://127.0.0.1:1/nobody", [REPLIED])
    answered(organisation)
    answered(organisation)

    assert webhooks.tell_due(organisation.pk, now=NOON, limit=9) == 2
    assert len(receiver.told) == 2


def test_a_server_that_dribbles_is_left(organisation, monkeypatch):
    dribbler = Dribbler(b"HTTP/1.1 200 OK\r\nX-Dribble: " + 50 * b"." + b"\r\n\r\n")
    monkeypatch.setattr(webhooks, "TELLING_SECONDS", 0.4)
    with tenant(organisation.pk):
        webhooks.add_endpoint(f"http://127.0.0.1:{dribbler.port}/", [REPLIED])
    answered(organisation)

    assert webhooks.tell_due(organisation.pk, now=NOON, limit=9) == 0

    dribbler.join()
    assert dribbler.was_left
    assert "TimeoutError" in only_delivery(organisation).last_error


def test_a_server_never_tells_a_private_network(organisation, endpoint, receiver, settings):
    settings.WEBHOOKS_TO_PRIVATE_NETWORKS = False
    answered(organisation)

    assert webhooks.tell_due(organisation.pk, now=NOON, limit=9) == 0
    assert receiver.told == []
    assert only_delivery(organisation).last_error == NotPublic.__doc__


@pytest.mark.parametrize(
    "url",
    ["ftp://example.com/", "https://", "https://user:word@example.com/", "javascript:alert(1)"]
    + ["http://example.com/", "//example.com", "example.com", "", "https://@example.com/"]
    + ["https://[", "https://[::1", "https://[v1.a]/", "https://[fe80::1%eth0]/", "https://℀.fr/"]
    + ["https://a:99999/", "https://a:0/", "https://a:b/", "https://exa mple.com/", "https://:443/"]
    + ["https://exa\tmple.com/", "https://a..b/", "https://.fr/", "https://-a.fr/"]
    + ["https://example.com/a b", f"https://{64 * 'a'}.fr/", "https://ex㏇.fr/"],
)
def test_an_address_that_may_not_be_told_is_refused(inside, settings, url):
    settings.WEBHOOKS_TO_PRIVATE_NETWORKS = False

    with pytest.raises(webhooks.UrlRefused):
        webhooks.add_endpoint(url, [REPLIED])


@pytest.mark.parametrize(
    "url",
    ["https://example.com", "https://EXAMPLE.com:8443/a?b=%20", "https://example.com./"]
    + [
        "https://exämple.fr/café",
        "https://straße.example/",
        "https://xn--exmple-cua.fr/",
        "https://[2001:db8::1]:8443/",
    ]
    + ["http://receiver_1:8000/hook", "http://127.0.0.1/"],
)
def test_an_address_that_may_be_told_is_taken_as_it_is(inside, url):
    assert webhooks.add_endpoint(url, [REPLIED])[0].url == url


@pytest.mark.parametrize("events", [[], ["everything"], [REPLIED, "everything"]])
def test_events_are_those_that_are_offered(inside, events):
    with pytest.raises(webhooks.EventsRefused):
        webhooks.add_endpoint("https://example.com/hook", events)


def test_the_secret_is_sealed_and_the_trail_does_not_tell_it(organisation, endpoint):
    row, secret = endpoint

    assert secret not in row.sealed_secret
    with tenant(organisation.pk):
        event = AuditEvent.objects.get(object_type="outreach.webhookendpoint")
    assert event.changes["sealed_secret"] == ["…", "…"]
    assert row.sealed_secret not in str(event.changes)


def test_a_new_secret_signs_from_then_on(organisation, endpoint, receiver):
    with tenant(organisation.pk):
        secret = webhooks.renew_secret(endpoint[0])
    answered(organisation)
    webhooks.tell_due(organisation.pk, now=NOON, limit=9)

    [(headers, body)] = receiver.told
    assert headers["webhook-signature"] == Webhook(secret).sign(headers["webhook-id"], NOON, body)


def test_the_worker_finds_whoever_has_something_to_tell(organisation, other_organisation, endpoint):
    answered(organisation)

    def found(now):
        return [each["organisation_id"] for each in due(now=now)["prospectflow.tell_programs"]]

    assert found(NOON) == [organisation.pk]
    assert jobs.tell_programs(organisation.pk, now=NOON) == 1
    assert found(NOON + timedelta(days=9)) == []


@pytest.mark.parametrize("status", [DeliveryStatus.DELIVERED, DeliveryStatus.WAITING])
def test_old_tellings_are_forgotten_also_where_nobody_was_ever_told(organisation, endpoint, status):
    answered(organisation)
    with tenant(organisation.pk):
        WebhookDelivery.objects.update(status=status)
        webhooks.move_endpoint(endpoint[0], WebhookStatus.DISABLED)

    assert webhooks.forget_told(organisation.pk, now=NOON + webhooks.KEPT) == 0
    assert webhooks.forget_told(organisation.pk, now=NOON + timedelta(days=31)) == 1
