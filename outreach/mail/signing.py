"""DKIM signatures (RFC 6376) that cover both headers of one-click unsubscribing (RFC 8058, 4)."""

import binascii
from base64 import b64encode
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from dkim import DKIM, DKIMException

from outreach.mail.message import MailRefused, wire_domain
from prospectflow.errors import DomainError

FEWEST_BITS, WANTED_BITS = 1024, 2048  # RFC 8301, 3.2
RELAXED = (b"relaxed", b"relaxed")
# What the library does not sign by itself: without them a mail is not unsubscribed from by a click.
OURS = frozenset({b"list-unsubscribe", b"list-unsubscribe-post", b"feedback-id"})
SIGNED = frozenset(DKIM.SHOULD) | OURS
# Named once more than they occur, so that nobody on the way adds another.
FROZEN = (b"from", b"subject", b"list-unsubscribe", b"list-unsubscribe-post")

type Signature = Callable[[bytes], bytes]


class DkimKeyRefused(DomainError):
    """Enter an RSA private key in PEM, without a passphrase, of at least 1024 bits."""


def make_key() -> str:
    """A new private key of 2048 bits, as PEM."""
    return _pem(rsa.generate_private_key(public_exponent=65537, key_size=WANTED_BITS))


def checked_key(pem: str) -> str:
    """The same key as PKCS#1 PEM; DkimKeyRefused where it is none, or too short."""
    return _pem(_key(pem))


def public_record(pem: str) -> str:
    """What the domain publishes for this private key (RFC 6376, 3.6.1)."""
    public = _key(pem).public_key()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={b64encode(der).decode()}"


def signature(*, domain: str, selector: str, key: str) -> Signature:
    """Puts a signature of this domain before a mail's bytes; MailRefused where it cannot."""
    names = selector.encode("ascii"), wire_domain(domain).encode("ascii")

    def sign(raw: bytes) -> bytes:
        try:
            mail = DKIM(raw)
            head: bytes = mail.sign(
                *names, key.encode(), canonicalize=RELAXED, include_headers=_signed(mail)
            )
        except (DKIMException, ValueError) as error:
            raise MailRefused("The mail cannot be signed: look at the DKIM key.") from error
        return head + raw

    return sign


def _signed(mail: DKIM) -> list[bytes]:
    present = [name.lower() for name, _ in mail.headers]
    return [name for name in present if name in SIGNED] + [n for n in FROZEN if n in present]


def _key(pem: str) -> rsa.RSAPrivateKey:
    try:
        key = load_pem_private_key(pem.strip().encode(), password=None)
    except (ValueError, TypeError, binascii.Error, UnicodeError) as error:
        raise DkimKeyRefused from error
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < FEWEST_BITS:
        raise DkimKeyRefused
    return key


def _pem(key: rsa.RSAPrivateKey) -> str:
    # The form that the signing library reads in every version.
    return key.private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    ).decode()
