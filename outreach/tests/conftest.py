"""Fixtures of mails that really leave, and of files that are really brought in."""

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from outreach.smtp import SmtpAccount
from outreach.tests.bringing import Bringing
from outreach.tests.postbox import Postbox, World
from outreach.tests.smtp_server import Script, Server


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    """A mail server that takes everything unless it is told otherwise."""
    server = Postbox()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def world(committed: None, postbox: Postbox) -> World:
    """An organisation whose mailbox sends through the postbox, really committed."""
    return World(postbox)


@pytest.fixture
def bringing(committed: None, tmp_path: Path) -> Bringing:
    """An organisation that brings files in, really committed."""
    return Bringing(tmp_path)


@pytest.fixture
def script() -> Script:
    """The answers of a server that takes everything unless it is told otherwise."""
    return Script()


@pytest.fixture
def serve(script: Script) -> Iterator[Callable[..., SmtpAccount]]:
    """Start the server and give back an account for it."""
    controllers: list[Server] = []

    def start(account: dict[str, Any] | None = None, **options: Any) -> SmtpAccount:
        options |= {"authenticator": script.authenticate}
        controller = Server(script, **options)
        controllers.append(controller)
        controller.start()
        given = {"host": "127.0.0.1", "port": controller.port, "security": "plain", "timeout": 5}
        return SmtpAccount(**given | (account or {}))

    yield start
    for controller in controllers:
        controller.stop()


@pytest.fixture
def raw_server() -> Iterator[Callable[..., SmtpAccount]]:
    """A server that says exactly these bytes, one piece after each command, then hangs up."""
    listeners: list[socket.socket] = []

    def start(*pieces: bytes) -> SmtpAccount:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def talk() -> None:
            peer, _ = listener.accept()
            with peer:
                for piece in pieces:
                    peer.sendall(piece)
                    if not peer.recv(65536):
                        return

        threading.Thread(target=talk, daemon=True).start()
        port = listener.getsockname()[1]
        return SmtpAccount("127.0.0.1", port, "plain", timeout=5, final_timeout=5)

    yield start
    for listener in listeners:
        listener.close()
