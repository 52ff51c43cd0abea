"""How often somebody may do something, counted in Redis for all processes together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil, floor

from django.conf import settings
from django.core.cache import caches
from django_redis import get_redis_connection
from limits import RateLimitItem, parse

from prospectflow.errors import DomainError

TOO_MANY = "Too many requests: wait {} seconds."

# The generic cell rate algorithm (ITU-T I.371): a key holds the second at which all that was
# spent is earned back. Nothing is spent where any of the limits refuses.
# KEYS: one for each limit. ARGV: 1 to spend or 0 to look, now, then amount and period of each.
SPEND = """
local now, earned, refused = tonumber(ARGV[2]), {}, false
for i, key in ipairs(KEYS) do
    local amount, period = tonumber(ARGV[2 * i + 1]), tonumber(ARGV[2 * i + 2])
    earned[i] = math.max(tonumber(redis.call('GET', key) or now), now) + period / amount
    refused = refused or earned[i] - period > now + 0.000001
end
local told = {}
for i, key in ipairs(KEYS) do
    local period = tonumber(ARGV[2 * i + 2])
    if ARGV[1] == '1' and not refused then
        redis.call('SET', key, string.format('%.6f', earned[i]),
                   'PX', math.ceil((earned[i] - now) * 1000))
    end
    told[i] = string.format('%.6f', earned[i] - period - now)
end
return told
"""


@dataclass(frozen=True)
class Limit:
    """A rate of settings.RATES and whom it is counted for."""

    scope: str
    who: object

    @property
    def rate(self) -> RateLimitItem:
        return parse(settings.RATES[self.scope])

    @property
    def key(self) -> str:
        return str(
            caches["default"].make_key(f"{settings.THROTTLE_PREFIX}:{self.scope}:{self.who}")
        )


@dataclass(frozen=True)
class Standing:
    """Where somebody stands with one limit; `retry_after` and `reset` are in seconds."""

    scope: str
    amount: int
    period: int
    remaining: int
    reset: int
    retry_after: int | None


def spend(limits: Sequence[Limit], *, now: datetime) -> list[Standing]:
    """Count one more for each limit, or for none where one refuses; RedisError without Redis.

    One round trip, whatever the number of limits.
    """
    return _ask(limits, now, spends=True)


def throttle(scope: str, who: object, *, now: datetime) -> int | None:
    """Count one more; the seconds to wait where that was one too many."""
    return spend([Limit(scope, who)], now=now)[0].retry_after


class MustWait(DomainError):
    """Too many requests: wait."""


def at_most(scope: str, who: object, *, now: datetime) -> None:
    """Count one more; MustWait where that was one too many."""
    if wait := throttle(scope, who, now=now):
        raise MustWait(TOO_MANY.format(wait))


def must_wait(scope: str, who: object, *, now: datetime) -> int | None:
    """The seconds to wait until one more is allowed; counts nothing."""
    return _ask([Limit(scope, who)], now, spends=False)[0].retry_after


def neighbourhood(address: str) -> str:
    """Whom an IP address is counted as: a household's IPv6 network is /64, so are its tricks."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(ip_network((parsed, 64), strict=False))
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def _ask(limits: Sequence[Limit], now: datetime, *, spends: bool) -> list[Standing]:
    rates = [limit.rate for limit in limits]
    numbers = [number for rate in rates for number in (rate.amount, rate.get_expiry())]
    script = get_redis_connection("default").register_script(SPEND)
    overdrafts = script(
        keys=[limit.key for limit in limits],
        args=[int(spends), f"{now.timestamp():.6f}", *numbers],
    )
    return [
        _standing(limit.scope, rate, float(overdraft))
        for limit, rate, overdraft in zip(limits, rates, overdrafts, strict=True)
    ]


def _standing(scope: str, rate: RateLimitItem, overdraft: float) -> Standing:
    """`overdraft`: by how many seconds one more goes, or went, beyond what is allowed."""
    period = rate.get_expiry()
    refused = overdraft > 0.000001
    left = 0 if refused else floor(-overdraft / period * rate.amount + 0.000001)
    return Standing(
        scope=scope,
        amount=rate.amount,
        period=period,
        remaining=left,
        reset=max(0, ceil(period + overdraft)),
        retry_after=max(1, ceil(overdraft)) if refused else None,
    )
