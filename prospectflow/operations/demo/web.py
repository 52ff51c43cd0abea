"""The web process beside the play, reached by the demo's recipients and then by you."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from outreach.mail.message import is_loopback
from prospectflow.errors import DomainError

PATIENCE_SECONDS = 30


class PortTaken(DomainError):
    """The web process cannot listen where it should."""


class NotThisMachine(DomainError):
    """PUBLIC_URL leads to another machine: unset it, or set it to http://127.0.0.1:8001."""


class WebProcessFailed(DomainError):
    """The web process did not start."""


@contextmanager
def web_process(public_url: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A real web process at this address, stopped at the end; PortTaken when somebody is there."""
    host, port = listening_address(public_url)
    command = [sys.executable, "manage.py", "runserver", "--noreload", f"{host}:{port}"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=os.environ.copy())
        try:
            _wait_until_it_answers(process, f"{public_url}/t/none.gif", log)
            yield process
        finally:
            process.terminate()
            process.wait(timeout=20)


def listening_address(public_url: str) -> tuple[str, int]:
    """Host and port of this machine at which PUBLIC_URL is served, both free to listen at.

    Raises NotThisMachine for a URL that leads elsewhere, PortTaken when somebody listens there.
    """
    parts = urlsplit(public_url)
    host, port = parts.hostname or "", parts.port or 80
    if parts.scheme != "http" or not is_loopback(host):
        raise NotThisMachine
    _refuse_taken(host, port)
    return host, port


def _refuse_taken(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken(
                f"Port {port} of {host} is taken: stop what listens there, or choose another"
                f" with PUBLIC_URL=http://127.0.0.1:{port + 1}."
            ) from error


def _wait_until_it_answers(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310
                return
        except OSError:
            time.sleep(0.1)
    raise WebProcessFailed(f"The web process did not start: {log} says why.")
