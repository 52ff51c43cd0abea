"""The key by which the laptop's OpenID provider signs, and access tokens signed by it."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from .errors import EmbeddedError, explained
from .secrets import write_once

ALGORITHM = "RS256"
BITS = 2048


def key_file(directory: Path) -> Path:
    """Where the key of this directory is, readable by its owner only; made at the first call."""
    path = directory.absolute() / "oidc" / "key.pem"
    with explained(directory):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            write_once(path, _new_key())
    return path


def key_id(path: Path) -> str:
    """What `kid` names this key: a digest of its public half."""
    public = _read(path).public_key()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()[:32]


def sign_access_token(claims: Mapping[str, Any], path: Path) -> str:
    """The claims as an access token of the provider (RFC 9068, section 2.1)."""
    headers = {"typ": "at+jwt", "kid": key_id(path)}
    return jwt.encode(dict(claims), _read(path), ALGORITHM, headers=headers)


def _new_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _read(path: Path) -> RSAPrivateKey:
    try:
        with explained(path.parent):
            key = load_pem_private_key(path.read_bytes(), password=None)
    except ValueError:
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise EmbeddedError(f"{path} is damaged: delete it, and run `manage.py embedded stop`.")
    return key
