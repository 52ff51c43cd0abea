"""An SMTP server that stops answering where it is told to, and remembers all that it heard."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.parser import BytesHeaderParser

GREETING, RECIPIENT, CONTENT, END = "greeting", "RCPT", "content", "end"
SLOWLY = "slowly"


class StubbornServer:
    """It hangs at the stage `hangs_at`, or reads content at a byte a second (SLOWLY).

    `begun` are the recipients whose content began to arrive, `taken` the mails that were answered
    with 250, as recipient and Message-ID. `pause` seconds pass before each such answer.
    """

    def __init__(self) -> None:
        self.hangs_at = ""
        self.pause = 0.0
        self.hung = threading.Event()
        self.begun: list[str] = []
        self.taken: list[tuple[str, str]] = []
        self._over = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._over.set()
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                caller, _ = self._server.accept()
                threading.Thread(target=self._serve, args=(caller,), daemon=True).start()

    def _serve(self, caller: socket.socket) -> None:
        with caller, suppress(OSError), caller.makefile("rb") as lines:
            self._hang(GREETING)
            caller.sendall(b"220 stubborn\r\n")
            self._converse(caller, lines)

    def _converse(self, caller: socket.socket, lines) -> None:
        recipient = ""
        while line := lines.readline():
            word = line[:4].upper()
            if word == b"RCPT":
                recipient = line.decode().partition("<")[2].partition(">")[0]
                self._hang(RECIPIENT)
            if word == b"QUIT":
                return
            if word == b"DATA":
                caller.sendall(b"354 go ahead\r\n")
                identifier = self._content(recipient, lines)
                time.sleep(self.pause)
                self.taken.append((recipient, identifier))
            caller.sendall(b"250 ok\r\n")

    def _content(self, recipient: str, lines) -> str:
        first = lines.read(1)
        self.begun.append(recipient)
        self._hang(CONTENT)
        while self.hangs_at == SLOWLY and not self._over.is_set():
            self.hung.set()
            first += lines.read(1)
            self._over.wait(1)
        content = first
        for line in iter(lines.readline, b".\r\n"):
            if not line:
                raise ConnectionResetError
            content += line
        self._hang(END)
        return str(BytesHeaderParser().parsebytes(content)["Message-ID"])

    def _hang(self, stage: str) -> None:
        if self.hangs_at == stage:
            self.hung.set()
            while self.hangs_at == stage and not self._over.wait(0.1):
                pass


@contextmanager
def stubborn_server() -> Iterator[StubbornServer]:
    """The server, until the end of the test."""
    server = StubbornServer()
    try:
        yield server
    finally:
        server.close()
