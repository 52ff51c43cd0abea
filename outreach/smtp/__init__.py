"""Sending over SMTP."""

from outreach.smtp.account import PlainRefused, Security, SmtpAccount
from outreach.smtp.connection import Connection, connect
from outreach.smtp.outcomes import (
    Accepted,
    MailboxUnreachable,
    Outcome,
    Refused,
    SendFailure,
    ServerLeft,
    Stage,
    Unknown,
)
from outreach.smtp.wire import Envelope

__all__ = [
    "Accepted",
    "Connection",
    "Envelope",
    "MailboxUnreachable",
    "Outcome",
    "PlainRefused",
    "Refused",
    "Security",
    "SendFailure",
    "ServerLeft",
    "SmtpAccount",
    "Stage",
    "Unknown",
    "connect",
]
