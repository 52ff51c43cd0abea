"""The API in process, asked with a really signed token: no network, the whole chain."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from threading import Thread
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.db import connection, reset_queries
from django.test import override_settings

from iam.auth import AuthConfiguration
from prospectflow.environment import database_from
from prospectflow.operations import embedded
from prospectflow.operations.scratch import scratch_database

KEY = generate_private_key(65537, 2048)
CLIENT = "benchmark"


class _Keys(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key())
        self.send_response(200)
        self.end_headers()
        jwk = json.loads(public) | {"kid": "k", "alg": "RS256", "use": "sig"}
        self.wfile.write(json.dumps({"keys": [jwk]}).encode())

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def api() -> Iterator[None]:
    """An empty, migrated database served as in production, and a provider with one key."""
    server = HTTPServer(("127.0.0.1", 0), _Keys)
    Thread(target=server.serve_forever, daemon=True).start()
    issuer = f"http://127.0.0.1:{server.server_port}"
    configuration = AuthConfiguration(
        issuer=issuer, client_id=CLIENT, cognito=True, jwks_uri=issuer
    )
    embedded.start(settings.LOCAL_DIRECTORY)
    # Everything as on a server, except that its throttles let a benchmark through.
    unlimited = override_settings(RATES=dict.fromkeys(settings.RATES, "1000000/second"))
    with scratch_database(), override_settings(DEBUG=False, AUTH=configuration):
        call_command("migrate", verbosity=0)
        with unlimited:
            yield
    server.shutdown()


def serve_as(role: str) -> None:
    """Let the connection be this role's from now on."""
    name = connection.settings_dict["NAME"]
    engine = connection.settings_dict["ENGINE"]
    url = embedded.database_url(settings.LOCAL_DIRECTORY, role=role, database=name)  # type: ignore[arg-type]
    connection.close()
    connection.settings_dict.update(database_from(url) | {"ENGINE": engine})


def token(subject: str) -> str:
    """What Cognito would give this person."""
    issued = int(datetime.now(UTC).timestamp())
    claims = {
        "sub": subject,
        "username": subject,
        "iss": settings.AUTH.issuer,
        "client_id": CLIENT,
        "token_use": "access",
        "scope": "openid",
        "iat": issued,
        "exp": issued + 3600,
    }
    return jwt.encode(claims, KEY, "RS256", {"kid": "k"})


def asking(path: str, bearer: str = "", query: str = "") -> Callable[[], bytes]:
    """A function that asks once and returns the body; anything but 200 raises."""
    handler = WSGIHandler()

    def ask() -> bytes:
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(),
        }
        if bearer:
            environ["HTTP_AUTHORIZATION"] = f"Bearer {bearer}"
        said: list[str] = []
        answer = handler(environ, lambda status, headers, exc_info=None: said.append(status))
        body = b"".join(answer)
        answer.close()
        if not said[0].startswith("200"):
            raise RuntimeError(f"{said[0]}: {body[:300]!r}")
        return body

    return ask


def round_trips(ask: Callable[[], bytes]) -> list[str]:
    """The statements that one request sends to PostgreSQL, BEGIN and COMMIT among them."""
    connection.force_debug_cursor = True
    reset_queries()
    ask()
    connection.force_debug_cursor = False
    return [query["sql"] for query in connection.queries]
