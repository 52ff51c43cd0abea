"""Which of a campaign's mailboxes writes to whom: stable, and in proportion to the weights."""

from collections.abc import Mapping
from hashlib import sha256
from math import log
from uuid import UUID


def mailbox_of(seed: UUID, shares: Mapping[UUID, int]) -> UUID:
    """The mailbox for this seed among mailbox -> weight; ValueError without any.

    Always the same for the same seed and shares. A mailbox that is added takes its own share and
    moves nothing else; one that goes leaves what was its own to the others (weighted rendezvous
    hashing: Schindelhauer and Schomaker, 2005).
    """
    return max(sorted(shares), key=lambda mailbox: _draw(seed, mailbox, shares[mailbox]))


def _draw(seed: UUID, mailbox: UUID, weight: int) -> float:
    """How strongly this mailbox asks for the seed; the greater the weight, the oftener it wins."""
    mark = int.from_bytes(sha256(mailbox.bytes + seed.bytes).digest()[:8])
    return -weight / log((mark + 0.5) / 2**64)
