"""The three addresses that programs of the operator ask, in the web process and in workers.

`/health/live` and `/health/ready` are for anybody: they tell that something is wrong, never what
it is called or where it runs. `/metrics` is for those who bear METRICS_TOKEN, or come straight
from one of METRICS_ALLOWED.
"""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from hmac import compare_digest
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any, NamedTuple

from django.conf import settings
from prometheus_client.core import Metric

from prospectflow.monitoring.exposition import CONTENT_TYPE_LATEST, counted, exposition, processes
from prospectflow.monitoring.gauges import gauges
from prospectflow.monitoring.health import checks

WEB, WORKER = "web", "worker"
READ = frozenset({"GET", "HEAD"})


class Asked(NamedTuple):
    """A request, as far as it matters here; the service is WEB or WORKER."""

    path: str
    method: str
    service: str
    address: str = ""
    authorization: str = ""
    is_forwarded: bool = False


class Answer(NamedTuple):
    """What is said; nobody keeps it."""

    status: HTTPStatus
    content_type: str
    body: bytes


def answer(asked: Asked, *, now: datetime) -> Answer | None:
    """The answer, or None for any other address than the three."""
    said = ADDRESSES.get(asked.path.rstrip("/"))
    if said is None:
        return None
    if asked.method not in READ:
        return _told(HTTPStatus.METHOD_NOT_ALLOWED, {"status": "This is only read."})
    return said(asked, now)


def _live(asked: Asked, now: datetime) -> Answer:
    """The process runs and answers; nothing else is asked."""
    return _told(HTTPStatus.OK, {"status": "ok"})


def _ready(asked: Asked, now: datetime) -> Answer:
    """Whether it can serve; that no worker is alive is told, but pages are served all the same."""
    found = checks(now=now)
    can_serve = all(check.ok or not check.is_needed for check in found)
    is_well = all(check.ok for check in found)
    told = {
        check.name: {"ok": check.ok, "milliseconds": check.milliseconds}
        | ({"sentence": check.sentence} if check.sentence else {})
        for check in found
    }
    status = HTTPStatus.OK if can_serve else HTTPStatus.SERVICE_UNAVAILABLE
    word = "ok" if is_well else "degraded" if can_serve else "unavailable"
    return _told(status, {"status": word, "checks": told})


def _metrics(asked: Asked, now: datetime) -> Answer:
    if not may_read_metrics(asked):
        return _told(HTTPStatus.FORBIDDEN, {"status": "Metrics need METRICS_TOKEN as a bearer."})
    body = exposition(_families(asked.service, now), service=asked.service)
    return Answer(HTTPStatus.OK, CONTENT_TYPE_LATEST, body)


def _families(service: str, now: datetime) -> Iterator[Metric]:
    """What this process knows; how all stands is told once, by the web."""
    yield from counted()
    yield from processes()
    if service == WEB:
        yield from gauges(now=now)


def may_read_metrics(asked: Asked) -> bool:
    """By the token; by the address only where no proxy stands between, since all come from it."""
    expected = f"Bearer {settings.METRICS_TOKEN}".encode()
    if settings.METRICS_TOKEN and compare_digest(asked.authorization.encode(), expected):
        return True
    try:
        address = ip_address(asked.address)
    except ValueError:
        return False
    plain = getattr(address, "ipv4_mapped", None) or address  # ::ffff:10.1.2.3 is 10.1.2.3
    return not asked.is_forwarded and any(plain in each for each in settings.METRICS_ALLOWED)


def _told(status: HTTPStatus, body: dict[str, Any]) -> Answer:
    return Answer(status, "application/json", json.dumps(body).encode() + b"\n")


ADDRESSES: dict[str, Callable[[Asked, datetime], Answer]] = {
    "/health/live": _live,
    "/health/ready": _ready,
    "/metrics": _metrics,
}
