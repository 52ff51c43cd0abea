"""A mail server that misbehaves at one stage of the conversation, at a socket of its own."""

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from socket import create_server
from ssl import SSLContext
from threading import Event, Thread
from time import sleep
from typing import BinaryIO

STAGES = ("connect", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "dot")
AS_IT_SHOULD = {
    "connect": b"220 ready\r\n",
    "EHLO": b"250-peer\r\n250 AUTH PLAIN\r\n",
    "AUTH": b"235 welcome\r\n",
    "MAIL": b"250 2.1.0 OK\r\n",
    "RCPT": b"250 2.1.5 OK\r\n",
    "DATA": b"354 go on\r\n",
    "dot": b"250 2.0.0 Queued as 42\r\n",
    "RSET": b"250 OK\r\n",
    "QUIT": b"221 bye\r\n",
}

type Misdeed = bytes | Callable[["Peer", socket.socket], None]
"""What it says instead, or what it does."""


class Peer:
    """Takes mail on a free port; what it took stays in `mails`, as with a postbox.

    `does` says how it misbehaves, stage by stage, so many times; then all is well.
    """

    def __init__(self, context: SSLContext | None = None, reading: float = 0) -> None:
        self.mails: list[tuple[str, bytes]] = []
        self.does: dict[str, list[Misdeed]] = {}
        self.over, self.context = Event(), context
        self.reading = reading  # seconds for each byte of a mail
        self.listener = create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        """Hang up on everybody."""
        self.over.set()
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                Thread(target=self._converse, args=[connection], daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        with connection, suppress(OSError, EOFError):
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as lines:
                self._say("connect", connection)
                self._answer(connection, lines)

    def _answer(self, connection: socket.socket, lines: BinaryIO) -> None:
        recipient = ""
        for line in lines:
            stage = line.split()[0].decode().upper().replace("HELO", "EHLO")
            if found := re.match(rb"RCPT TO:<(.*)>", line):
                recipient = found[1].decode()
            self._say(stage, connection)
            if stage == "QUIT":
                return
            if stage == "DATA":
                self._take(recipient, self._content(lines))
                self._say("dot", connection)

    def _content(self, lines: BinaryIO) -> bytes:
        taken = []
        for line in lines:
            sleep(self.reading * len(line))
            if line == b".\r\n":
                return b"".join(taken)
            taken.append(line.removeprefix(b"."))
        raise EOFError

    def _take(self, recipient: str, content: bytes) -> None:
        misdeed = next(iter(self.does.get("dot", [])), b"250")
        if not (isinstance(misdeed, bytes) and misdeed[:1] in b"45"):
            self.mails.append((recipient, content))

    def _say(self, stage: str, connection: socket.socket) -> None:
        misdeeds = self.does.get(stage)
        misdeed = misdeeds.pop(0) if misdeeds else AS_IT_SHOULD[stage]
        if isinstance(misdeed, bytes):
            connection.sendall(misdeed)
        else:
            misdeed(self, connection)


def hangs(peer: Peer, connection: socket.socket) -> None:
    """Say nothing any more."""
    peer.over.wait()


def hangs_up(peer: Peer, connection: socket.socket) -> None:
    """Cut the line."""
    connection.shutdown(socket.SHUT_RDWR)


def dribbles(peer: Peer, connection: socket.socket) -> None:
    """Answer without an end, so slowly that no read ever times out."""
    while not peer.over.wait(0.05):
        connection.sendall(b"2")


@contextmanager
def peer(**options: object) -> Iterator[Peer]:
    """A peer for as long as it is needed."""
    found = Peer(**options)  # type: ignore[arg-type]
    try:
        yield found
    finally:
        found.stop()
