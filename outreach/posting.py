"""One POST to a server that a customer named: nowhere private, no redirect, no endless answer."""

import re
import ssl
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from socket import SOCK_STREAM, getaddrinfo, socket
from typing import NamedTuple
from urllib.parse import urlsplit

import idna
from django.utils.encoding import iri_to_uri

from prospectflow.deadlines import Deadline
from prospectflow.errors import DomainError

STEP_SECONDS = 5
PORTS = {"https": 443, "http": 80}
LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
GLOBAL_UNICAST = ip_network("2000::/3")  # RFC 4291, 2.4: all that IANA hands out
# Handed out, and yet not public: registries of RFC 6890, which Pythons know by their age.
SPECIAL = [
    ip_network(each)
    for each in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2002::/16", "3fff::/20")
]
NO_ANSWER = (OSError, HTTPException, ValueError)
"""What `post` raises where no status came; ValueError for an address that is none."""


class NotPublic(DomainError):
    """The host's address is not a public one."""


@dataclass(frozen=True)
class Address:
    """Where a URL leads, as it goes over the wire: in ASCII."""

    scheme: str
    host: str
    port: int
    target: str


class Sent(NamedTuple):
    """What is posted, and where to."""

    url: str
    body: bytes
    headers: Mapping[str, str]


def address_of(url: str) -> Address:
    """Where the URL leads; ValueError where that is nowhere, or has a user or a password."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or parts.username is not None or parts.port == 0:
        raise ValueError("Only a scheme, a host and a port can be reached.")
    if any(each.isspace() or not each.isprintable() for each in url):
        raise ValueError("An address has no blanks.")
    host = (_numeric if "[" in parts.netloc else _name)(parts.hostname or "")
    target = iri_to_uri((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
    return Address(parts.scheme, host, parts.port or PORTS[parts.scheme], target)


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, seconds: float, anywhere: bool = False
) -> int:
    """The status that is answered within so many seconds; what else is answered is not read.

    Raises NO_ANSWER, and NotPublic for a private network unless it may go `anywhere`.
    """
    return ask(Sent(url, body, headers), seconds=seconds, anywhere=anywhere)[0]


def ask(sent: Sent, *, seconds: float, most: int = 0, anywhere: bool = False) -> tuple[int, bytes]:
    """What `post` promises, and of what is answered as many bytes as `most` says."""
    address = address_of(sent.url)
    with Deadline(seconds) as deadline:
        found = _found(address, anywhere=anywhere)
        with (
            deadline.dial((found, address.port), STEP_SECONDS) as sock,
            closing(_connection(address, sock)) as connection,
        ):
            headers = {"Connection": "close", **sent.headers}
            connection.request("POST", address.target, sent.body, headers)
            with connection.getresponse() as answer:
                return answer.status, answer.read(most) if most else b""


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether anybody on the internet may have this address, and reach it."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return is_public(address.ipv4_mapped)
        if address not in GLOBAL_UNICAST:
            return False
    special = address.is_multicast or any(address in each for each in SPECIAL)
    return address.is_global and not special


def _numeric(host: str) -> str:
    if IPv6Address(host).scope_id:
        raise ValueError("A zone means something on one machine alone.")
    return host


def _name(host: str) -> str:
    name = host if host.isascii() else idna.encode(host, uts46=True).decode()
    if not all(LABEL.fullmatch(label) for label in name.removesuffix(".").split(".")):
        raise ValueError("This is no host's name.")
    return name


def _found(address: Address, *, anywhere: bool) -> str:
    """The host's first address; NotPublic where any of them is private."""
    rows = getaddrinfo(address.host, address.port, type=SOCK_STREAM)
    found = [str(each[0]) for *_, each in rows]
    if not anywhere and not all(is_public(ip_address(each)) for each in found):
        raise NotPublic
    return found[0]


def _connection(address: Address, sock: socket) -> HTTPConnection:
    """A connection over what was dialled, encrypted where the URL says so."""
    if address.scheme == "http":
        plain = HTTPConnection(address.host, address.port)
        plain.sock = sock
        return plain
    tls = ssl.create_default_context()
    connection = HTTPSConnection(address.host, address.port, context=tls)
    connection.sock = tls.wrap_socket(sock, server_hostname=address.host)
    return connection
