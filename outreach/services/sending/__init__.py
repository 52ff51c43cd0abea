"""Sending, at most once: what is meant to leave is committed before the server hears of it.

scheduled -> leased -> transmitting (committed) -> sent, or deferred, or failed, or unknown.
"""

from outreach.services.sending.batches import intend, send_batch, send_next
from outreach.services.sending.freezing import freeze
from outreach.services.sending.leasing import (
    LEASE,
    hand_back,
    lease,
    mailboxes_with_work,
    sending_order,
)
from outreach.services.sending.lost import declare_unknown

__all__ = [
    "LEASE",
    "declare_unknown",
    "freeze",
    "hand_back",
    "intend",
    "lease",
    "mailboxes_with_work",
    "send_batch",
    "send_next",
    "sending_order",
]
