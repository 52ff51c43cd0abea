"""Why there is no talking to a server at all, in words of our own."""

import ssl
from socket import gaierror

from prospectflow.errors import DomainError


class HostUnknown(DomainError):
    """No address is known for this host name: check it, and this machine's name server."""


class NobodyListens(DomainError):
    """Nobody listens at this host and port: check both, and whether the server runs."""


class TlsNotSpoken(DomainError):
    """What listens there does not begin with TLS: choose STARTTLS, or another port."""


def reason_unreachable(error: BaseException | None) -> type[DomainError] | None:
    """What kept the connection from being made; None where this error does not tell."""
    while error is not None:
        if isinstance(error, gaierror | UnicodeError):  # a name that cannot be one is not encoded
            return HostUnknown
        if isinstance(error, ConnectionRefusedError):
            return NobodyListens
        if isinstance(error, ssl.SSLError):
            return TlsNotSpoken
        error = error.__cause__ or error.__context__
    return None
