"""Somebody who asks all the time, by way of the proxy that the documents describe."""

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle

from .stage import Failed, Stage

GLANCE_SECONDS = 0.05
PAGES = ("/login/", "/health/ready")  # the second asks PgBouncer and Redis as well
WEB = ("web", "web-next")  # the second only while the first does not answer


@contextmanager
def nobody_is_turned_away(stage: Stage) -> Iterator[None]:
    """Look at the pages all the while; Failed afterwards when one was not there once."""
    over, told = threading.Event(), list[str]()

    def look() -> None:
        for page in cycle(PAGES):
            told.append(_look(stage, page))
            if over.wait(GLANCE_SECONDS):
                return

    visitor = threading.Thread(target=look)
    visitor.start()
    try:
        yield
    finally:
        over.set()
        visitor.join()
    if missed := [failure for failure in told if failure]:
        raise Failed(f"{len(missed)} of {len(told)} visits failed: {missed[0]}")
    print(f"{'':10} {len(told)} visits meanwhile, none was turned away", flush=True)  # noqa: T201


def _look(stage: Stage, page: str) -> str:
    """Why the page could not be had; empty when it could."""
    failure = ""
    for name in WEB:
        host = stage.services["web"].environment["ALLOWED_HOSTS"]
        request = urllib.request.Request(  # noqa: S310
            f"http://{stage.machine.address(name)}{page}",
            headers={"Host": host, "X-Forwarded-Proto": "https"},
        )
        try:
            with urllib.request.urlopen(request, timeout=20):  # noqa: S310
                return ""
        except urllib.error.HTTPError as error:
            return f"{page}: {error}"
        except OSError as error:
            failure = f"{page}: {error}"
    return failure
