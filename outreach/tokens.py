"""Opaque links: a token of 22 characters that works for one purpose and one row only."""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256
from uuid import UUID

from django.conf import settings

from prospectflow.errors import DomainError

SIZE = 16  # 128 bits: out of reach of guessing, and short enough for one header line


class TokenKeyMissing(DomainError):
    """No token can be made without a key; put at least one into TOKEN_KEYS."""


def token(purpose: str, identifier: UUID, keys: Sequence[str] | None = None) -> str:
    """The token of this row for this purpose, signed by the first key; always the same one."""
    return _sign(_keys(keys)[0], purpose, identifier)


def belongs(
    candidate: str, purpose: str, identifier: UUID, keys: Sequence[str] | None = None
) -> bool:
    """Whether any of the keys made this token for this row and purpose."""
    given = candidate.encode()
    signed = (_sign(key, purpose, identifier).encode() for key in _keys(keys))
    return any(hmac.compare_digest(given, one) for one in signed)


def digest(candidate: str) -> bytes:
    """What the database keeps of a token: enough to find its row, useless to whoever reads it."""
    return sha256(candidate.encode()).digest()


def _sign(key: str, purpose: str, identifier: UUID) -> str:
    mark = hmac.digest(key.encode(), purpose.encode() + identifier.bytes, "sha256")[:SIZE]
    return urlsafe_b64encode(mark).rstrip(b"=").decode()


def _keys(keys: Sequence[str] | None) -> Sequence[str]:
    keys = settings.TOKEN_KEYS if keys is None else keys
    if not keys or not all(keys):
        raise TokenKeyMissing
    return keys
