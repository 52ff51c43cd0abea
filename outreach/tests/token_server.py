"""A provider's token server, on this machine: it answers as it is told, and remembers."""

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any, Self
from urllib.parse import parse_qs

GOOD = "a-good-token"


class TokenServer:
    """Gives a token for a refresh token that it knows."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.answers: list[tuple[int, Any]] = []
        self.refresh_token = "renew-me"
        self.more: dict[str, Any] = {"expires_in": 3600}
        self._server = HTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/token"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, form: dict[str, str]) -> tuple[int, Any]:
        self.asked.append(form)
        if self.answers:
            return self.answers.pop(0)
        if form.get("refresh_token") != self.refresh_token:
            return 400, {"error": "invalid_grant", "error_description": "renew-me was revoked"}
        return 200, {"access_token": GOOD, "token_type": "Bearer"} | self.more

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.headers["Content-Type"] == "application/x-www-form-urlencoded"
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                status, said = outer.answer({name: values[0] for name, values in form.items()})
                self.send_response(status)
                if status in (301, 302, 307):
                    self.send_header("Location", outer.url)
                self.end_headers()
                self.wfile.write(said if isinstance(said, bytes) else json.dumps(said).encode())

            def log_message(self, *args: object) -> None:
                """Nothing is printed."""

        return Handler
