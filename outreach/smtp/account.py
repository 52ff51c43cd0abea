"""How a mailbox's server is reached."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from socket import create_connection
from typing import Literal

from outreach.mail.message import is_loopback
from prospectflow.deadlines import Dial
from prospectflow.errors import DomainError

type Security = Literal["plain", "starttls", "tls"]


class PlainRefused(DomainError):
    """Mail without encryption may go to this very machine only; choose starttls or tls."""


@dataclass(frozen=True)
class SmtpAccount:
    """How to reach a mailbox's server. Times are seconds; `final_timeout` follows RFC 5321."""

    host: str
    port: int
    security: Security
    username: str = ""
    password: str = field(default="", repr=False)
    access_token: Callable[[], str] | None = field(default=None, repr=False)  # for XOAUTH2
    timeout: float = 30
    final_timeout: float = 600  # 4.5.3.2.6: giving up on the final dot early breeds duplicates
    tls: ssl.SSLContext | None = field(default=None, repr=False)  # None trusts the system's CAs
    dial: Dial = field(default=create_connection, repr=False)

    def __post_init__(self) -> None:
        if self.security == "plain" and not is_loopback(self.host):
            raise PlainRefused
        if self.security not in ("plain", "starttls", "tls"):
            raise DomainError(f'"{self.security}" is no SMTP security: use starttls, tls or plain.')
