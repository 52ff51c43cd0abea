"""How sessions are named in Redis, and the way to it.

A session is kept under a digest of its key. The digest names it in pages and in the API too:
the key itself is known to the browser alone, and whoever reads Redis can sign in as nobody.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django_redis import get_redis_connection
from redis.exceptions import RedisError


class StoreUnreachable(Exception):
    """The session store does not answer."""


@contextmanager
def redis() -> Iterator[Any]:
    """Redis, or StoreUnreachable when it is stopped, silent, or will not do what is asked."""
    try:
        yield get_redis_connection(settings.SESSION_CACHE_ALIAS)
    except RedisError as error:
        raise StoreUnreachable(str(error)) from error


def public_id(session_key: str) -> str:
    """The name of a session that may be shown: nobody finds the key from it."""
    return sha256(session_key.encode()).hexdigest()


def name_of(session_id: str) -> str:
    """Where in Redis the session of this public id is."""
    return str(caches[settings.SESSION_CACHE_ALIAS].make_key(f"session:{session_id}"))


def index_of(user_id: object) -> str:
    """Where in Redis a person's sessions are listed, by the last second each may live."""
    return str(caches[settings.SESSION_CACHE_ALIAS].make_key(f"sessions-of:{user_id}"))
