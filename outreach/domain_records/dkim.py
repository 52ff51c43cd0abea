"""Whether the key that signs a domain's mails is published (RFC 6376, 3.6.1; RFC 8301)."""

import re
from base64 import b64decode

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from outreach.domain_records.asking import SILENCE, Asker, Finding, Unanswered

FEWEST_BITS, WANTED_BITS = 1024, 2048


def tags(record: str) -> dict[str, str]:
    """The tags of a record; of one that stands twice the first counts (RFC 6376, 3.2)."""
    found: dict[str, str] = {}
    for part in record.split(";"):
        name, equals, value = part.partition("=")
        if equals:
            found.setdefault(name.strip().lower(), value.strip())
    return found


def check_dkim(domain: str, selector: str, asker: Asker, *, ours: str = "") -> Finding:
    """Whether the selector's key is published; `ours` is the record of a key that signs here."""
    if not selector:
        return Finding("unknown", "Name the DKIM selector, so that its key can be looked for.")
    name = f"{selector}._domainkey.{domain}"
    try:
        records = asker.texts(name)
    except Unanswered:
        return SILENCE
    if not records:
        return Finding("fail", f"There is no DKIM key at {name}: publish its TXT record.")
    if len(records) > 1:
        return Finding("fail", f"There are {len(records)} records at {name}: leave one.")
    return _judged(name, tags(records[0]), tags(ours))


def _judged(name: str, said: dict[str, str], ours: dict[str, str]) -> Finding:
    key = _bare(said.get("p", ""))
    if said.get("v", "DKIM1") != "DKIM1" or "p" not in said:
        return Finding("fail", f"What stands at {name} is no DKIM key.")
    if not key:
        return Finding("fail", f"The DKIM key at {name} was withdrawn (its p= is empty).")
    if ours and key != _bare(ours.get("p", "")):
        return Finding("fail", f"The DKIM key at {name} is another than the one that signs here.")
    if said.get("k", "rsa").lower() == "rsa":
        return _measured(name, key, testing="y" in said.get("t", "").lower().split(":"))
    return Finding("ok", f"The DKIM key at {name} is published.")


def _measured(name: str, key: str, *, testing: bool) -> Finding:
    try:
        public = load_der_public_key(b64decode(key, validate=True))
    except (ValueError, UnsupportedAlgorithm):
        return Finding("fail", f"The DKIM key at {name} cannot be read: copy it again, whole.")
    bits = public.key_size if isinstance(public, rsa.RSAPublicKey) else 0
    if bits < FEWEST_BITS:
        return Finding("fail", f"The DKIM key at {name} is too short to be believed.")
    if bits < WANTED_BITS:
        return Finding("warn", f"The DKIM key at {name} has {bits} bits: 2048 are wanted.")
    if testing:
        return Finding("warn", f"The DKIM key at {name} is marked as a test: take t=y away.")
    return Finding("ok", f"The DKIM key at {name} is published, with {bits} bits.")


def _bare(key: str) -> str:
    return re.sub(r"\s", "", key)
