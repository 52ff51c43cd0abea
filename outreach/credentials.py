"""Mailbox passwords at rest: sealed by the newest key, readable by any key still listed."""

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from prospectflow.errors import DomainError


class CredentialKeyRefused(DomainError):
    """CREDENTIAL_KEYS needs at least one key, each 32 bytes in URL-safe base64."""


class CredentialUnreadable(DomainError):
    """No key in CREDENTIAL_KEYS opens this password; restore the key or enter it again."""


def seal(text: str, keys: Sequence[str] | None = None) -> str:
    """Encrypt a secret with the first key."""
    return _fernet(keys).encrypt(text.encode()).decode()


def unseal(sealed: str, keys: Sequence[str] | None = None) -> str:
    """Decrypt a secret with whichever key sealed it."""
    fernet = _fernet(keys)
    try:
        return fernet.decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise CredentialUnreadable from None


def reseal(sealed: str, keys: Sequence[str] | None = None) -> str:
    """Encrypt the same secret again with the first key, so that older keys can be retired."""
    fernet = _fernet(keys)
    try:
        return fernet.rotate(sealed.encode()).decode()
    except InvalidToken:
        raise CredentialUnreadable from None


def _fernet(keys: Sequence[str] | None) -> MultiFernet:
    keys = settings.CREDENTIAL_KEYS if keys is None else keys
    if not keys:
        raise CredentialKeyRefused
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError:
        raise CredentialKeyRefused from None  # the cause would repeat the key
