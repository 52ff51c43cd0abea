"""Who would answer a mail, and how long after it: drawn, but always the same for one seed."""

from collections.abc import Sequence
from datetime import timedelta
from hashlib import sha256
from itertools import pairwise

DELAYS: Sequence[tuple[float, timedelta]] = (
    (0.00, timedelta(minutes=5)),
    (0.25, timedelta(hours=1)),
    (0.50, timedelta(hours=5)),
    (0.75, timedelta(days=1)),
    (0.90, timedelta(days=3)),
    (1.00, timedelta(days=10)),
)
"""Which share of the answers has come after how long; between two of them evenly."""


def answer_after(seed: str, rate: float) -> timedelta | None:
    """After how long the person answers this mail; None, in all but `rate` of the cases: never."""
    whether, when = _shares(seed)
    return delay_of(when) if whether < rate else None


def delay_of(share: float) -> timedelta:
    """After how long this share of the answers has come; `share` from 0 to 1."""
    for (low, early), (high, late) in pairwise(DELAYS):
        if share <= high:
            return early + (late - early) * ((share - low) / (high - low))
    return DELAYS[-1][1]


def _shares(seed: str) -> tuple[float, float]:
    """Two numbers from 0 to 1 that have nothing to do with each other."""
    drawn = sha256(f"reply:{seed}".encode()).digest()
    return int.from_bytes(drawn[:8]) / 2**64, int.from_bytes(drawn[8:16]) / 2**64
