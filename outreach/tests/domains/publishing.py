"""What a domain publishes, as a nameserver is told it."""

from base64 import b64encode

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

DOMAIN = "atelier.fr"


def txt(*records: str) -> dict[str, list[str]]:
    """TXT records, each in pieces of 255 octets as DNS wants them."""
    return {
        "TXT": [
            " ".join(f'"{record[n : n + 255]}"' for n in range(0, len(record), 255))
            for record in records
        ]
    }


def published(key=None, **tags: str) -> str:
    key = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    said = {"v": "DKIM1", "k": "rsa"} | tags | {"p": b64encode(der).decode()}
    return "; ".join(f"{name}={value}" for name, value in said.items())
