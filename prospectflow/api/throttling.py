"""How often the API may be asked: each caller, each organisation, and what is dear besides."""

from collections.abc import Iterator
from typing import Any

from django.utils import timezone
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from prospectflow.api.errors import Problem
from prospectflow.throttles import TOO_MANY, Limit, Standing, spend


class PerCaller(BaseThrottle):
    """Every request counts for its caller and organisation; some count for a scope of their own.

    A view says `rated = {"create": "invitations"}`: an action, and a key of settings.RATES
    that is counted for the organisation. One round trip to Redis.
    """

    def allow_request(self, request: Request, view: Any) -> bool:
        standings = spend(list(_limits(request, view)), now=timezone.now())
        headers = dict(_headers(standings))
        waits = [each.retry_after for each in standings if each.retry_after]
        if waits:
            headers["Retry-After"] = str(max(waits))
            raise Problem(429, "THROTTLED", TOO_MANY.format(max(waits)), headers=headers)
        view.headers |= headers
        return True


def _limits(request: Request, view: Any) -> Iterator[Limit]:
    place = request._request.membership
    program = place.service_account_id if place else None
    caller = program or request.user.pk
    yield Limit("person", caller)
    if request.method not in SAFE_METHODS:
        yield Limit("writes", caller)
    if place:
        yield Limit("organisation", place.organisation_id)
        action = getattr(view, "action", None)
        if dear := {"export": "exports", **getattr(view, "rated", {})}.get(action):
            yield Limit(dear, place.organisation_id)


def _headers(standings: list[Standing]) -> Iterator[tuple[str, str]]:
    """What is allowed and what is left (draft-ietf-httpapi-ratelimit-headers-10)."""
    policies = (f'"{each.scope}";q={each.amount};w={each.period}' for each in standings)
    left = (f'"{each.scope}";r={each.remaining};t={each.reset}' for each in standings)
    yield "RateLimit-Policy", ", ".join(policies)
    yield "RateLimit", ", ".join(left)
