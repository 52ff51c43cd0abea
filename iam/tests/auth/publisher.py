"""A provider of the tests' own: real HTTP, keys that rotate, tokens of any shape."""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, BinaryIO

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from iam.auth import AuthConfiguration

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
CLIENT = "our-client"
KEYS = "/keys"
DISCOVERY = "/.well-known/openid-configuration"


@cache
def private_key(name: str, bits: int = 2048) -> RSAPrivateKey:
    """One key a name; making one takes a tenth of a second."""
    return generate_private_key(65537, bits)


def published(name: str, key: RSAPrivateKey | None = None, **members: Any) -> dict[str, Any]:
    """The public half as a JWK (RFC 7517); a member given as None is left out."""
    public = (key or private_key(name)).public_key()
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(public))
    jwk |= {"kid": name, "use": "sig", "alg": "RS256", **members}
    return {member: value for member, value in jwk.items() if value is not None}


class Clock:
    """A clock of seconds that the test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def passes(self, **amount: float) -> None:
        self.seconds += timedelta(**amount).total_seconds()


class Server(ThreadingHTTPServer):
    """Does not mind callers that hang up."""

    def handle_error(self, *args: Any) -> None:
        pass


class Publisher:
    """Serves discovery and keys, and remembers which paths were asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.keys: list[dict[str, Any]] = [published("first")]
        self.before_answering: Callable[[str], object] = lambda path: None
        self.write: Callable[[BinaryIO, bytes], object] = lambda file, body: file.write(body)
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self._server = Server(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def times_asked(self, path: str = KEYS) -> int:
        return self.asked.count(path)

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        if path in self.answers:
            return self.answers[path]
        documents = {DISCOVERY: self.discovery(), KEYS: {"keys": self.keys}}
        if path not in documents:
            return 404, {}, b""
        return 200, {}, json.dumps(documents[path]).encode()

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}{KEYS}",
            "end_session_endpoint": f"{self.issuer}/logout",
        }

    def fails(self) -> None:
        """From now on every path answers 500."""
        self.answers = {path: (500, {}, b"out of order") for path in (KEYS, DISCOVERY)}

    def recovers(self) -> None:
        self.answers = {}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        publisher = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                publisher.asked.append(self.path)
                publisher.before_answering(self.path)
                status, headers, body = publisher.answer(self.path)
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(body))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                publisher.write(self.wfile, body)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.do_GET()

            def log_message(self, *args: Any) -> None:
                pass

        return Handler

    def cognito(self, **fields: Any) -> AuthConfiguration:
        """A configuration that takes this server for Cognito."""
        return AuthConfiguration(
            **{"issuer": self.issuer, "client_id": CLIENT, "cognito": True} | fields
        )

    def other(self, **fields: Any) -> AuthConfiguration:
        """A configuration for a provider that follows RFC 9068 and knows no token_use."""
        return self.cognito(cognito=False, **{"api_audience": "our-api"} | fields)


def signed(
    claims: dict[str, Any], *, kid: str | None = "first", key: Any = None, **header: Any
) -> str:
    """Sign these claims; claims given as None are left out."""
    algorithm = header.pop("alg", "RS256")
    names = {"kid": kid} if kid is not None else {}
    present = {name: value for name, value in claims.items() if value is not None}
    signing_key = key if key is not None else private_key(kid or "first")
    return jwt.encode(present, signing_key, algorithm, headers=names | header)


def common(issuer: str) -> dict[str, Any]:
    issued = int(NOON.timestamp())
    return {"iss": issuer, "sub": "anna-1", "iat": issued, "exp": issued + 3600}


def id_claims(issuer: str, **claims: Any) -> dict[str, Any]:
    """What Cognito's ID token says of Anna."""
    anna = {"email": "Anna@Example.com", "email_verified": True, "given_name": "Anna"}
    return common(issuer) | anna | {"aud": CLIENT, "token_use": "id", "nonce": "n-1"} | claims


def access_claims(issuer: str, **claims: Any) -> dict[str, Any]:
    """What Cognito's access token says of Anna."""
    use = {"token_use": "access", "client_id": CLIENT, "username": "anna", "scope": "openid email"}
    return common(issuer) | use | claims


def machine_claims(issuer: str, **claims: Any) -> dict[str, Any]:
    """What Cognito's access token says of a client that asks for itself."""
    robot = {"sub": "robot", "client_id": "robot", "token_use": "access"}
    return common(issuer) | robot | {"scope": "prospectflow/read"} | claims


def rfc9068_claims(issuer: str, **claims: Any) -> dict[str, Any]:
    """What another provider's access token says of Anna."""
    anna = {"aud": "our-api", "client_id": CLIENT, "scope": "openid", "jti": "1"}
    return common(issuer) | anna | claims
