"""How many requests a second the web answers through PgBouncer, against direct connections.

Two web servers of two processes each, as in production but for TLS, differ in nothing but the way
to PostgreSQL. Each is asked in turn by as many connections; what is told is the median of the
ratios of these pairs.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from statistics import median

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prospectflow.settings")
django.setup()

from django.conf import settings  # noqa: E402

from benchmarks.console import fill, signed_in  # noqa: E402
from prospectflow.operations.embedded import state  # noqa: E402
from prospectflow.testing import processes  # noqa: E402
from prospectflow.testing.asking import api, serve_as  # noqa: E402
from prospectflow.testing.factories import make_organisation, make_user  # noqa: E402
from prospectflow.testing.pooler import Pooler  # noqa: E402

PAGES = {
    "console's list": "/crm/company/",
    "API's list": "/api/v1/companies/?limit=50",
}
CONNECTIONS = 8
PAIRS = 5
UNHURRIED = dict.fromkeys(
    ("API_RATE_PER_PERSON", "API_WRITES_PER_PERSON", "API_RATE_PER_ORGANISATION"), "1000000/second"
)


def environment(url: str) -> dict[str, str]:
    """As in production, except that nobody signs in or waits, and that no TLS stands before."""
    return (
        processes.environment()
        | UNHURRIED
        | {
            "DATABASE_URL": url,
            "DEBUG": "off",
            "SECURE_SSL_REDIRECT": "off",
            "OIDC_ISSUER": "http://127.0.0.1:1",
            "OIDC_CLIENT_ID": "benchmark",
            "PASSWORD_SIGN_IN": "off",
            "GRANIAN_WORKERS": "2",
            "GRANIAN_LOG_LEVEL": "warning",
        }
    )


@contextmanager
def web(url: str) -> Iterator[int]:
    """A web server on this database; the port at which it answers."""
    port = state._free_port(settings.LOCAL_DIRECTORY, set())
    served = [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "wsgi",
        "prospectflow.wsgi:application",
    ]
    told = environment(url) | {"GRANIAN_HOST": "127.0.0.1", "GRANIAN_PORT": str(port)}
    with subprocess.Popen(  # noqa: S603
        served,
        cwd=settings.BASE_DIR,
        env=told,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    ) as process:
        try:
            _wait_for(port)
            yield port
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # its workers too, who may still be starting


def _wait_for(port: int) -> None:
    for _ in range(300):
        try:
            HTTPConnection("127.0.0.1", port, timeout=5).connect()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("The web server does not answer.")


def a_second(port: int, path: str, cookie: str, seconds: float) -> float:
    """Answers a second to so many connections that each ask again at once."""
    until = time.monotonic() + seconds

    def ask(_: int) -> int:
        connection, answered = HTTPConnection("127.0.0.1", port, timeout=30), 0
        while time.monotonic() < until:
            connection.request("GET", path, headers={"Cookie": f"__Host-session={cookie}"})
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{path}: {answer.status} {body[:200]!r}")
            answered += 1
        return answered

    with ThreadPoolExecutor(CONNECTIONS) as crowd:
        return sum(crowd.map(ask, range(CONNECTIONS))) / seconds


def measure(rows: int, seconds: float) -> Iterator[tuple[str, float, float | None]]:
    owner = make_user()
    serve_as("app")
    organisation = make_organisation(owner=owner)
    fill([organisation], rows)
    direct = processes.environment()["DATABASE_URL"]
    collect = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"]
    subprocess.run(collect, cwd=settings.BASE_DIR, env=environment(direct), check=True)  # noqa: S603
    cookie = str(signed_in(owner, organisation).session.session_key)
    with ExitStack() as open_:
        pooler = Pooler(direct)
        open_.callback(pooler.remove)
        ports = [open_.enter_context(web(url)) for url in (pooler.url, direct)]
        for name, path in PAGES.items():
            for port in ports:
                a_second(port, path, cookie, 1)
            pairs = [
                [a_second(port, path, cookie, seconds) for port in ports] for _ in range(PAIRS)
            ]
            pooled = median(pair[0] for pair in pairs)
            yield f"pooler: {name}, requests a second through PgBouncer", pooled, None
            ratio = median(ours / theirs for ours, theirs in pairs)
            yield f"pooler: {name}, through PgBouncer by direct", ratio, 0.8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    with api():
        for figure, value, least in measure(*((2_000, 0.8) if quick else (50_000, 10.0))):
            line = {"figure": figure, "value": round(value, 2)}
            if least is not None:
                line |= {"goal": f">= {least}", "met": value >= least}
            print(json.dumps(line), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
