"""What the provider publishes about itself, asked over HTTP."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

import requests

from iam.auth.configuration import AuthConfiguration, is_safe_url
from iam.auth.refusals import Refusal

LARGEST_DOCUMENT = 256 * 1024  # bytes
HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """The provider's addresses; `end_session` is empty where it has none."""

    authorization: str
    token: str
    jwks: str
    end_session: str = ""


class Provider:
    """Fetches the provider's addresses (once) and its keys (whenever asked)."""

    def __init__(self, configuration: AuthConfiguration) -> None:
        self._configuration = configuration
        self._endpoints: Endpoints | None = None
        self._lock = Lock()

    def endpoints(self) -> Endpoints:
        """Return the provider's addresses; an unreachable provider is asked again next time."""
        with self._lock:
            if self._endpoints is None:
                self._endpoints = self._find_endpoints()
            return self._endpoints

    def keys(self) -> Mapping[str, Any]:
        """Fetch the set of keys (RFC 7517) as the provider publishes it now."""
        address = self._configuration.jwks_uri or self.endpoints().jwks
        return self._fetch(address)

    def _find_endpoints(self) -> Endpoints:
        configuration = self._configuration
        if configuration.domain and configuration.jwks_uri:
            return _cognito_endpoints(configuration.domain, configuration.jwks_uri)
        issuer = configuration.issuer
        document = self._fetch(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if document.get("issuer") != issuer:
            raise _unavailable(f"discovery names another issuer than {issuer}")
        return _discovered_endpoints(document)

    def _fetch(self, address: str) -> Mapping[str, Any]:
        """Fetch a JSON object; PROVIDER_UNAVAILABLE for anything else that may come."""
        seconds = self._configuration.timeout_seconds
        try:
            return json_object(*ask("GET", address, seconds=seconds))
        except (requests.RequestException, ValueError) as error:
            raise _unavailable(f"{address}: {error}") from error


def _unavailable(reason: str) -> Refusal:
    return Refusal("PROVIDER_UNAVAILABLE", reason=reason)


def ask(method: str, address: str, *, seconds: float, **options: Any) -> tuple[int, bytes]:
    """Return status and body of an answer of at most LARGEST_DOCUMENT bytes.

    ValueError where it is longer or takes more than `seconds`, requests.RequestException where
    none comes.
    """
    ends_at = time.monotonic() + seconds
    body = bytearray()
    options |= {"headers": HEADERS, "allow_redirects": False, "stream": True}
    with requests.request(method, address, timeout=seconds, **options) as response:
        # A larger chunk would wait until it is full, and a dripping answer outlive the time.
        for byte in response.iter_content(chunk_size=1):
            body += byte
            if len(body) > LARGEST_DOCUMENT or time.monotonic() > ends_at:
                raise ValueError("the answer is too long or too slow")
        return response.status_code, bytes(body)


def json_object(status: int, body: bytes) -> dict[str, Any]:
    """Return the JSON object that a good answer brings; ValueError for any other answer."""
    if status != requests.codes.ok:
        raise ValueError(f"status {status}")
    try:
        document = json.loads(body)
    except RecursionError as error:
        raise ValueError("the answer is nested too deeply") from error
    if not isinstance(document, dict):
        raise ValueError("the answer is no JSON object")
    return document


def _cognito_endpoints(domain: str, jwks: str) -> Endpoints:
    return Endpoints(
        authorization=f"https://{domain}/oauth2/authorize",
        token=f"https://{domain}/oauth2/token",
        jwks=jwks,
        end_session=f"https://{domain}/logout",
    )


def _discovered_endpoints(document: Mapping[str, Any]) -> Endpoints:
    return Endpoints(
        authorization=_address(document, "authorization_endpoint"),
        token=_address(document, "token_endpoint"),
        jwks=_address(document, "jwks_uri"),
        end_session=(
            _address(document, "end_session_endpoint") if "end_session_endpoint" in document else ""
        ),
    )


def _address(document: Mapping[str, Any], name: str) -> str:
    address = document.get(name)
    if not isinstance(address, str) or not is_safe_url(address):
        raise _unavailable(f"discovery gives no usable {name}")
    return address
