"""Telling other programs what happened: written down with the event, told afterwards, signed.

The headers are those of Standard Webhooks 1.0; every event is told at least once, under one id.
"""

import json
from base64 import b64encode
from collections.abc import Callable
from datetime import datetime, timedelta
from secrets import token_bytes
from time import monotonic
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from standardwebhooks import Webhook

from outreach.credentials import CredentialUnreadable, seal, unseal
from outreach.models import Enrollment, WebhookDelivery, WebhookEndpoint
from outreach.posting import NO_ANSWER, NotPublic, address_of, post
from outreach.states import DeliveryStatus, EnrollmentState, WebhookEvent, WebhookStatus
from prospectflow.choices import move
from prospectflow.errors import DomainError
from prospectflow.tenancy.context import tenant

# Waits after each failed telling; after the last the delivery has failed (Standard Webhooks).
RETRIES = tuple(
    timedelta(seconds=seconds) for seconds in (5, 300, 1800, 7200, 18000, 36000, 50400, 72000)
)
KEPT = timedelta(days=30)
TELLING_SECONDS = 10.0
ROUND_SECONDS = 30.0
GONE = 410
EVENT_OF = {
    EnrollmentState.REPLIED: WebhookEvent.REPLIED,
    EnrollmentState.BOUNCED: WebhookEvent.BOUNCED,
    EnrollmentState.UNSUBSCRIBED: WebhookEvent.UNSUBSCRIBED,
}


class UrlRefused(DomainError):
    """A webhook's address must begin with https:// and name a public host, without a password."""


class EventsRefused(DomainError):
    """Choose at least one event, from those that are offered."""


def add_endpoint(url: str, events: list[str]) -> tuple[WebhookEndpoint, str]:
    """A new endpoint and its secret, which nobody can read again afterwards.

    Raises UrlRefused and EventsRefused.
    """
    secret = new_secret()
    endpoint = WebhookEndpoint(
        url=checked_url(url), events=checked_events(events), sealed_secret=seal(secret)
    )
    endpoint.save()
    return endpoint, secret


def renew_secret(endpoint: WebhookEndpoint) -> str:
    """Another secret for the endpoint; the old one signs nothing any more."""
    secret = new_secret()
    endpoint.sealed_secret = seal(secret)
    endpoint.save(update_fields=["sealed_secret"])
    return secret


def new_secret() -> str:
    """256 random bits in the form that Standard Webhooks' libraries read."""
    return f"whsec_{b64encode(token_bytes(32)).decode()}"


def checked_url(url: str) -> str:
    """The address, if it may be told anything; UrlRefused otherwise.

    Whether its host is public is found out when it is told, since names change their addresses.
    """
    url = url.strip()
    try:
        scheme = address_of(url).scheme
    except ValueError as error:
        raise UrlRefused from error
    if scheme != "https" and not settings.WEBHOOKS_TO_PRIVATE_NETWORKS:
        raise UrlRefused
    return url


def checked_events(events: list[str]) -> list[str]:
    """The events, each once and in one order; EventsRefused for none or an unknown one."""
    if not events or not set(events) <= set(WebhookEvent.values):
        raise EventsRefused
    return sorted(set(events))


def move_endpoint(endpoint: WebhookEndpoint, to: str, *, reason: str = "") -> WebhookEndpoint:
    """Let an endpoint be told again, or no more; IllegalMove where its state does not allow it."""
    endpoint = WebhookEndpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)
    move(endpoint, "status", to, WebhookEndpoint.MOVES)
    endpoint.status_reason = reason
    endpoint.save(update_fields=["status", "status_reason"])
    return endpoint


def announce(event: str, data: dict[str, Any], *, at: datetime) -> None:
    """Have every endpoint that asked for this event told of it, if this transaction commits."""
    told = WebhookEndpoint.objects.filter(status=WebhookStatus.ACTIVE, events__contains=[event])
    body = json.dumps({"type": event, "timestamp": at.isoformat(), "data": data})
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(endpoint=endpoint, event=event, body=body, at=at, due_at=at)
        for endpoint in told
    )


def announce_end(enrollment: Enrollment, *, at: datetime) -> None:
    """Tell of an enrolment that was answered, bounced or unsubscribed; of no other state."""
    event = EVENT_OF.get(EnrollmentState(enrollment.state))
    if event is not None:
        announce_enrollment(event, enrollment, at=at)


def announce_enrollment(event: str, enrollment: Enrollment, *, at: datetime) -> None:
    """Tell what happened to whom, in which campaign."""
    data = {
        "enrollment": str(enrollment.pk),
        "campaign": str(enrollment.campaign_id),
        "position": str(enrollment.position_id),
        "email": enrollment.position.email,
        "reason": enrollment.stopped_reason,
    }
    announce(event, data, at=at)


@transaction.atomic
def tell_again(delivery: WebhookDelivery, *, at: datetime) -> WebhookDelivery:
    """Give a failed delivery all its tries again; IllegalMove for any other."""
    delivery = WebhookDelivery.objects.select_for_update(no_key=True).get(pk=delivery.pk)
    move(delivery, "status", DeliveryStatus.WAITING, WebhookDelivery.MOVES)
    delivery.attempts, delivery.due_at = 0, at
    delivery.save(update_fields=["status", "attempts", "due_at"])
    return delivery


def tell_due(
    organisation_id: UUID,
    *,
    now: datetime,
    limit: int,
    stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Tell what is due, the oldest first; returns how much was heard.

    An endpoint that fails is left alone until the next round, and slow ones keep nobody waiting
    for longer than half a minute and a telling. Nothing more is told once `stopping` says so.
    Call it outside of a scope.
    """
    heard, failing, began = 0, set[UUID](), monotonic()
    for _ in range(limit):
        delivery = _begin(organisation_id, failing, now=now)
        if delivery is None:
            break
        status, error = _tell(delivery, now=now)
        if _settle(organisation_id, delivery, status, error, now=now):
            heard += 1
        else:
            failing.add(delivery.endpoint_id)
        if stopping() or monotonic() - began >= ROUND_SECONDS:
            break
    return heard


def forget_told(organisation_id: UUID, *, now: datetime) -> int:
    """Delete what happened more than 30 days ago, told or not; returns how much.

    What waits for so long waits at an endpoint that is disabled: all tries take three days.
    """
    with tenant(organisation_id):
        return WebhookDelivery.objects.filter(at__lt=now - KEPT).delete()[0]


def _begin(organisation_id: UUID, failing: set[UUID], *, now: datetime) -> WebhookDelivery | None:
    """One due delivery, its next try planned before this one begins: a crash loses nothing."""
    with tenant(organisation_id):
        waiting = WebhookDelivery.objects.filter(status=DeliveryStatus.WAITING, due_at__lte=now)
        delivery = (
            waiting.exclude(endpoint__in=failing)
            .filter(endpoint__status=WebhookStatus.ACTIVE)
            .select_related("endpoint")
            .select_for_update(skip_locked=True, of=("self",))
            .order_by("due_at", "id")
            .first()
        )
        if delivery is not None:
            delivery.due_at = now + RETRIES[min(delivery.attempts, len(RETRIES) - 1)]
            delivery.attempts += 1
            delivery.save(update_fields=["due_at", "attempts"])
        return delivery


def _tell(delivery: WebhookDelivery, *, now: datetime) -> tuple[int | None, str]:
    """The status that the endpoint answers within ten seconds, or why there is none."""
    try:
        status = post(
            delivery.endpoint.url,
            delivery.body.encode(),
            _headers(delivery, now),
            seconds=TELLING_SECONDS,
            anywhere=settings.WEBHOOKS_TO_PRIVATE_NETWORKS,
        )
    except (CredentialUnreadable, NotPublic) as refusal:
        return None, str(refusal)
    except NO_ANSWER as error:
        return None, f"{type(error).__name__}: the address could not be told."
    return status, ""


def _headers(delivery: WebhookDelivery, now: datetime) -> dict[str, str]:
    secret, message_id = unseal(delivery.endpoint.sealed_secret), str(delivery.pk)
    return {
        "Content-Type": "application/json",
        "User-Agent": "ProspectFlow-Webhooks/1",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, now, delivery.body),
    }


def _settle(
    organisation_id: UUID,
    told: WebhookDelivery,
    status: int | None,
    error: str,
    *,
    now: datetime,
) -> bool:
    """Write down what came of it; an endpoint that is gone (410) is told nothing more.

    Nothing is written where it was deleted meanwhile, or settled by another worker.
    """
    heard = status is not None and 200 <= status < 300
    with tenant(organisation_id):
        found = _still_waiting(told)
        if found is None:
            return heard
        endpoint, delivery = found
        delivery.answered_status = status
        delivery.last_error = "" if heard else error or f"The answer was {status}."
        if heard:
            move(delivery, "status", DeliveryStatus.DELIVERED, WebhookDelivery.MOVES)
            delivery.delivered_at = now
        elif delivery.attempts > len(RETRIES) or status == GONE:
            move(delivery, "status", DeliveryStatus.FAILED, WebhookDelivery.MOVES)
        delivery.save(update_fields=["status", "answered_status", "last_error", "delivered_at"])
        if status == GONE and endpoint.status == WebhookStatus.ACTIVE:
            move_endpoint(endpoint, WebhookStatus.DISABLED, reason="It said 410, gone.")
    return heard


def _still_waiting(told: WebhookDelivery) -> tuple[WebhookEndpoint, WebhookDelivery] | None:
    """Both locked, in the order in which a deletion locks them."""
    endpoints = WebhookEndpoint.objects.filter(pk=told.endpoint_id)
    deliveries = WebhookDelivery.objects.filter(pk=told.pk, status=DeliveryStatus.WAITING)
    endpoint = endpoints.select_for_update(no_key=True).first()
    delivery = deliveries.select_for_update(no_key=True).first()
    return (endpoint, delivery) if endpoint and delivery else None
