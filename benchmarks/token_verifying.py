"""How fast a bearer token is checked with a cached key, against bare PyJWT in the same run."""

import argparse
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from statistics import median
from threading import Thread
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from iam.auth import AuthConfiguration, Verifier

PRIVATE = generate_private_key(65537, 2048)
PUBLIC = PRIVATE.public_key()
CLIENT = "1h57kf5cpq17m0eml12EXAMPLE"
NOW = datetime.now(UTC)


class Keys(BaseHTTPRequestHandler):
    """Answers every path with our one key."""

    def do_GET(self) -> None:
        jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(PUBLIC)) | {"kid": "k", "alg": "RS256"}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"keys": [jwk]}).encode())

    def log_message(self, *args: Any) -> None:
        pass


def serve_keys() -> str:
    server = HTTPServer(("127.0.0.1", 0), Keys)
    Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def access_token(issuer: str) -> str:
    """Sign a token with the claims that Cognito writes."""
    issued = int(NOW.timestamp())
    identifier = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
    names = ("sub", "username", "jti", "origin_jti", "event_id")
    claims = dict.fromkeys(names, identifier) | {
        "iss": issuer,
        "version": 2,
        "client_id": CLIENT,
        "token_use": "access",
        "scope": "openid email profile",
        "auth_time": issued,
        "iat": issued,
        "exp": issued + 3600,
    }
    return jwt.encode(claims, PRIVATE, "RS256", {"kid": "k"})


def a_second(action: Callable[[], object], times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        action()
    return times / (time.perf_counter() - began)


def report(figure: str, value: float, goal: float) -> None:
    met = value >= goal
    print(json.dumps({"figure": figure, "value": value, "goal": f">= {goal:g}", "met": met}))  # noqa: T201


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    times = 300 if parser.parse_args().quick else 3000
    issuer = serve_keys()
    verifier = Verifier(
        AuthConfiguration(issuer=issuer, client_id=CLIENT, cognito=True, jwks_uri=issuer)
    )
    header = f"Bearer {access_token(issuer)}"
    token = header.removeprefix("Bearer ")
    ours, peers = [], []
    for _ in range(5):
        peers.append(a_second(lambda: jwt.decode(token, PUBLIC, ["RS256"]), times))
        ours.append(a_second(lambda: verifier.bearer(header, now=NOW), times))
    ratio = median(one / other for one, other in zip(ours, peers, strict=True))
    report("token verifying: tokens a second on one core, key cached", round(median(ours)), 3000)
    report("token verifying: our tokens a second by jwt.decode's", round(ratio, 2), 0.5)


if __name__ == "__main__":
    main()
