"""Who asks: the browser's name for itself and the address it came from. Both are only hints."""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Self

from django.conf import settings
from django.http import HttpRequest

AGENT_LENGTH = 200
BROWSERS = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
]
SYSTEMS = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
]


@dataclass(frozen=True)
class Visitor:
    """What a request tells of where it came from."""

    address: str
    agent: str

    @classmethod
    def of(cls, request: HttpRequest) -> Self:
        """The visitor behind a request, the agent shortened and without control characters."""
        agent = request.headers.get("User-Agent", "")
        shown = "".join(letter for letter in agent if letter.isprintable())
        return cls(address_of(request), shown[:AGENT_LENGTH])


def address_of(request: HttpRequest) -> str:
    """The IP address that asks, or nothing; a proxy's word counts where it is trusted."""
    told = request.META.get("REMOTE_ADDR", "")
    if settings.SECURE_PROXY_SSL_HEADER:  # the last hop is the one our own proxy saw
        told = request.headers.get("X-Forwarded-For", told).rpartition(",")[2].strip()
    try:
        return str(ip_address(told))
    except ValueError:
        return ""


def device(agent: str) -> str:
    """A browser's name for itself, as a person would say it: "Firefox on Linux"."""
    browser = _first(BROWSERS, agent) or "Another program"
    system = _first(SYSTEMS, agent)
    return f"{browser} on {system}" if system else browser


def _first(marks: list[tuple[str, str]], agent: str) -> str:
    return next((name for mark, name in marks if mark in agent), "")
