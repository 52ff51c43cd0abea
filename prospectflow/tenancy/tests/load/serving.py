"""The web process of production behind the pooler, for as long as a test lasts."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

from django.conf import settings

from iam.tests.auth.publisher import CLIENT, Publisher
from prospectflow.operations.embedded import state
from prospectflow.testing.processes import environment

PROCESSES, CLIENTS = 2, 100
RATES = [
    "API_RATE_PER_PERSON",
    "API_WRITES_PER_PERSON",
    "API_RATE_PER_ORGANISATION",
    "API_EXPORTS",
    "REFUSED_TOKENS_PER_ADDRESS",
]
UNLIMITED = dict.fromkeys(RATES, "1000000/second")


@contextmanager
def web(url: str, publisher: Publisher, log: Path, *, planted: str = "") -> Iterator[int]:
    """The port of the web; `planted` names the mistake of a build that makes one."""
    port = state._free_port(log, set())
    module = "prospectflow.testing.planted" if planted else "prospectflow.wsgi"
    own = {
        "DATABASE_URL": url,
        "OIDC_ISSUER": publisher.issuer,
        "OIDC_CLIENT_ID": CLIENT,
        "OIDC_API_AUDIENCE": "our-api",
        "PLANTED": planted,
    }
    command = ["-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    size = ["--workers", str(PROCESSES), "--blocking-threads", str(CLIENTS // PROCESSES)]
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, *command, *size, f"{module}:application"],
            cwd=settings.BASE_DIR,
            env=environment() | own | UNLIMITED,
            stdout=file,
            stderr=file,
        )
    try:
        _wait_for(port, process, log)
        yield port
        assert process.poll() is None, log.read_text()
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(port: int, process: subprocess.Popen, log: Path) -> None:
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as line:
            try:
                line.request("GET", "/t/none.gif")
                line.getresponse().read()
            except OSError:
                time.sleep(0.1)
            else:
                return
    raise AssertionError("The web does not answer.")
