"""Servers on this machine that are signed in to by XOAUTH2, as Google's and Microsoft's are."""

import socket
from base64 import b64decode, b64encode
from contextlib import suppress
from ssl import SSLContext
from threading import Thread
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import MISSING, AuthResult

from outreach.tests.token_server import GOOD

REFUSED = b'{"status":"400","schemes":"Bearer"}'


def known(response: bytes) -> bool:
    """Whether this is XOAUTH2 with the token that the token server gives."""
    user, bearer, *ends = response.split(b"\x01")
    return user == b"user=zoe" and bearer == f"auth=Bearer {GOOD}".encode() and ends == [b"", b""]


class SmtpPeer(Controller):
    """An SMTP server that takes tokens, and passwords too unless it is told otherwise."""

    def __init__(self, **options: Any) -> None:
        self.mails: list[bytes] = []
        self.said: list[bytes] = []
        super().__init__(self, hostname="127.0.0.1", port=0, auth_require_tls=False, **options)

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()

    async def auth_XOAUTH2(self, server: Any, args: list[str]) -> AuthResult:
        response = b64decode(args[1])
        self.said.append(response)
        if known(response):
            return AuthResult(success=True, auth_data=response)
        answer = await server.challenge_auth(REFUSED)  # the reason comes as a challenge
        self.said.append(b"" if answer is MISSING else answer)
        return AuthResult(success=False, handled=False)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append(envelope.original_content)
        return "250 2.0.0 Queued"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class ImapPeer:
    """An IMAP server with an empty Inbox, which takes the token server's tokens."""

    def __init__(self, tls: SSLContext | None = None) -> None:
        self.said: list[bytes] = []
        self.refusal = b"NO [AUTHENTICATIONFAILED] Invalid credentials"
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with suppress(OSError), connection:  # who distrusts it breaks off
                self._greet(connection)

    def _greet(self, connection: socket.socket) -> None:
        if self._tls:
            connection = self._tls.wrap_socket(connection, server_side=True)
        with connection, connection.makefile("rwb", buffering=0) as wire:
            wire.write(b"* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] hello\r\n")
            self._talk(wire)

    def _talk(self, wire: Any) -> None:
        for line in wire:
            tag, command, *_ = line.split()
            said = b"OK done"
            if command == b"AUTHENTICATE":
                said = self._authenticate(wire)
            elif command == b"LIST":
                wire.write(b'* LIST () "/" INBOX\r\n')
            elif command == b"CAPABILITY":
                wire.write(b"* CAPABILITY IMAP4rev1 AUTH=XOAUTH2\r\n")
            wire.write(tag + b" " + said + b"\r\n")
            if command == b"LOGOUT":
                return

    def _authenticate(self, wire: Any) -> bytes:
        wire.write(b"+ \r\n")
        response = b64decode(wire.readline())
        self.said.append(response)
        if known(response):
            return b"OK signed in"
        wire.write(b"+ " + b64encode(REFUSED) + b"\r\n")
        self.said.append(wire.readline().strip())
        return self.refusal
