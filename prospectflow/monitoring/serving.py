"""A worker's own way to be asked: the same addresses as the web's, on a port of its own."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from django.db import connections
from django.utils import timezone

from prospectflow.errors import DomainError
from prospectflow.monitoring.answering import WORKER, Answer, Asked, answer

SILENT_SECONDS = 5  # whoever connects and says nothing is hung up on
NOWHERE = Answer(HTTPStatus.NOT_FOUND, "text/plain", b"/health/live, /health/ready, /metrics\n")


class PortTaken(DomainError):
    """WORKER_METRICS names an address and port that this machine does not give."""


class _OverSix(ThreadingHTTPServer):
    address_family = socket.AF_INET6


class _Handler(BaseHTTPRequestHandler):
    timeout = SILENT_SECONDS
    server_version, sys_version = "ProspectFlow", ""

    def do_GET(self) -> None:
        try:
            said = answer(self._asked(), now=timezone.now()) or NOWHERE
        finally:
            connections.close_all()  # of this thread, which ends with the answer
        self.send_response(said.status)
        self.send_header("Content-Type", said.content_type)
        self.send_header("Content-Length", str(len(said.body)))
        self.end_headers()
        self.wfile.write(said.body)

    def _asked(self) -> Asked:
        authorization = self.headers.get("Authorization", "")
        path = self.path.partition("?")[0]
        return Asked(path, "GET", WORKER, self.client_address[0], authorization)

    def log_message(self, format: str, *args: object) -> None:
        """Probes leave no lines."""


@contextmanager
def answering(address: tuple[str, int] | None) -> Iterator[None]:
    """Answer at this address meanwhile; None: nowhere. Raises PortTaken."""
    if address is None:
        yield
        return
    try:
        server = (_OverSix if ":" in address[0] else ThreadingHTTPServer)(address, _Handler)
    except OSError as error:
        host, port = address
        raise PortTaken(f"{host}:{port} cannot be used for WORKER_METRICS.") from error
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
