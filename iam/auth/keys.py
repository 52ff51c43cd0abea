"""The provider's public keys, fetched seldom and parsed once."""

import logging
import math
from collections.abc import Callable, Mapping
from datetime import timedelta
from threading import Lock
from typing import Any

from jwt import PyJWK, PyJWKSet, PyJWTError

from iam.auth.refusals import Refusal

ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
SEARCH_PAUSE = 30.0  # seconds between two searches for an unknown key, or two failures
FIRST_PAUSE = 5.0  # seconds between two failures while there is no key at all
OLDEST_KEYS = timedelta(hours=24).total_seconds()

log = logging.getLogger(__name__)

Keys = Mapping[str | None, PyJWK]


def usable_keys(document: Mapping[str, Any]) -> Keys:
    """Parse the keys that sign by an algorithm of ours; PROVIDER_UNAVAILABLE without any."""
    try:
        published = PyJWKSet.from_dict(dict(document)).keys
        keys = {key.key_id: key for key in published if _signs(key)}
    except (PyJWTError, TypeError, ValueError, AttributeError) as error:
        raise Refusal("PROVIDER_UNAVAILABLE", reason=f"malformed keys: {error}") from error
    if not keys:
        raise Refusal("PROVIDER_UNAVAILABLE", reason="no usable key is published")
    return keys


def _signs(key: PyJWK) -> bool:
    return key.algorithm_name in ALGORITHMS and key.public_key_use in ("sig", None)


class KeySet:
    """Finds a key by its `kid`. Threads may share it; forged kids cannot make it fetch often.

    Keys are renewed after `lifetime`. While that fails, the old ones serve for up to 24 hours.
    `clock` counts seconds and never runs backwards.
    """

    def __init__(
        self,
        fetch: Callable[[], Mapping[str, Any]],
        *,
        lifetime: timedelta,
        clock: Callable[[], float],
    ) -> None:
        self._fetch = fetch
        self._lifetime = lifetime.total_seconds()
        self._clock = clock
        self._lock = Lock()
        self._keys: Keys = {}
        self._failed = False
        self._renew_at = self._search_at = self._dead_at = -math.inf

    def find(self, kid: str | None) -> PyJWK:
        """Return the key; TOKEN_INVALID or PROVIDER_UNAVAILABLE where there is none."""
        key = self._known(kid)
        if self._is_due(key):
            self._refresh(kid, wait=key is None)
            key = self._known(kid)
        if key is not None:
            return key
        raise Refusal(
            "PROVIDER_UNAVAILABLE" if self._failed else "TOKEN_INVALID", reason="unknown key"
        )

    def _known(self, kid: str | None) -> PyJWK | None:
        keys = self._keys if self._clock() < self._dead_at else {}
        if kid is None and len(keys) == 1:  # RFC 7515 4.1.4: a single key needs no name
            return next(iter(keys.values()))
        return keys.get(kid)

    def _is_due(self, key: PyJWK | None) -> bool:
        now = self._clock()
        return now >= self._renew_at or (key is None and now >= self._search_at)

    def _refresh(self, kid: str | None, *, wait: bool) -> None:
        """Fetch unless another thread just did; who holds an old key does not wait for it."""
        if not self._lock.acquire(blocking=wait):
            return
        try:
            if self._is_due(self._known(kid)):
                self._renew()
        finally:
            self._lock.release()

    def _renew(self) -> None:
        searching = self._clock() < self._renew_at
        try:
            self._keys = usable_keys(self._fetch())
        except Refusal as refusal:
            self._postpone(refusal)
            return
        now = self._clock()
        self._failed = False
        self._renew_at, self._dead_at = now + self._lifetime, now + OLDEST_KEYS
        if searching:
            self._search_at = now + SEARCH_PAUSE

    def _postpone(self, refusal: Refusal) -> None:
        log.warning("The sign-in provider's keys could not be fetched: %s", refusal.reason)
        now = self._clock()
        self._failed = True
        pause = SEARCH_PAUSE if now < self._dead_at else FIRST_PAUSE
        self._renew_at = self._search_at = now + pause
